//! Which collections are meant, and whether they can be asked.

use std::sync::Arc;

use windlass_core::{ErrorKind, ToolError};
use windlass_index::{IndexError, Snapshot};

use crate::collections::{Collection, Collections};

/// A collection that can be asked.
pub(super) struct Open {
    pub collection: Arc<Collection>,
    pub snapshot: Arc<dyn Snapshot>,
}

impl Open {
    pub fn name(&self) -> &str {
        self.collection.name()
    }
}

/// The collections of these names, or all where there are none. Notes tell which of them cannot be asked; an error does
/// where none can.
pub(super) async fn open(collections: &Collections, names: &[String]) -> Result<(Vec<Open>, Vec<String>), ToolError> {
    let mut chosen: Vec<&Arc<Collection>> = Vec::new();
    for name in names {
        let collection = collections.get(name.trim()).ok_or_else(|| unknown(collections, name))?;
        if !chosen.iter().any(|other| other.name() == collection.name()) {
            chosen.push(collection);
        }
    }
    if names.is_empty() {
        chosen = collections.all().collect();
    }
    let looked = chosen.iter().map(|collection| async move { (*collection, collection.snapshot().await) });
    let (mut open, mut notes, mut last) = (Vec::new(), Vec::new(), None);
    for (collection, snapshot) in futures::future::join_all(looked).await {
        match snapshot {
            Ok(Some(snapshot)) => open.push(Open { collection: collection.clone(), snapshot }),
            Ok(None) => {
                let error = missing(collection);
                notes.push(error.message.clone());
                last = Some(error);
            }
            Err(error) => {
                let error = failure(collection.name(), error);
                notes.push(error.message.clone());
                last = Some(error);
            }
        }
    }
    match last {
        Some(error) if open.is_empty() => Err(error),
        _ => Ok((open, notes)),
    }
}

fn unknown(collections: &Collections, name: &str) -> ToolError {
    let names: Vec<String> = collections.all().map(|collection| format!("`{}`", collection.name())).collect();
    ToolError::not_found(format!("there is no collection `{name}`")).hint(format!("there is {}", names.join(", ")))
}

fn missing(collection: &Collection) -> ToolError {
    let name = collection.name();
    let unavailable = |why: String| ToolError::new(ErrorKind::Unavailable, why);
    match (collection.being_made(), collection.failure()) {
        (Some(made), _) => unavailable(format!("the collection `{name}` is {made}")).hint("try again in a while"),
        (None, Some(why)) => unavailable(format!("the collection `{name}` could not be made yet"))
            .hint("its operator finds the reason in the server's log and in /ready")
            .detail(why),
        (None, None) => unavailable(format!("the collection `{name}` has not been made yet"))
            .hint("its operator makes it with `windlass knowledge refresh`"),
    }
}

/// What a model is told of an index that fails, and what only the log keeps.
pub(super) fn failure(name: &str, error: IndexError) -> ToolError {
    match error {
        IndexError::Invalid(what) => ToolError::invalid(what),
        IndexError::Unreachable(_) | IndexError::Damaged(_) => {
            ToolError::new(ErrorKind::Unavailable, format!("the collection `{name}` cannot be read now"))
                .hint("try again in a while; its operator finds the reason in the server's log and in /ready")
                .detail(error)
        }
        IndexError::OtherModel { .. } | IndexError::Overtaken(_) | IndexError::NoGeneration(_) => {
            ToolError::internal(error)
        }
    }
}
