//! Values of secrets. Terraform makes the secrets and never sees what is in them.

use windlass_core::{ExposeSecret, SecretString};

use super::{Cloud, aws_error, code_of};
use crate::DeployError;

impl Cloud {
    /// The value of a secret; `None` while there is none.
    pub async fn secret(&self, id: &str) -> Result<Option<SecretString>, DeployError> {
        let client = aws_sdk_secretsmanager::Client::new(&self.config);
        match client.get_secret_value().secret_id(id).send().await {
            Ok(value) => Ok(value.secret_string().map(|value| SecretString::from(value.to_owned()))),
            Err(error) if code_of(&error) == Some("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(aws_error(&format!("reading the secret {id}"), &error)),
        }
    }

    /// Puts a value where another one is, or none.
    pub async fn put_secret(&self, id: &str, value: &SecretString) -> Result<(), DeployError> {
        let former = self.secret(id).await?;
        if former.is_some_and(|former| former.expose_secret() == value.expose_secret()) {
            return Ok(());
        }
        let client = aws_sdk_secretsmanager::Client::new(&self.config);
        let put = client.put_secret_value().secret_id(id).secret_string(value.expose_secret()).send().await;
        put.map(drop).map_err(|error| aws_error(&format!("writing the secret {id}"), &error))
    }
}
