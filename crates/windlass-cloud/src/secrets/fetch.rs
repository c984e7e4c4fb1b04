//! Secrets Manager, asked once for each secret, for all at the same time.

use std::collections::{BTreeMap, btree_map::Entry};

use aws_config::Region;
use aws_sdk_secretsmanager::{
    Client,
    config::Builder,
    error::{ProvideErrorMetadata, SdkError},
    operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput},
};
use futures::future::join_all;
use serde_json::Value;
use windlass_core::{SecretString, chain};

use super::{Reference, SecretError, SecretProblem};

/// The value of each variable.
pub(super) async fn all(wanted: Vec<(String, Reference)>) -> Result<BTreeMap<String, SecretString>, SecretError> {
    // A secret may hold several values; and one region is the rule.
    let first = wanted.first().map(|(_, reference)| reference.region.clone()).unwrap_or_default();
    let config = crate::config_in(first).await;
    let mut clients = BTreeMap::new();
    let mut secrets = BTreeMap::new();
    for (_, reference) in &wanted {
        if let Entry::Vacant(entry) = secrets.entry(reference.arn.clone()) {
            let region = reference.region.clone();
            let client: &Client = clients
                .entry(region.clone())
                .or_insert_with(|| Client::from_conf(Builder::from(&config).region(Region::new(region)).build()));
            entry.insert(fetch(client.clone(), reference.arn.clone()));
        }
    }
    let (arns, asked): (Vec<_>, Vec<_>) = secrets.into_iter().unzip();
    let answers: BTreeMap<_, _> = arns.into_iter().zip(join_all(asked).await).collect();
    let mut values = BTreeMap::new();
    for (variable, reference) in wanted {
        let whole = answers.get(&reference.arn).cloned().unwrap_or(Err(SecretProblem::Missing));
        match whole.and_then(|whole| part(whole, reference.key.as_deref())) {
            Ok(value) => values.insert(variable, value.into()),
            Err(problem) => return Err(SecretError { variable, arn: Some(reference.arn), problem }),
        };
    }
    Ok(values)
}

async fn fetch(client: Client, arn: String) -> Result<String, SecretProblem> {
    let answer: GetSecretValueOutput = client.get_secret_value().secret_id(arn).send().await.map_err(problem)?;
    answer.secret_string.ok_or(SecretProblem::Binary)
}

/// The secret, or the text under one of its keys.
fn part(whole: String, key: Option<&str>) -> Result<String, SecretProblem> {
    let text = match key {
        None => whole,
        Some(key) => {
            let Ok(Value::Object(members)) = serde_json::from_str(&whole) else {
                return Err(SecretProblem::NotAnObject(key.to_owned()));
            };
            match members.get(key) {
                Some(Value::String(text)) => text.clone(),
                Some(number @ Value::Number(_)) => number.to_string(),
                _ => return Err(SecretProblem::NoKey(key.to_owned())),
            }
        }
    };
    match text.trim().is_empty() {
        true => Err(SecretProblem::Empty),
        false => Ok(text),
    }
}

fn problem(error: SdkError<GetSecretValueError>) -> SecretProblem {
    match &error {
        SdkError::ServiceError(failure) => {
            let failure = failure.err();
            let code = failure.code().unwrap_or("no code");
            match code {
                "ResourceNotFoundException" => SecretProblem::Missing,
                "InvalidRequestException" | "DecryptionFailure" | "InvalidParameterException" => {
                    SecretProblem::Unreadable(code.to_owned())
                }
                "AccessDeniedException" | "AccessDenied" => SecretProblem::Denied(code.to_owned()),
                "UnrecognizedClientException"
                | "InvalidClientTokenId"
                | "InvalidSignatureException"
                | "ExpiredTokenException"
                | "ExpiredToken"
                | "IncompleteSignature"
                | "MissingAuthenticationToken" => SecretProblem::Credentials(code.to_owned()),
                _ => SecretProblem::Failed(code.to_owned()),
            }
        }
        SdkError::TimeoutError(_) => SecretProblem::Unreachable("it took too long".to_owned()),
        SdkError::DispatchFailure(failure) if failure.is_io() || failure.is_timeout() => {
            SecretProblem::Unreachable(chain(&error))
        }
        // What is no trouble of the connection is the signing: nobody was asked.
        SdkError::DispatchFailure(_) => SecretProblem::Credentials(chain(&error)),
        _ => SecretProblem::Failed(chain(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_secret() {
        let json = r#"{"token":"abc","port":5432,"nested":{"a":1},"blank":" "}"#;
        assert_eq!(part("plain".into(), None).unwrap(), "plain");
        assert_eq!(part(json.into(), None).unwrap(), json);
        assert_eq!(part(json.into(), Some("token")).unwrap(), "abc");
        assert_eq!(part(json.into(), Some("port")).unwrap(), "5432");
        assert_eq!(part(json.into(), Some("Token")).unwrap_err(), SecretProblem::NoKey("Token".into()));
        assert_eq!(part(json.into(), Some("nested")).unwrap_err(), SecretProblem::NoKey("nested".into()));
        assert_eq!(part(json.into(), Some("blank")).unwrap_err(), SecretProblem::Empty);
        assert_eq!(part("plain".into(), Some("x")).unwrap_err(), SecretProblem::NotAnObject("x".into()));
        assert_eq!(part("\n".into(), None).unwrap_err(), SecretProblem::Empty);
    }
}
