//! One EC2 host. A release is part of what it starts with, so a new one replaces the host.

use async_trait::async_trait;
use serde_json::{Value, json};
use windlass_terraform::Stack;

use super::{Aws, Outputs, Place, text};
use crate::{Artifacts, DeployError, Progress, Proof, Release};

pub(super) struct Ec2;

#[async_trait]
impl Place for Ec2 {
    fn stack(&self) -> Stack {
        Stack::Ec2
    }

    fn variables(&self, release: &Release, _artifacts: &Artifacts) -> Vec<(&'static str, Value)> {
        vec![("image", json!(release.image))]
    }

    fn environment(&self, _release: &Release) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// The host pulls and starts it by itself; that it answers is waited for by whoever deploys.
    async fn roll_out(&self, aws: &Aws, outputs: &Outputs, progress: &dyn Progress) -> Result<(), DeployError> {
        if windlass_config::is_loopback(&aws.endpoint(outputs)?) {
            progress.notice(&format!(
                "nobody is let in from outside; open a tunnel in another terminal: {}",
                text(outputs, "ssm_tunnel")
            ));
        }
        Ok(())
    }

    async fn running(&self, _aws: &Aws, outputs: &Outputs) -> Result<Option<(String, String)>, DeployError> {
        if outputs.get("running") == Some(&Value::Bool(false)) {
            return Ok(None);
        }
        let release = text(outputs, "release");
        let image = text(outputs, "image");
        Ok((!release.is_empty()).then(|| (release.to_owned(), image.to_owned())))
    }

    async fn prove(&self, _aws: &Aws, release: &Release, outputs: &Outputs) -> Result<Vec<Proof>, DeployError> {
        let image = text(outputs, "image");
        Ok(vec![
            Proof::new("digest", "the host's parameter names what was pushed, by digest", image == release.image)
                .measured(image),
        ])
    }

    fn power(&self, on: bool) -> Option<(&'static str, Value)> {
        Some(("running", json!(on)))
    }

    fn unprotected(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }
}
