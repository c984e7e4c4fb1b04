//! What more than one crate asks of AWS: how the SDK is configured, and secrets.
//!
//! Nothing here is made before it is asked for: a process that needs nothing of AWS pays nothing for this crate. Region,
//! credentials and endpoints come from where the SDK looks for them (`AWS_REGION`, profiles, roles, `AWS_ENDPOINT_URL`),
//! so whatever works for other AWS programs works here.

#![forbid(unsafe_code)]

mod sdk;
mod secrets;

pub use aws_config::SdkConfig;
pub use sdk::{config, config_in, path_style};
pub use secrets::{ResolvedEnv, SecretError, SecretProblem, resolve};
