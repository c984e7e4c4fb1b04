//! Why a function does not start, or ends.

use crate::{INVOKE_MODE, RUNS};

/// Why a function does not start, or ends.
#[derive(Debug, thiserror::Error)]
pub enum LambdaError {
    /// Nobody would have to prove who they are.
    #[error("a Lambda function is reached by others, and nobody would have to prove who they are")]
    Open,
    /// Lambda sets this variable for every function.
    #[error("this looks like a Lambda function, but {0} is not set as Lambda sets it")]
    Environment(&'static str),
    /// Neither of the two modes there are.
    #[error("{INVOKE_MODE} is neither RESPONSE_STREAM nor BUFFERED")]
    InvokeMode,
    /// There is no such purpose.
    #[error("{RUNS} is not `refresh`, the only thing a function can be for beside serving")]
    Runs,
    /// The conversation with Lambda broke off.
    #[error("Lambda could not be spoken with: {0}")]
    Runtime(String),
}

impl LambdaError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Open => {
                "make a key with `windlass key new --name me` and put it under `auth.keys`, or set WINDLASS_AUTH_TOKEN to \
                 secretsmanager:ARN, or configure `auth.oidc`"
            }
            Self::Environment(_) => {
                "outside of Lambda unset AWS_LAMBDA_RUNTIME_API, or say `windlass serve --transport http`"
            }
            Self::InvokeMode => "write the invoke mode of the Function URL as AWS does",
            Self::Runs => "leave it out for a function that serves",
            Self::Runtime(_) => "Lambda starts a new environment by itself; the log says what came before",
        }
    }
}
