//! Links that lead to lines.

/// The link with the lines it is about, where its host can show them: GitHub, GitLab, Gitea and Forgejo know pages of
/// files with lines. Markdown is asked for as it is written: the rendered page has no lines.
pub fn with_lines(link: &str, first_line: u32, last_line: u32) -> String {
    if link.contains(['#', '?']) {
        return link.to_owned();
    }
    let is_gitlab = link.contains("/-/blob/");
    if !is_gitlab && !link.contains("/blob/") && !link.contains("/src/commit/") && !link.contains("/src/branch/") {
        return link.to_owned();
    }
    let is_rendered = [".md", ".markdown", ".mkd", ".rst", ".adoc", ".org", ".ipynb", ".html"];
    let lower = link.to_lowercase();
    let plain = match is_rendered.iter().any(|end| lower.ends_with(end)) {
        true if link.contains("/src/") && !link.contains("/blob/") => "?display=source",
        true => "?plain=1",
        false => "",
    };
    match (first_line == last_line, is_gitlab) {
        (true, _) => format!("{link}{plain}#L{first_line}"),
        (false, true) => format!("{link}{plain}#L{first_line}-{last_line}"),
        (false, false) => format!("{link}{plain}#L{first_line}-L{last_line}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_has_its_own_way() {
        for (link, expected) in [
            ("https://github.com/o/r/blob/1f2e/a/b.rs", "https://github.com/o/r/blob/1f2e/a/b.rs#L3-L9"),
            ("https://github.com/o/r/blob/1f2e/a.md", "https://github.com/o/r/blob/1f2e/a.md?plain=1#L3-L9"),
            ("https://gitlab.example/g/p/-/blob/1f2e/a.MD", "https://gitlab.example/g/p/-/blob/1f2e/a.MD?plain=1#L3-9"),
            (
                "https://codeberg.org/o/r/src/commit/1f2e/a.md",
                "https://codeberg.org/o/r/src/commit/1f2e/a.md?display=source#L3-L9",
            ),
            ("https://handbook.example/a.md", "https://handbook.example/a.md"),
            ("https://github.com/o/r/blob/1f2e/a.md#top", "https://github.com/o/r/blob/1f2e/a.md#top"),
        ] {
            assert_eq!(with_lines(link, 3, 9), expected);
        }
        assert_eq!(with_lines("https://github.com/o/r/blob/1/a.c", 3, 3), "https://github.com/o/r/blob/1/a.c#L3");
    }
}
