//! Where this machine's own packages of a suite come from.
//!
//! Only Debian's own kind of source is taken (`main` of the suite, of its updates and of its security fixes), so that two
//! machines make the same image, whatever else is installed on them.

use std::{fs, path::Path};

/// The sources of `suite` below `etc`: lines for mmdebstrap, and stanzas of the newer form for it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sources {
    /// `deb ...`
    pub lines: Vec<String>,
    /// Stanzas, one file of them.
    pub stanzas: String,
}

impl Sources {
    /// Those in `/etc/apt`, or wherever `etc` is.
    pub fn of(etc: &Path, suite: &str) -> Self {
        let mut this = Self::default();
        let parts = fs::read_dir(etc.join("sources.list.d")).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut files: Vec<_> = parts.chain([etc.join("sources.list")]).collect();
        files.sort();
        for file in files {
            let text = fs::read_to_string(&file).unwrap_or_default();
            match file.extension().and_then(|extension| extension.to_str()) {
                Some("list") => this.lines.extend(text.lines().filter_map(|line| one_line(line, suite))),
                Some("sources") => {
                    for stanza in text.split("\n\n").filter_map(|stanza| deb822(stanza, suite)) {
                        this.stanzas += &stanza;
                    }
                }
                _ => {}
            }
        }
        this
    }
}

/// Whether a source named `name` belongs to `suite`.
fn belongs(name: &str, suite: &str) -> bool {
    let rest = name.strip_prefix(suite);
    rest.is_some_and(|rest| matches!(rest, "" | "-updates" | "-security" | "/updates"))
}

/// `deb [OPTIONS] URI SUITE COMPONENT...`
fn one_line(line: &str, suite: &str) -> Option<String> {
    let rest = line.trim().strip_prefix("deb")?.strip_prefix([' ', '\t'])?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map(|(options, rest)| (format!("[{options}] "), rest))?,
        None => (String::new(), rest),
    };
    let mut words = rest.split_whitespace().take_while(|word| !word.starts_with('#'));
    let (uri, name) = (words.next()?, words.next()?);
    let wanted = belongs(name, suite) && words.any(|component| component == "main") && !uri.starts_with("cdrom:");
    wanted.then(|| format!("deb {options}{uri} {name} main"))
}

/// The same as a stanza of fields.
fn deb822(stanza: &str, suite: &str) -> Option<String> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in stanza.lines().filter(|line| !line.starts_with('#')) {
        match fields.last_mut() {
            Some((_, value)) if line.starts_with([' ', '\t']) => *value += &format!("\n{line}"),
            _ => {
                let (name, value) = line.split_once(':')?;
                fields.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
    }
    let field = |name: &str| fields.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let has = |name: &str, word: &str| field(name).is_some_and(|value| value.split_whitespace().any(|w| w == word));
    let suites: Vec<&str> = field("Suites")?.split_whitespace().filter(|name| belongs(name, suite)).collect();
    let on = field("Enabled").is_none_or(|value| !matches!(value.to_ascii_lowercase().as_str(), "no" | "false" | "0"));
    if suites.is_empty() || !on || !has("Types", "deb") || !has("Components", "main") {
        return None;
    }
    let mut text = String::new();
    for (name, value) in &fields {
        let value = match name.to_ascii_lowercase().as_str() {
            "types" => "deb".to_owned(),
            "suites" => suites.join(" "),
            "components" => "main".to_owned(),
            "uris" | "signed-by" | "trusted" | "check-valid-until" | "check-date" => value.clone(),
            _ => continue,
        };
        text += &format!("{name}: {value}\n");
    }
    Some(text + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        for (line, found) in [
            ("deb http://mirror.test/debian bookworm main", Some("deb http://mirror.test/debian bookworm main")),
            (
                "  deb [signed-by=/k.gpg arch=amd64] http://mirror.test/debian bookworm-security contrib main # ours",
                Some("deb [signed-by=/k.gpg arch=amd64] http://mirror.test/debian bookworm-security main"),
            ),
            ("deb http://mirror.test/debian bookworm-backports main", None),
            ("deb http://mirror.test/debian trixie main", None),
            ("deb http://other.test/debian bookworm stable", None),
            ("deb-src http://mirror.test/debian bookworm main", None),
            ("deb cdrom:[Debian]/ bookworm main", None),
            ("# deb http://mirror.test/debian bookworm main", None),
            ("", None),
        ] {
            assert_eq!(one_line(line, "bookworm").as_deref(), found, "{line}");
        }
    }

    #[test]
    fn stanzas() {
        let stanza = "Types: deb deb-src\n# a note\nURIs: http://mirror.test/debian\nSuites: bookworm bookworm-updates sid\n\
                      Components: main contrib\nSigned-By:\n -----BEGIN\n .\n x\n -----END\nLanguages: en";
        assert_eq!(
            deb822(stanza, "bookworm").as_deref(),
            Some(
                "Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm bookworm-updates\nComponents: main\n\
                 Signed-By: \n -----BEGIN\n .\n x\n -----END\n\n"
            )
        );
        assert_eq!(deb822(&format!("Enabled: no\n{stanza}"), "bookworm"), None);
        assert_eq!(deb822(stanza, "trixie"), None);
        assert_eq!(deb822("", "bookworm"), None);
    }

    #[test]
    fn both_forms_and_nothing_else_of_the_directory() {
        let etc = tempfile::tempdir().unwrap();
        fs::create_dir(etc.path().join("sources.list.d")).unwrap();
        let write = |name: &str, text: &str| fs::write(etc.path().join(name), text).unwrap();
        write("sources.list", "deb http://a.test/ bookworm main\n");
        write("sources.list.d/b.list.off", "deb http://b.test/ bookworm main\n");
        write("sources.list.d/c.sources", "Types: deb\nURIs: http://c.test/\nSuites: bookworm\nComponents: main\n");
        let found = Sources::of(etc.path(), "bookworm");
        assert_eq!(found.lines, ["deb http://a.test/ bookworm main"]);
        assert_eq!(found.stanzas, "Types: deb\nURIs: http://c.test/\nSuites: bookworm\nComponents: main\n\n");
        assert_eq!(Sources::of(Path::new("/nonexistent"), "bookworm"), Sources::default());
    }
}
