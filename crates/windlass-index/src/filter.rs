//! Which documents are meant.

use time::Date;

/// Which documents are meant; the default lets all through. What is said must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The path matches this glob (`guides/**`); `*` does not cross a `/`, `**` does.
    pub path: Option<String>,
    /// It is written in one of these (`markdown`, `pdf`, `rust`); empty lets all through.
    pub languages: Vec<String>,
    /// It has all of these tags.
    pub tags: Vec<String>,
    /// It is dated on this day or later.
    pub since: Option<Date>,
    /// It is dated on this day or earlier.
    pub until: Option<Date>,
}

impl Filter {
    /// Whether everything passes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
