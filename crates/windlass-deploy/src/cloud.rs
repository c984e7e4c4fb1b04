//! What a deploy asks of AWS by itself; infrastructure is Terraform's.

mod bucket;
mod error;
mod secrets;

pub(crate) use bucket::Bucket;
pub(crate) use error::{aws_error, code_of};

use windlass_cloud::SdkConfig;
use windlass_config::settings::DeploySettings;
use windlass_core::SecretString;
use windlass_image::Credentials;

use crate::{DeployError, Kind};

/// An account and a region, with credentials that were accepted.
#[derive(Clone)]
pub(crate) struct Cloud {
    pub config: SdkConfig,
    pub account: String,
    pub region: String,
}

impl Cloud {
    /// Asks who we are: the first thing that can be wrong, said before anything is made.
    pub async fn connect(deploy: &DeploySettings) -> Result<Self, DeployError> {
        let config = match &deploy.region {
            Some(region) => windlass_cloud::config_in(region.clone()).await,
            None => windlass_cloud::config().await,
        };
        let region = config.region().map(ToString::to_string).ok_or_else(|| {
            DeployError::new(Kind::Usage, "no AWS region is chosen")
                .hint("set deploy.region, or AWS_REGION, or a region in the AWS profile")
        })?;
        let answer = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await;
        let answer = answer.map_err(|error| aws_error("asking AWS who this is", &error))?;
        let account = answer.account().unwrap_or_default().to_owned();
        if let Some(wanted) = deploy.account.as_ref().filter(|wanted| **wanted != account) {
            let message = format!(
                "the credentials are of account {account} ({}), not {wanted}",
                answer.arn().unwrap_or_default()
            );
            return Err(DeployError::new(Kind::Credentials, message)
                .hint("choose another AWS profile, or change deploy.account"));
        }
        Ok(Self { config, account, region })
    }

    /// An S3 client.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        windlass_cloud::s3(&self.config)
    }

    /// A login at the account's own registry, good for twelve hours.
    pub async fn registry(&self) -> Result<Credentials, DeployError> {
        let answer = aws_sdk_ecr::Client::new(&self.config).get_authorization_token().send().await;
        let answer = answer.map_err(|error| aws_error("logging in to ECR", &error))?;
        let broken = || DeployError::new(Kind::Failed, "ECR gave a login that cannot be read").hint("try again");
        let data = answer.authorization_data().first().ok_or_else(broken)?;
        let text = data.authorization_token().and_then(decode).ok_or_else(broken)?;
        let (username, password) = text.split_once(':').ok_or_else(broken)?;
        Ok(Credentials::Basic { username: username.to_owned(), password: SecretString::from(password) })
    }
}

fn decode(text: &str) -> Option<String> {
    use base64::Engine;
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).ok()?).ok()
}
