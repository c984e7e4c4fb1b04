//! What turns text into vectors.

use super::{Checker, secret, unused};
use crate::{
    exposure,
    node::Path,
    settings::{EmbedderKind, EmbedderSettings},
};

/// No model has more, and no store takes more.
const MOST_DIMENSIONS: usize = 16_000;

pub(super) fn check(checker: &mut Checker, path: &Path, embedder: &EmbedderSettings) {
    let key = |key: &str| path.clone().key(key);
    let mut needed = |name: &str, given: bool, hint: &str| {
        if !given {
            checker.refuse(path, format!("this kind needs `{name}`"), hint);
        }
    };
    let has_model = embedder.model.as_deref().is_some_and(|model| !model.trim().is_empty());
    match embedder.kind {
        EmbedderKind::Hashed => {}
        EmbedderKind::Openai => {
            needed("url", embedder.url.is_some(), "`https://api.openai.com/v1`, or where else it is");
            needed("model", has_model, "as who serves it calls it: `text-embedding-3-small`");
        }
        EmbedderKind::Bedrock => needed("model", has_model, "its id: `amazon.titan-embed-text-v2:0`"),
        EmbedderKind::Model => {
            needed("directory", embedder.directory.is_some(), "where `model.safetensors` and `tokenizer.json` are");
        }
    }
    if let (EmbedderKind::Openai, Some(url)) = (embedder.kind, &embedder.url) {
        checker.web_url(&key("url"), url, embedder.api_key.is_some());
        if url.scheme() == "http" && embedder.api_key.is_none() && !exposure::is_loopback(url) {
            checker.notice(&key("url"), "documents and questions travel there in the open");
        }
    }
    if let (EmbedderKind::Model, Some(directory)) = (embedder.kind, &embedder.directory)
        && !directory.is_dir()
    {
        let hint = "relative paths start from the directory of windlass.yaml";
        checker.refuse(&key("directory"), format!("{} is no directory", directory.display()), hint);
    }
    secret(checker, &key("api_key"), embedder.api_key.as_deref());
    if embedder.dimensions.is_some_and(|dimensions| dimensions == 0 || dimensions > MOST_DIMENSIONS) {
        checker.refuse(
            &key("dimensions"),
            "no vector is like that",
            "1 to 16000, and what the model has; or leave it out",
        );
    }
    let others: &[(&str, bool, &[EmbedderKind])] = &[
        ("url", embedder.url.is_some(), &[EmbedderKind::Openai]),
        ("api_key", embedder.api_key.is_some(), &[EmbedderKind::Openai]),
        ("model", embedder.model.is_some(), &[EmbedderKind::Openai, EmbedderKind::Bedrock]),
        ("region", embedder.region.is_some(), &[EmbedderKind::Bedrock]),
        ("directory", embedder.directory.is_some(), &[EmbedderKind::Model]),
        (
            "dimensions",
            embedder.dimensions.is_some(),
            &[EmbedderKind::Hashed, EmbedderKind::Openai, EmbedderKind::Bedrock],
        ),
    ];
    let idle = others.iter().filter(|(_, given, kinds)| *given && !kinds.contains(&embedder.kind));
    let idle: Vec<(&str, bool)> = idle.map(|(name, given, _)| (*name, *given)).collect();
    unused(checker, path, &idle, "embedders of this kind have none");
}
