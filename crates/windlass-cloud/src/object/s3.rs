//! An object of a bucket.

use std::sync::{Mutex, PoisonError};

use aws_config::{Region, SdkConfig};
use aws_sdk_s3::{
    Client,
    config::{ResponseChecksumValidation, retry::RetryConfig},
    error::{ProvideErrorMetadata, SdkError},
    types::{ChecksumMode, ChecksumType},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use windlass_config::Sha256Sum;
use windlass_core::chain;

use super::{
    PullProblem,
    source::{Body, Failure, Mark, Opened, content_range},
};

/// Where a bucket is looked for when nobody says. S3 says there where it is.
const ANYWHERE: &str = "us-east-1";

pub(super) struct Bucket {
    bucket: String,
    key: String,
    config: SdkConfig,
    client: Mutex<Client>,
}

impl Bucket {
    pub async fn connect(bucket: &str, key: &str, config: Option<&SdkConfig>) -> Self {
        let config = match config {
            Some(config) => config.clone(),
            None => crate::config().await,
        };
        let region = config.region().map_or_else(|| ANYWHERE.to_owned(), ToString::to_string);
        let client = Mutex::new(client(&config, region));
        Self { bucket: bucket.to_owned(), key: key.to_owned(), config, client }
    }

    fn client(&self) -> Client {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub async fn open(&self, from: Option<(u64, &str)>) -> Result<Opened, Failure> {
        let ask = |client: Client| {
            let request = client.get_object().bucket(&self.bucket).key(&self.key);
            match from {
                Some((at, etag)) => request.range(format!("bytes={at}-")).if_match(etag).send(),
                None => request.send(),
            }
        };
        let answer = match ask(self.client()).await {
            Err(error) if self.moved(&error) => ask(self.client()).await,
            answer => answer,
        };
        let answer = answer.map_err(|error| failure(&error))?;
        let range = answer.content_range().and_then(content_range);
        let length = answer.content_length().and_then(|length| u64::try_from(length).ok());
        let (start, total) = range.or_else(|| Some((0, length?))).ok_or(PullProblem::NoLength)?;
        let text = |text: Option<&str>| text.map(str::to_owned);
        // Of buckets without versions.
        let version = text(answer.version_id()).filter(|version| version != "null");
        Ok(Opened { start, total, mark: Mark { etag: text(answer.e_tag()), version }, body: Body::S3(answer.body) })
    }

    /// What S3 computed of the whole. Of an object that came in parts it is a sum of sums, which is of no use here.
    pub async fn sum(&self) -> Result<Option<Sha256Sum>, Failure> {
        let ask = |client: Client| {
            let request = client.head_object().bucket(&self.bucket).key(&self.key);
            request.checksum_mode(ChecksumMode::Enabled).send()
        };
        let answer = match ask(self.client()).await {
            Err(error) if self.moved(&error) => ask(self.client()).await,
            answer => answer,
        };
        let answer = answer.map_err(|error| failure(&error))?;
        let whole = answer.checksum_type() != Some(&ChecksumType::Composite);
        let sum = answer.checksum_sha256().filter(|_| whole);
        let bytes = sum.and_then(|sum| <[u8; 32]>::try_from(STANDARD.decode(sum).ok()?).ok());
        Ok(bytes.map(Sha256Sum))
    }

    /// Whether S3 says that the bucket is in another region; then the client is one of that region.
    fn moved<E>(&self, error: &SdkError<E>) -> bool {
        let header = error.raw_response().and_then(|response| response.headers().get("x-amz-bucket-region"));
        let Some(region) = header else { return false };
        let mut known = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if known.config().region().is_some_and(|known| known.as_ref() == region) {
            return false;
        }
        *known = client(&self.config, region.to_owned());
        true
    }
}

fn client(config: &SdkConfig, region: String) -> Client {
    let builder = crate::s3_config(config)
        .region(Region::new(region))
        // The whole is checked by its sum; S3's own would be of other stretches.
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        // What is tried again goes on where it stopped, which the SDK cannot know.
        .retry_config(RetryConfig::disabled());
    Client::from_conf(builder.build())
}

fn failure<E>(error: &SdkError<E>) -> Failure
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let told = chain(error);
    match error {
        SdkError::TimeoutError(_) => Failure::Again("it took too long".to_owned()),
        SdkError::ResponseError(_) => Failure::Again(told),
        // An answer that broke off is of another kind, which is known to pass.
        SdkError::DispatchFailure(failure)
            if failure.is_io() || failure.is_timeout() || failure.as_other().is_some() =>
        {
            Failure::Again(told)
        }
        // What is no trouble of the connection is the signing: nobody was asked.
        SdkError::DispatchFailure(_) => Failure::Last(PullProblem::Credentials(told)),
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or("no code");
            answered(service.raw().status().as_u16(), code, service.err().message().unwrap_or_default())
        }
        _ => Failure::Last(PullProblem::Failed(told)),
    }
}

/// By its code; an answer to HEAD has only a status.
fn answered(status: u16, code: &str, message: &str) -> Failure {
    let known = code.to_owned();
    Failure::Last(match (code, status) {
        ("NoSuchBucket", _) => PullProblem::NoBucket,
        ("PreconditionFailed" | "InvalidRange", _) | (_, 412 | 416) => return Failure::Changed,
        ("SlowDown" | "RequestTimeout" | "InternalError" | "ServiceUnavailable", _) | (_, 429 | 500..) => {
            return Failure::Again(format!("{code} {message}").trim_end().to_owned());
        }
        (
            "ExpiredToken"
            | "InvalidToken"
            | "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "TokenRefreshRequired"
            | "RequestTimeTooSkewed",
            _,
        ) => PullProblem::Credentials(known),
        ("InvalidObjectState", _) => PullProblem::Archived,
        ("NoSuchKey" | "NoSuchVersion", _) | (_, 404 | 410) => PullProblem::Missing,
        (_, 401 | 403) => PullProblem::Denied(known),
        _ => PullProblem::Failed(format!("{code} {message}").trim_end().to_owned()),
    })
}
