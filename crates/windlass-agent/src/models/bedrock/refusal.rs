//! Why Bedrock does not answer, from what it says of it.

use std::time::Duration;

use aws_sdk_bedrockruntime::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::converse_stream::ConverseStreamError,
    types::error::ConverseStreamOutputError,
};
use windlass_core::chain;

use super::{capped::was_capped, place::Place};
use crate::{
    model::ModelError,
    models::{MAX_ANSWER, failure::clean, words},
};

/// Before anything was said.
pub(super) fn before(place: &Place, error: &SdkError<ConverseStreamError, HttpResponse>) -> ModelError {
    match error {
        SdkError::ServiceError(service) => {
            let (said, raw) = (service.err(), service.raw());
            let seconds = raw.headers().get("retry-after").and_then(|value| value.trim().parse().ok());
            let retry_after = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            let code = said.code().unwrap_or_default();
            told(place, code, said.message().unwrap_or_default(), raw.status().as_u16(), retry_after)
        }
        SdkError::DispatchFailure(failure)
            if !failure.is_io() && !failure.is_timeout() && failure.as_other().is_none() =>
        {
            // What is no trouble of the connection is the signing: nobody was asked.
            let why = clean(&chain(error), place.key.as_ref());
            ModelError::Refused(format!(
                "{} cannot be asked: there are no usable AWS credentials ({why}); give this process a role, AWS_PROFILE, or \
                 a key of Bedrock as AWS_BEARER_TOKEN_BEDROCK",
                place.who()
            ))
        }
        _ => lost(place, error),
    }
}

/// In the middle of an answer.
pub(super) fn during<R>(place: &Place, error: &SdkError<ConverseStreamOutputError, R>) -> ModelError
where
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let SdkError::ServiceError(service) = error else { return lost(place, error) };
    use ConverseStreamOutputError as Said;
    // Here the kind is the type, and the code is missing.
    let (code, status) = match service.err() {
        Said::ThrottlingException(_) => ("ThrottlingException", 429),
        Said::ServiceUnavailableException(_) => ("ServiceUnavailableException", 503),
        Said::ValidationException(_) => ("ValidationException", 400),
        Said::ModelStreamErrorException(_) => ("ModelStreamErrorException", 424),
        Said::InternalServerException(_) => ("InternalServerException", 500),
        other => (other.code().unwrap_or_default(), 500),
    };
    told(place, code, service.err().message().unwrap_or_default(), status, None)
}

fn told(place: &Place, code: &str, message: &str, status: u16, retry_after: Option<Duration>) -> ModelError {
    let (who, id, region) = (place.who(), &place.id, &place.region);
    let message = clean(message, place.key.as_ref());
    let said = match (code.is_empty(), message.is_empty()) {
        (false, false) => format!(" ({code}: {message})"),
        (false, true) => format!(" ({code})"),
        (true, false) => format!(" ({status}: {message})"),
        (true, true) => format!(" ({status})"),
    };
    match code {
        "ThrottlingException"
        | "TooManyRequestsException"
        | "ServiceUnavailableException"
        | "ModelNotReadyException" => ModelError::Throttled(retry_after),
        "ValidationException" | "ModelErrorException" if words::too_long(&message) => ModelError::ContextFull,
        "ValidationException" if words::needs_profile(&message) => ModelError::Refused(format!(
            "Bedrock does not run {id} on demand in {region}, but only through an inference profile: use its id, such as \
             {}, which `aws bedrock list-inference-profiles --region {region}` lists, and let IAM allow \
             bedrock:InvokeModelWithResponseStream on both the profile and the foundation model{said}",
            place.profile()
        )),
        "ValidationException" if words::unknown_model(&message) => ModelError::Refused(format!(
            "Bedrock knows no {id} in {region}: check the id and the region with `aws bedrock list-foundation-models \
             --region {region}` and `aws bedrock list-inference-profiles --region {region}`{said}"
        )),
        "ResourceNotFoundException" => ModelError::Refused(format!(
            "Bedrock has no {id} in {region}, or not for this account: check the id, and in the Bedrock console of {region} \
             whether the account may use the model{said}"
        )),
        "AccessDeniedException" => ModelError::Refused(format!(
            "these credentials may not ask {id} of Bedrock in {region}: let IAM allow \
             bedrock:InvokeModelWithResponseStream on {}, and see in the Bedrock console of {region} whether the account \
             may use the model{said}",
            place.resources()
        )),
        "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "IncompleteSignatureException"
        | "MissingAuthenticationTokenException"
        | "ExpiredTokenException" => ModelError::Refused(format!(
            "Bedrock in {region} does not take these credentials: renew them, and look at the clock of this \
             machine{said}"
        )),
        "ServiceQuotaExceededException" => ModelError::Refused(format!(
            "the account has used up its quota for {id} in {region}: raise it in Service Quotas{said}"
        )),
        "ModelTimeoutException" | "ModelErrorException" | "ModelStreamErrorException" | "InternalServerException" => {
            ModelError::Unreachable(format!("{who} has trouble of its own{said}"))
        }
        _ if matches!(status, 429 | 503) => ModelError::Throttled(retry_after),
        _ if status >= 500 => ModelError::Unreachable(format!("{who} has trouble of its own{said}")),
        _ => ModelError::Refused(format!("{who} refuses the request: change what it names{said}")),
    }
}

/// What is no word of the service: the line, or somebody else who answers.
fn lost<E, R>(place: &Place, error: &SdkError<E, R>) -> ModelError
where
    E: std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    if was_capped(error) {
        return ModelError::Protocol(format!("{} answers with more than {MAX_ANSWER} bytes", place.who()));
    }
    let why = clean(&chain(error), place.key.as_ref());
    match error {
        SdkError::ResponseError(_) => {
            ModelError::Protocol(format!("{} sends what is no event of Bedrock: {why}", place.who()))
        }
        SdkError::TimeoutError(_) => place.unreachable("it took too long"),
        SdkError::ConstructionFailure(_) => {
            ModelError::Refused(format!("{} cannot be asked so: {why}; check the region", place.who()))
        }
        _ => place.unreachable(&why),
    }
}
