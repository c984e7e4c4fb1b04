//! What AWS refuses, by kind.

use std::error::Error;

use aws_sdk_sts::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use windlass_core::chain;

use crate::{DeployError, Kind};

/// The service's own code for what went wrong: `ExpiredToken`, `AccessDenied`.
pub(crate) fn code_of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// What it means for a deploy. `doing` is what was tried: "logging in to ECR".
pub(crate) fn aws_error<E>(doing: &str, error: &SdkError<E, HttpResponse>) -> DeployError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let Some(service) = error.as_service_error() {
        let code = service.code().unwrap_or("no code");
        let message = service.message().unwrap_or("AWS said nothing more");
        return coded(doing, code, message);
    }
    match error {
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) | SdkError::ConstructionFailure(_) => {
            unsent(doing, &chain(error))
        }
        _ => DeployError::new(Kind::Failed, format!("{doing}: AWS gave an answer that cannot be read"))
            .hint("if AWS_ENDPOINT_URL is set, see what listens there; otherwise try again")
            .detail(chain(error)),
    }
}

fn coded(doing: &str, code: &str, message: &str) -> DeployError {
    let (kind, what, hint) = match code {
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => (
            Kind::Credentials,
            "the AWS credentials have expired",
            "log in again, e.g. `aws sso login`, and run the same again",
        ),
        "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "AuthFailure"
        | "IncompleteSignature" => (
            Kind::Credentials,
            "AWS does not accept the credentials",
            "see which ones are used with `aws sts get-caller-identity`; the clock of this machine matters too",
        ),
        code if code.starts_with("AccessDenied") || code == "UnauthorizedOperation" => (
            Kind::Credentials,
            "the credentials may not do this",
            "docs/targets names the permissions each target needs",
        ),
        code if code.contains("LimitExceeded") || code.contains("QuotaExceeded") => (
            Kind::Failed,
            "a quota of the account is used up",
            "ask for a higher one in Service Quotas, or remove what is not needed",
        ),
        code if code.contains("Throttl") => (Kind::Failed, "AWS asks to be asked less often", "try again in a minute"),
        _ => (Kind::Failed, "AWS refused", "the message below is AWS's own"),
    };
    DeployError::new(kind, format!("{doing}: {what}")).hint(hint).detail(format!("{code}: {message}"))
}

/// Nothing was sent, or nothing came back.
fn unsent(doing: &str, chain: &str) -> DeployError {
    // The SDK has no public type for it: that no provider had credentials is in the text of the cause alone.
    let without = ["CredentialsNotLoaded", "no providers in chain provided credentials", "credential"];
    match without.iter().any(|words| chain.contains(words)) {
        true => DeployError::new(Kind::Credentials, format!("{doing}: there are no AWS credentials"))
            .hint("log in (`aws sso login`, `aws configure`) or set AWS_PROFILE, and run the same again")
            .detail(chain),
        false => DeployError::new(Kind::Missing, format!("{doing}: AWS cannot be reached"))
            .hint("see the network and the region's name; AWS_ENDPOINT_URL and proxies count too")
            .detail(chain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_says_what_to_do_next() {
        let told = |code| {
            let error = coded("logging in to ECR", code, "x");
            (error.kind, error.message, error.hint.unwrap())
        };
        let (kind, message, hint) = told("ExpiredTokenException");
        assert_eq!(
            (kind, message.as_str()),
            (Kind::Credentials, "logging in to ECR: the AWS credentials have expired")
        );
        assert!(hint.contains("aws sso login"));
        assert_eq!(told("AccessDeniedException").0, Kind::Credentials);
        assert!(told("ServiceQuotaExceededException").2.contains("Service Quotas"));
        assert!(told("ThrottlingException").1.contains("less often"));
        assert_eq!(told("Whatever").0, Kind::Failed);
    }
}
