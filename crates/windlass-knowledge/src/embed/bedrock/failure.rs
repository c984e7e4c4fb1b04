//! What Bedrock says when it does not answer with vectors.

use aws_sdk_bedrockruntime::{
    error::{ProvideErrorMetadata, SdkError},
    operation::invoke_model::InvokeModelError,
};
use windlass_core::chain;

use crate::embed::EmbedError;

pub(super) fn of(model: &str, error: &SdkError<InvokeModelError>) -> EmbedError {
    let told = |why: String| format!("{model} of Bedrock: {why}");
    match error {
        SdkError::ServiceError(service) => {
            let failure = service.err();
            let code = failure.code().unwrap_or("no code");
            let said = told(format!("{code} {}", failure.message().unwrap_or_default()).trim_end().to_owned());
            match code {
                "ThrottlingException"
                | "ServiceUnavailableException"
                | "InternalServerException"
                | "ModelNotReadyException"
                | "ModelTimeoutException"
                | "ModelErrorException" => EmbedError::Unreachable(said),
                _ if service.raw().status().is_server_error() => EmbedError::Unreachable(said),
                _ => EmbedError::Refused(said),
            }
        }
        SdkError::TimeoutError(_) => EmbedError::Unreachable(told("it took too long".to_owned())),
        SdkError::DispatchFailure(failure)
            if !failure.is_io() && !failure.is_timeout() && failure.as_other().is_none() =>
        {
            // What is no trouble of the connection is the signing: nobody was asked.
            EmbedError::Refused(told(format!("there are no usable AWS credentials ({})", chain(error))))
        }
        _ => EmbedError::Unreachable(told(chain(error))),
    }
}
