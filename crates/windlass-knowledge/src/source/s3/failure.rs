//! What S3 says when it does not answer with what it was asked for.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use windlass_core::chain;

use crate::source::SourceError;

/// Trouble with the whole bucket.
pub(super) fn of_bucket<E>(name: &str, error: &SdkError<E>) -> SourceError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    match error {
        SdkError::ServiceError(service) => {
            answered(name, service.raw().status().as_u16(), service.err().code(), service.err().message())
        }
        _ => unanswered(name, error),
    }
}

/// Trouble with one object, unless it is one with the bucket, or with who asks.
pub(super) fn of_object<E>(name: &str, path: &str, error: &SdkError<E>) -> SourceError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let SdkError::ServiceError(service) = error else { return unanswered(name, error) };
    let status = service.raw().status().as_u16();
    let code = service.err().code();
    match (code.unwrap_or_default(), status) {
        ("PreconditionFailed", _) | (_, 412) => SourceError::File(format!("{path} was changed since it was listed")),
        ("NoSuchBucket", _) => of_bucket(name, error),
        ("NoSuchKey", _) | (_, 404 | 410) => SourceError::File(format!("{path} was deleted since it was listed")),
        ("InvalidObjectState", _) => SourceError::File(format!("{path} is archived")),
        // An object may have a policy, or a key of KMS, of its own.
        ("AccessDenied", _) => SourceError::File(format!("{path} may not be read: AccessDenied")),
        _ => answered(name, status, code, service.err().message()),
    }
}

/// A list that says it goes on, and does not say where.
pub(super) fn cut_list(name: &str) -> SourceError {
    SourceError::Unreachable(format!("{name}: its list of objects has no end"))
}

fn answered(name: &str, status: u16, code: Option<&str>, message: Option<&str>) -> SourceError {
    let code = code.unwrap_or("no code");
    let told = format!("{name}: {code} {}", message.unwrap_or_default()).trim_end().to_owned();
    match (code, status) {
        ("NoSuchBucket", _) => SourceError::Gone(name.to_owned()),
        ("AuthorizationHeaderMalformed" | "IllegalLocationConstraintException", _) | (_, 301 | 307) => {
            SourceError::Refused(format!("{name} is in another region: set `region`"))
        }
        ("SlowDown" | "RequestTimeout" | "InternalError" | "ServiceUnavailable", _) | (_, 429 | 500..) => {
            SourceError::Unreachable(told)
        }
        _ => SourceError::Refused(told),
    }
}

fn unanswered<E>(name: &str, error: &SdkError<E>) -> SourceError
where
    E: std::error::Error + 'static,
{
    match error {
        SdkError::TimeoutError(_) => SourceError::Unreachable(format!("{name}: it took too long")),
        SdkError::DispatchFailure(failure)
            if !failure.is_io() && !failure.is_timeout() && failure.as_other().is_none() =>
        {
            // What is no trouble of the connection is the signing: nobody was asked.
            SourceError::Refused(format!("{name}: there are no usable AWS credentials ({})", chain(error)))
        }
        _ => SourceError::Unreachable(format!("{name}: {}", chain(error))),
    }
}
