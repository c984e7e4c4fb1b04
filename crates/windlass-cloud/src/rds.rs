//! Tokens of AWS IAM that stand for the password of an RDS database.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::{Credentials, provider::ProvideCredentials};
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
    sign::v4,
};
use url::Url;
use windlass_core::{SecretString, chain};

/// RDS takes a token for so long to make a connection; the connection itself lasts.
const LIFE: Duration = Duration::from_secs(15 * 60);

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Nothing says in which region the database is.
    #[error("no region is set: set `region` for the source, or AWS_REGION")]
    NoRegion,
    /// There are no usable credentials.
    #[error("there are no usable AWS credentials ({0})")]
    Credentials(String),
    /// It could not be signed.
    #[error("the token could not be signed ({0})")]
    Signing(String),
}

/// A token for `user` of the database at `host`, in the region and with the credentials of `config`. It is made here:
/// nobody is asked but whoever has the credentials.
pub async fn rds_token(config: &SdkConfig, host: &str, port: u16, user: &str) -> Result<SecretString, TokenError> {
    let region = config.region().ok_or(TokenError::NoRegion)?.to_string();
    let provider = config.credentials_provider().ok_or_else(|| TokenError::Credentials("none are set".to_owned()))?;
    let credentials = provider.provide_credentials().await.map_err(|error| TokenError::Credentials(chain(&error)))?;
    token(credentials, &region, &format!("{host}:{port}"), user, SystemTime::now()).map(SecretString::from)
}

fn token(credentials: Credentials, region: &str, at: &str, user: &str, now: SystemTime) -> Result<String, TokenError> {
    let failed = |error: &dyn std::error::Error| TokenError::Signing(chain(error));
    let mut settings = SigningSettings::default();
    settings.expires_in = Some(LIFE);
    settings.signature_location = SignatureLocation::QueryParams;
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("rds-db")
        .time(now)
        .settings(settings)
        .build()
        .map_err(|error| failed(&error))?;
    let mut url = Url::parse(&format!("https://{at}/")).map_err(|error| failed(&error))?;
    url.query_pairs_mut().append_pair("Action", "connect").append_pair("DBUser", user);
    let request = SignableRequest::new("GET", url.as_str(), std::iter::empty(), SignableBody::empty())
        .map_err(|error| failed(&error))?;
    let (signed, _) = sign(request, &parameters.into()).map_err(|error| failed(&error))?.into_parts();
    for (name, value) in signed.params() {
        url.query_pairs_mut().append_pair(name, value);
    }
    // What is signed is a request; what the database takes is the request without its scheme.
    Ok(url.as_str().trim_start_matches("https://").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What botocore's `generate_db_auth_token` gives for the same moment and the same credentials.
    #[test]
    fn the_token_is_the_one_that_awss_own_programs_make() {
        let credentials =
            Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None, None, "a test");
        // 2026-11-30T12:00:00Z
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_040_000);
        let token = token(credentials, "eu-west-1", "db.example.com:5432", "reader", now).unwrap();
        assert_eq!(
            token,
            "db.example.com:5432/?Action=connect&DBUser=reader&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE\
             %2F20261130%2Feu-west-1%2Frds-db%2Faws4_request&X-Amz-Date=20261130T120000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=\
             host&X-Amz-Signature=ce9db15f6d0fe3ea59b620f323109be54e73b4b296ba821f46d27714449ba0da"
        );
    }

    #[test]
    fn a_user_is_one_parameter_whatever_is_in_it() {
        let credentials = || Credentials::new("A", "B", Some("a session".into()), None, "a test");
        let token = token(credentials(), "eu-west-1", "h:1", "a&Action=drop b", SystemTime::UNIX_EPOCH).unwrap();
        assert!(token.starts_with("h:1/?Action=connect&DBUser=a%26Action%3Ddrop"), "{token}");
        assert!(token.contains("X-Amz-Security-Token="), "{token}");
    }
}
