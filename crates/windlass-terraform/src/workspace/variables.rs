use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
    sync::LazyLock,
};

use regex::Regex;
use serde_json::Value;

use super::{Workspace, write_private};
use crate::{Error, ErrorKind, Sources};

static DECLARATION: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?m)^\s*variable\s+"([\w-]+)"\s*\{"#).ok());

/// The values of a stack's variables. They go to Terraform in a file only we may read, and do not print.
#[derive(Clone, Default, PartialEq)]
pub struct Variables(BTreeMap<String, Value>);

impl Variables {
    /// None: every variable has its default.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The variables a stack declares.
pub(super) fn declared(sources: &Sources) -> BTreeSet<String> {
    let names = |text| DECLARATION.iter().flat_map(move |pattern| pattern.captures_iter(text));
    sources.root_texts().flat_map(names).filter_map(|found| Some(found.get(1)?.as_str().to_owned())).collect()
}

/// The file of values, for as long as a run needs it.
pub(super) struct Written(PathBuf);

impl Workspace {
    /// Writes the values where Terraform looks for them. A name the stack does not know is refused: Terraform would
    /// ignore it, and deploy something else than was asked for.
    pub(super) fn write_variables(&self, variables: &Variables) -> Result<Written, Error> {
        if let Some(unknown) = variables.0.keys().find(|name| !self.declared.contains(*name)) {
            let problem = "the stack has no such variable".into();
            return Err(ErrorKind::Invalid { variable: Some(unknown.clone()), problem }.into());
        }
        let path = self.root.join("terraform.tfvars.json");
        let text = serde_json::to_vec_pretty(&variables.0).unwrap_or_default();
        write_private(&path, &text)?;
        Ok(Written(path))
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!(%error, path = %self.0.display(), "the file of variables");
        }
    }
}
