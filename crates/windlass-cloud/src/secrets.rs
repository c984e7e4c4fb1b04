//! Variables whose value names a secret of AWS Secrets Manager: `secretsmanager:ARN` or `secretsmanager:ARN#KEY`.
//!
//! They are resolved once, before settings are read, and kept beside the environment, never in it: children and
//! `/proc/self/environ` see the reference at most.

mod arn;
mod error;
mod fetch;

use std::collections::BTreeMap;

use windlass_config::Env;
use windlass_core::{ExposeSecret, SecretString};

pub use error::{SecretError, SecretProblem};

use arn::Reference;

/// The environment with its references to secrets resolved.
pub struct ResolvedEnv<E> {
    env: E,
    secrets: BTreeMap<String, SecretString>,
}

/// Fetches every secret that a variable of `env` names. Without such a variable nothing is asked of anybody.
///
/// # Errors
/// The first variable, by name, whose secret cannot be had.
pub async fn resolve<E: Env>(env: E) -> Result<ResolvedEnv<E>, SecretError> {
    let mut wanted = Vec::new();
    for name in env.names() {
        let Some(value) = env.get(&name) else { continue };
        match Reference::parse(&value) {
            None => {}
            Some(Ok(reference)) => wanted.push((name, reference)),
            Some(Err(problem)) => return Err(SecretError { variable: name, arn: None, problem }),
        }
    }
    let secrets = if wanted.is_empty() { BTreeMap::new() } else { fetch::all(wanted).await? };
    Ok(ResolvedEnv { env, secrets })
}

/// The secret that `reference` names, asked for now. `what` is what it is for, in an error.
///
/// # Errors
/// It is no reference, or what it names cannot be had.
pub async fn secret(what: &str, reference: &str) -> Result<SecretString, SecretError> {
    let refused = |problem| SecretError { variable: what.to_owned(), arn: None, problem };
    let reference = Reference::parse(reference).unwrap_or(Err(SecretProblem::NotAnArn)).map_err(refused)?;
    let mut found = fetch::all(vec![(what.to_owned(), reference)]).await?;
    found.remove(what).ok_or_else(|| refused(SecretProblem::Missing))
}

impl<E: Env> Env for ResolvedEnv<E> {
    fn get(&self, name: &str) -> Option<String> {
        match self.secrets.get(name) {
            Some(secret) => Some(secret.expose_secret().to_owned()),
            None => self.env.get(name),
        }
    }

    fn names(&self) -> Vec<String> {
        self.env.names()
    }
}

// Values are secrets: only names are shown.
impl<E> std::fmt::Debug for ResolvedEnv<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResolvedEnv").field("secrets", &self.secrets.keys()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use windlass_config::Variables;

    use super::*;

    #[tokio::test]
    async fn without_a_reference_the_environment_is_what_it_was() {
        let env = Variables::from_iter([("PLAIN", "value"), ("EMPTY", ""), ("TALK", "of secretsmanager:arn:x")]);
        let resolved = resolve(env).await.unwrap();
        assert!(resolved.secrets.is_empty());
        assert_eq!(resolved.get("PLAIN").as_deref(), Some("value"));
        assert_eq!(resolved.get("EMPTY"), None);
        assert_eq!(resolved.names(), ["EMPTY", "PLAIN", "TALK"]);
    }

    #[tokio::test]
    async fn what_names_no_secret_properly_is_refused_and_not_used_as_the_secret() {
        for value in ["secretsmanager:", "secretsmanager:hunter2", "secretsmanager:arn:aws:s3:::bucket"] {
            let error = resolve(Variables::from_iter([("TOKEN", value)])).await.unwrap_err();
            let text = format!("{error} {}", error.hint());
            assert!(text.contains("TOKEN") && !text.contains("hunter2"), "{text}");
        }
    }
}
