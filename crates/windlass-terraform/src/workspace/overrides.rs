//! What is laid over a stack: where its state is, and a provider for an endpoint that is not AWS's own. As JSON, so that
//! no value can become Terraform code.

use std::{path::PathBuf, sync::LazyLock};

use regex::Regex;
use serde_json::{Value, json};
use url::Url;

use crate::{Sources, Terraform};

/// Where the state is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// A file on this machine.
    Local(PathBuf),
    /// An object, locked by a second one beside it where the release can do so (1.10).
    S3 {
        /// The bucket, which must exist.
        bucket: String,
        /// The object.
        key: String,
        /// Where the bucket is.
        region: String,
    },
}

static ALIAS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"provider\s+"aws"\s*\{[^}]*?\balias\s*=\s*"(\w+)""#).ok());

pub(super) fn backend(backend: &Backend, tool: &Terraform, endpoint: Option<&Url>) -> Value {
    let backend = match backend {
        Backend::Local(path) => json!({ "local": { "path": literal(&path.to_string_lossy()) } }),
        Backend::S3 { bucket, key, region } => {
            let mut settings = json!({
                "bucket": literal(bucket),
                "key": literal(key),
                "region": literal(region),
                "encrypt": true,
            });
            if tool.has(1, 10) {
                settings["use_lockfile"] = true.into();
            }
            if let Some(endpoint) = endpoint {
                settings["skip_credentials_validation"] = true.into();
                settings["skip_metadata_api_check"] = true.into();
                settings["skip_region_validation"] = true.into();
                // The names changed with 1.6.
                if tool.has(1, 6) {
                    settings["skip_requesting_account_id"] = true.into();
                    settings["use_path_style"] = true.into();
                    settings["endpoints"] = json!({ "s3": literal(endpoint.as_str()) });
                } else {
                    settings["force_path_style"] = true.into();
                    settings["endpoint"] = literal(endpoint.as_str()).into();
                }
            }
            json!({ "s3": settings })
        }
    };
    json!({ "terraform": { "backend": backend } })
}

/// For every `provider "aws"` of the stack itself; its address comes from `AWS_ENDPOINT_URL`. Buckets go into the path,
/// since a name of their own would not resolve. Credentials are still validated: unasked, the provider would look the
/// account up through IAM, and its errors would be about that.
pub(super) fn provider(sources: &Sources) -> Value {
    let settings = |alias: Option<&str>| {
        let mut settings = json!({
            "s3_use_path_style": true,
            "skip_metadata_api_check": "true",
        });
        if let Some(alias) = alias {
            settings["alias"] = alias.into();
        }
        settings
    };
    let texts: Vec<&str> = sources.root_texts().collect();
    let named = ALIAS.iter().flat_map(|pattern| texts.iter().flat_map(|text| pattern.captures_iter(text)));
    let named = named.filter_map(|found| Some(settings(Some(found.get(1)?.as_str()))));
    let all: Vec<Value> = [settings(None)].into_iter().chain(named).collect();
    json!({ "provider": { "aws": all } })
}

/// In JSON, too, `${` begins an expression.
fn literal(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}
