//! The SDK's configuration, the same for every service.

use std::time::Duration;

use aws_config::{AppName, BehaviorVersion, ConfigLoader, Region, SdkConfig, timeout::TimeoutConfig};

/// Long enough for a connection across the world, short enough that a wrong endpoint is noticed.
const CONNECT: Duration = Duration::from_secs(5);
/// Until the first byte of an answer. An upload is not measured by it.
const READ: Duration = Duration::from_secs(30);

/// The configuration of the environment: region, credentials and endpoint as the AWS command line finds them.
pub async fn config() -> SdkConfig {
    loader().load().await
}

/// The same, in `region`.
pub async fn config_in(region: String) -> SdkConfig {
    loader().region(Region::new(region)).load().await
}

/// A client of S3.
pub fn s3(config: &SdkConfig) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(s3_config(config).build())
}

/// The same before it is made, for one that is told more.
pub fn s3_config(config: &SdkConfig) -> aws_sdk_s3::config::Builder {
    aws_sdk_s3::config::Builder::from(config).force_path_style(path_style(config))
}

/// Whether S3's buckets have to stand in the path: a stand-in at an address of its own has no name per bucket.
fn path_style(config: &SdkConfig) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    config.endpoint_url().is_some() || set("AWS_ENDPOINT_URL") || set("AWS_ENDPOINT_URL_S3")
}

fn loader() -> ConfigLoader {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(READ).build();
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).timeout_config(timeouts);
    match AppName::new("windlass") {
        Ok(name) => loader.app_name(name),
        Err(_) => loader,
    }
}
