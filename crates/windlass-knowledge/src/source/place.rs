//! What all sources have in common: which files are wanted, how they are called, where a person finds them.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use windlass_config::settings::KnowledgeSourceSettings;

use super::{File, SourceError, known};
use crate::SettingError;

/// More files than this are no collection of documents, but a mistake in the settings, or an attack.
pub(super) const MAX_FILES: usize = 250_000;
/// The beginning of a file that its format is told from, where the name does not say.
pub(super) const HEAD: usize = 512;

/// What may stand in the path of an address as it is: everything else would end or change it.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Which files are wanted, and what they are called.
#[derive(Debug, Clone)]
pub(super) struct Place {
    include: Option<GlobSet>,
    exclude: GlobSet,
    prefix: String,
    link: Option<String>,
    pub max_file: u64,
}

/// What to do with a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is a document.
    Take,
    /// The settings leave it out.
    LeftOut,
    /// Its name does not say what it is, so its beginning has to.
    Look,
    /// It is passed over, and counted by this.
    Skip(String),
}

impl Place {
    pub fn new(settings: &KnowledgeSourceSettings, max_file: u64) -> Result<Self, SettingError> {
        let include = match settings.include.is_empty() {
            true => None,
            false => Some(globs("include", &settings.include)?),
        };
        let mut prefix = settings.prefix.trim_matches('/').to_owned();
        if !prefix.is_empty() {
            prefix.push('/');
        }
        if let Some(link) = &settings.link
            && !link.contains("{path}")
        {
            return Err(SettingError::new("link", "it has no `{path}`, so all documents would have one address"));
        }
        let exclude = globs("exclude", &settings.exclude)?;
        Ok(Self { include, exclude, prefix, link: settings.link.clone(), max_file })
    }

    /// By its path in the source and its size.
    pub fn judge(&self, path: &str, bytes: u64) -> Verdict {
        if self.exclude.is_match(path) || self.include.as_ref().is_some_and(|include| !include.is_match(path)) {
            return Verdict::LeftOut;
        }
        if known(path, &[]) {
            return match bytes > self.max_file {
                true => Verdict::Skip(self.too_large()),
                false => Verdict::Take,
            };
        }
        match extension(path) {
            None if bytes <= self.max_file => Verdict::Look,
            None => Verdict::Skip(self.too_large()),
            Some(extension) => Verdict::Skip(format!("*.{extension}")),
        }
    }

    /// By its beginning as well.
    pub fn judge_head(&self, path: &str, head: &[u8]) -> Verdict {
        match known(path, head) {
            true => Verdict::Take,
            false => Verdict::Skip("no extension".to_owned()),
        }
    }

    fn too_large(&self) -> String {
        format!("larger than {} bytes", self.max_file)
    }

    /// Its path in the collection.
    pub fn named(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// Its path in the source.
    pub fn path<'a>(&self, file: &'a File) -> Result<&'a str, SourceError> {
        let own = file.path.strip_prefix(&self.prefix);
        own.ok_or_else(|| SourceError::File(format!("{} is not a file of this source", file.path)))
    }

    /// Where a person finds it, by the settings' template.
    pub fn link(&self, path: &str, commit: &str) -> Option<String> {
        // The path last: it may hold braces.
        let template = self.link.as_ref()?;
        Some(template.replace("{commit}", commit).replace("{path}", &encoded(path)))
    }

    /// More than was said when it was listed.
    pub fn grew(&self, path: &str) -> SourceError {
        SourceError::File(format!("{path} has become larger than {} bytes", self.max_file))
    }
}

/// Counts one more that is passed over.
pub(super) fn count(skipped: &mut BTreeMap<String, u64>, why: impl Into<String>) {
    *skipped.entry(why.into()).or_default() += 1;
}

/// A path as it stands in an address.
pub(super) fn encoded(path: &str) -> String {
    utf8_percent_encode(path, PATH).to_string()
}

/// In small letters; none where it is too long to be one, or the name only begins with a point.
fn extension(path: &str) -> Option<String> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let (stem, extension) = name.rsplit_once('.')?;
    let plain = !stem.is_empty() && (1..=16).contains(&extension.len()) && !extension.contains(char::is_whitespace);
    plain.then(|| extension.to_lowercase())
}

fn globs(setting: &'static str, patterns: &[String]) -> Result<GlobSet, SettingError> {
    let wrong = |error: globset::Error| SettingError::new(setting, error.to_string());
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        // As in `.gitignore`, a leading `/` is the top, which is where these start anyway.
        let pattern = pattern.strip_prefix('/').unwrap_or(pattern);
        set.add(GlobBuilder::new(pattern).literal_separator(true).build().map_err(wrong)?);
    }
    set.build().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(change: impl FnOnce(&mut KnowledgeSourceSettings)) -> Result<Place, SettingError> {
        let mut settings = KnowledgeSourceSettings::default();
        change(&mut settings);
        Place::new(&settings, 1000)
    }

    #[test]
    fn files_are_judged_by_name_and_size() {
        let all = place(|_| {}).unwrap();
        let skip = |why: &str| Verdict::Skip(why.to_owned());
        assert_eq!(all.judge("a/b.md", 1000), Verdict::Take);
        assert_eq!(all.judge("a/b.md", 1001), skip("larger than 1000 bytes"));
        assert_eq!(all.judge("a/b.PNG", 10), skip("*.png"));
        assert_eq!(all.judge("a.b/c", 10), Verdict::Look);
        assert_eq!(all.judge("a.b/c", 1001), skip("larger than 1000 bytes"));
        assert_eq!(all.judge("x.a name with blanks", 10), Verdict::Look);

        let some = place(|settings| {
            settings.include = vec!["**/*.md".to_owned()];
            settings.exclude = vec!["drafts/**".to_owned(), "/*.tmp.md".to_owned()];
        });
        let some = some.unwrap();
        assert_eq!(some.judge("x/y/z.md", 1), Verdict::Take);
        for left_out in ["x/y.txt", "drafts/a/b.md", "a.tmp.md"] {
            assert_eq!(some.judge(left_out, 1), Verdict::LeftOut, "{left_out}");
        }
        assert_eq!(some.judge("deep/a.tmp.md", 1), Verdict::Take);
    }

    #[test]
    fn mistakes_in_settings_are_named() {
        let error = place(|settings| settings.include = vec!["a{".to_owned()]).unwrap_err().to_string();
        assert!(error.starts_with("include: "), "{error}");
        let error = place(|settings| settings.link = Some("https://example.com/".to_owned())).unwrap_err().to_string();
        assert!(error.contains("{path}"), "{error}");
    }

    #[test]
    fn a_path_cannot_leave_its_place_in_an_address() {
        let place = place(|settings| {
            settings.prefix = "/hand book/".to_owned();
            settings.link = Some("https://example.com/{commit}/{path}?plain=1".to_owned());
        });
        let place = place.unwrap();
        assert_eq!(place.named("a.md"), "hand book/a.md");
        assert_eq!(
            place.link("a b/{commit}#?%.md", "c0ffee").unwrap(),
            "https://example.com/c0ffee/a%20b/%7Bcommit%7D%23%3F%25.md?plain=1"
        );
    }
}
