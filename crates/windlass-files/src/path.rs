//! Paths as callers give them. Here only their form is judged; that they stay inside is up to the kernel.

use std::path::{Component, Path, PathBuf};

use crate::error::FileError;

/// Bytes of a path, and of one name in it: what Linux takes.
const LONGEST_PATH: usize = 4095;
const LONGEST_NAME: usize = 255;
/// Names in a path. Each is a directory that a write might have to make.
const DEEPEST: usize = 64;

/// What our own files that are not finished are called. They are never served.
pub(crate) const UNFINISHED: &str = ".windlass-unfinished-";

/// A place below the directory: names that lead down, or none for the directory itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place(Vec<String>);

impl Place {
    /// Reads a path. `root` is the directory, for those who give its whole path.
    pub fn parse(text: &str, root: &Path, hidden: bool) -> Result<Self, FileError> {
        let wrong = |why: &'static str| FileError::Form { path: brief(text), why };
        if text.contains('\0') {
            return Err(wrong("it has a NUL in it, as no name can"));
        }
        if text.len() > LONGEST_PATH {
            return Err(wrong("it is longer than a path can be"));
        }
        let inside = match text.strip_prefix('/') {
            None => text,
            Some(_) => below(text, root).ok_or_else(|| FileError::Outside(brief(text)))?,
        };
        let mut names = Vec::new();
        for name in inside.split('/') {
            match name {
                "" | "." => {}
                ".." => return Err(FileError::Up(brief(text))),
                name if name.len() > LONGEST_NAME => return Err(wrong("a name in it is longer than one can be")),
                name if !is_served(name, hidden) => return Err(FileError::Hidden(name.to_owned())),
                name => names.push(name.to_owned()),
            }
        }
        if names.len() > DEEPEST {
            return Err(wrong("it has more than 64 names"));
        }
        Ok(Self(names))
    }

    /// The directory above, and the name in it. None for the directory itself.
    pub fn split(&self) -> Option<(Self, &str)> {
        let (name, above) = self.0.split_last()?;
        Some((Self(above.to_vec()), name))
    }

    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// For the system. Never empty.
    pub fn as_path(&self) -> PathBuf {
        if self.0.is_empty() { PathBuf::from(".") } else { self.0.iter().collect() }
    }

    /// For an answer, and to be given back.
    pub fn text(&self) -> String {
        if self.0.is_empty() { ".".to_owned() } else { self.0.join("/") }
    }

    /// What something in it is called from the directory.
    pub fn join(&self, below: &str) -> String {
        if self.0.is_empty() { below.to_owned() } else { format!("{}/{below}", self.0.join("/")) }
    }
}

/// Whether a name is there for callers.
pub(crate) fn is_served(name: &str, hidden: bool) -> bool {
    !name.starts_with(UNFINISHED) && (hidden || !name.starts_with('.'))
}

/// What is left of an absolute path below `root`, by its words alone.
fn below<'a>(text: &'a str, root: &Path) -> Option<&'a str> {
    let mut rest = text;
    for part in root.components() {
        match part {
            Component::RootDir => {}
            Component::Normal(name) => {
                rest = rest.trim_start_matches('/').strip_prefix(name.to_str()?)?;
                if !rest.is_empty() && !rest.starts_with('/') {
                    return None;
                }
            }
            _ => return None,
        }
    }
    Some(rest)
}

/// Enough of a path to know it by.
fn brief(text: &str) -> String {
    match text.char_indices().nth(200) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, FileError> {
        Place::parse(text, Path::new("/srv/files"), false).map(|place| place.text())
    }

    #[test]
    fn paths_are_made_plain() {
        for (given, plain) in [
            ("", "."),
            (".", "."),
            ("/srv/files", "."),
            ("/srv//files/", "."),
            ("a/b", "a/b"),
            ("a//./b/", "a/b"),
            ("/srv/files/a", "a"),
            ("//srv/files//a", "a"),
            // No more than names that look odd.
            ("%2e%2e/x", "%2e%2e/x"),
            ("..\\x", "..\\x"),
            ("．．/x", "．．/x"),
            ("~/x", "~/x"),
            ("C:\\x", "C:\\x"),
            ("file:///x", "file:/x"),
        ] {
            let parsed = Place::parse(given, Path::new("/srv/files"), true).unwrap();
            assert_eq!(parsed.text(), plain, "{given}");
        }
    }

    #[test]
    fn nothing_leads_up_or_elsewhere() {
        for outside in
            ["..", "a/..", "a/../b", "/etc/passwd", "/srv/filesystem", "/srv", "/", "/srv/files/../x", "/srv/./files"]
        {
            assert!(matches!(parse(outside), Err(FileError::Outside(_) | FileError::Up(_))), "{outside}");
        }
        for hidden in [".env", "a/.git/config", "..."] {
            assert!(matches!(parse(hidden), Err(FileError::Hidden(_))), "{hidden}");
        }
        let long = "x".repeat(256);
        let deep = "a/".repeat(65);
        for form in ["a\0b", &long, &deep, &"a".repeat(5000)] {
            assert!(matches!(parse(form), Err(FileError::Form { .. })), "{form:.20}");
        }
        assert!(Place::parse(&format!("{UNFINISHED}x"), Path::new("/srv"), true).is_err(), "our own");
    }

    proptest::proptest! {
        /// Whatever is taken has only names that lead down.
        #[test]
        fn what_is_taken_leads_down(text in "(/srv/files)?[./a\\\\%~\\PC]{0,40}") {
            if let Ok(place) = Place::parse(&text, Path::new("/srv/files"), true) {
                let path = place.as_path();
                proptest::prop_assert!(path.is_relative());
                for part in path.components() {
                    proptest::prop_assert!(matches!(part, Component::Normal(_) | Component::CurDir));
                }
            }
        }
    }
}
