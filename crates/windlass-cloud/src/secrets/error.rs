//! Why a secret cannot be had. Never says what it is.

/// A variable whose secret cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", self.subject())]
pub struct SecretError {
    /// The variable.
    pub variable: String,
    /// The secret it names, where it names one.
    pub arn: Option<String>,
    /// What is wrong.
    pub problem: SecretProblem,
}

/// What is wrong with a secret, or with asking for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretProblem {
    /// The value begins like a reference and is none.
    #[error("what follows `secretsmanager:` is not the ARN of a secret")]
    NotAnArn,
    /// There is no such secret.
    #[error("there is no such secret")]
    Missing,
    /// It is about to be deleted, or its version is.
    #[error("the secret cannot be read in its present state ({0})")]
    Unreadable(String),
    /// These credentials may not read it.
    #[error("these AWS credentials may not read it ({0})")]
    Denied(String),
    /// There are no credentials, or they are not accepted.
    #[error("there are no usable AWS credentials ({0})")]
    Credentials(String),
    /// Nobody answered.
    #[error("AWS Secrets Manager could not be reached ({0})")]
    Unreachable(String),
    /// It answered with something else.
    #[error("AWS Secrets Manager answered with an error ({0})")]
    Failed(String),
    /// It is not text.
    #[error("the secret is binary, not text")]
    Binary,
    /// It is empty.
    #[error("the secret is empty")]
    Empty,
    /// A key was asked for, and the secret is no JSON object.
    #[error("the secret is not a JSON object, so it has no key `{0}`")]
    NotAnObject(String),
    /// The JSON object lacks the key, or has no text there.
    #[error("the secret has no text under the key `{0}`")]
    NoKey(String),
}

impl SecretError {
    fn subject(&self) -> String {
        match &self.arn {
            Some(arn) => format!("the variable {} names the secret {arn}", self.variable),
            None => format!("the variable {}", self.variable),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self.problem {
            SecretProblem::NotAnArn => {
                "write secretsmanager:ARN, or secretsmanager:ARN#KEY for one key of a JSON secret, with the whole ARN as \
                 `aws secretsmanager describe-secret` prints it"
            }
            SecretProblem::Missing => {
                "compare the ARN, its region and its account with `aws secretsmanager list-secrets`"
            }
            SecretProblem::Unreadable(_) => {
                "was it deleted, or never given a value? `aws secretsmanager describe-secret`"
            }
            SecretProblem::Denied(_) => {
                "the role needs secretsmanager:GetSecretValue on this ARN, and kms:Decrypt where the secret has a key of \
                 its own"
            }
            SecretProblem::Credentials(_) => {
                "give the function, task or instance a role, or set AWS_PROFILE; credentials that have expired have to be \
                 renewed"
            }
            SecretProblem::Unreachable(_) => {
                "is there a way out of the subnet (NAT or an endpoint for Secrets Manager), and does the region exist? \
                 AWS_ENDPOINT_URL_SECRETS_MANAGER, if set, must be right"
            }
            SecretProblem::Failed(_) => "try again; if it stays, ask AWS with the code above",
            SecretProblem::Binary | SecretProblem::Empty => "put the secret there as text",
            SecretProblem::NotAnObject(_) => "leave out `#KEY` to use the whole secret",
            SecretProblem::NoKey(_) => "compare the key with the secret's JSON; capitals count",
        }
    }
}
