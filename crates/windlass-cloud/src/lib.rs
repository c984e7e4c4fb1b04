//! What more than one crate asks of AWS: how the SDK is configured, secrets, and large files; and clients of the web that
//! trust somebody wherever they run.
//!
//! Nothing here is made before it is asked for: a process that needs nothing of AWS pays nothing for this crate. Region,
//! credentials and endpoints come from where the SDK looks for them (`AWS_REGION`, profiles, roles, `AWS_ENDPOINT_URL`),
//! so whatever works for other AWS programs works here.

#![forbid(unsafe_code)]

mod rds;
mod sdk;
mod secrets;
mod web;

pub mod object;

pub use aws_config::SdkConfig;
pub use rds::{TokenError, rds_token};
pub use sdk::{config, config_in, s3, s3_config};
pub use secrets::{ResolvedEnv, SecretError, SecretProblem, resolve, secret};
pub use web::client as web_client;
