//! What may have been meant.

/// How alike a name must be to what was given.
const ALIKE: f64 = 0.6;
/// Names that are suggested.
const MOST: usize = 5;

/// The paths that are nearest to `wanted`, the best first: by their last part, and as a whole.
pub(super) fn paths<'a>(wanted: &str, all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_lowercase();
    let (wanted, wanted_last) = (wanted.to_lowercase(), last(wanted));
    let alike = |path: &str| {
        let (path, name) = (path.to_lowercase(), last(path));
        let whole = strsim::normalized_damerau_levenshtein(&wanted, &path);
        let part = strsim::normalized_damerau_levenshtein(&wanted_last, &name);
        let stem = |name: &str| name.rsplit_once('.').map_or(name.to_owned(), |(stem, _)| stem.to_owned());
        let bonus = if stem(&name) == stem(&wanted_last) { 0.3 } else { 0.0 };
        whole.max(part * 0.9) + bonus
    };
    best(all.map(|path| (alike(path), path)))
}

/// The names that are nearest to `wanted`, the best first.
pub(super) fn names<'a>(wanted: &str, all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = wanted.to_lowercase();
    best(all.map(|name| {
        let lower = name.to_lowercase();
        let contains = !wanted.is_empty() && lower.contains(&wanted);
        (strsim::normalized_damerau_levenshtein(&wanted, &lower).max(if contains { 0.8 } else { 0.0 }), name)
    }))
}

fn best<'a>(rated: impl Iterator<Item = (f64, &'a str)>) -> Vec<&'a str> {
    let mut near: Vec<_> = rated.filter(|(alike, _)| *alike >= ALIKE).collect();
    near.sort_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| one.cmp(other)));
    near.dedup_by(|a, b| a.1 == b.1);
    near.into_iter().take(MOST).map(|(_, name)| name).collect()
}

/// The first `most` characters, with `…` where there are more.
pub(super) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", text[..at].trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_paths_are_found_by_name_and_as_a_whole() {
        let all = ["guides/vpn.md", "guides/vpn-linux.md", "hr/holidays.md", "it/vpn.pdf"];
        let near = |wanted| paths(wanted, all.into_iter());
        assert_eq!(near("vpn.md"), ["guides/vpn.md", "it/vpn.pdf"]);
        assert_eq!(near("guides/VPN.txt")[0], "guides/vpn.md");
        assert_eq!(near("hr/holiday.md"), ["hr/holidays.md"]);
        assert!(near("zzzzzzzzzz").is_empty());
    }

    #[test]
    fn near_names_may_be_parts() {
        assert_eq!(names("setup", ["Setup on Linux", "Usage"].into_iter()), ["Setup on Linux"]);
        assert!(names("", ["Usage"].into_iter()).is_empty());
    }

    #[test]
    fn text_is_shortened_at_characters() {
        assert_eq!(shortened("äöü", 2), "äö…");
        assert_eq!(shortened("äöü", 3), "äöü");
    }
}
