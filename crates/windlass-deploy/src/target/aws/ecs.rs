//! ECS Fargate behind a load balancer.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Service};
use serde_json::{Value, json};
use windlass_terraform::Stack;

use super::{Aws, Outputs, Place, terraform::named};
use crate::{Artifacts, DeployError, Kind, Progress, Proof, Release, cloud::aws_error};

pub(super) struct Ecs;

impl Ecs {
    async fn service(&self, aws: &Aws, outputs: &Outputs) -> Result<Service, DeployError> {
        let (cluster, service) = (named(outputs, "cluster")?, named(outputs, "service")?);
        let client = aws_sdk_ecs::Client::new(&aws.cloud.config);
        let answer = client.describe_services().cluster(cluster).services(service).send().await;
        let answer = answer.map_err(|error| aws_error(&format!("asking for the service {service}"), &error))?;
        answer.services().first().cloned().ok_or_else(|| {
            DeployError::new(Kind::Failed, format!("there is no service {service} in the cluster {cluster}"))
                .hint("somebody removed it: run `windlass deploy deploy` again")
        })
    }

    /// The image of the task definition the service runs.
    async fn image(&self, aws: &Aws, definition: &str) -> Result<String, DeployError> {
        let client = aws_sdk_ecs::Client::new(&aws.cloud.config);
        let answer = client.describe_task_definition().task_definition(definition).send().await;
        let answer = answer.map_err(|error| aws_error("asking for the task definition", &error))?;
        let containers =
            answer.task_definition().map(|definition| definition.container_definitions()).unwrap_or_default();
        Ok(containers.first().and_then(|container| container.image()).unwrap_or_default().to_owned())
    }

    /// How many targets are healthy, of how many.
    async fn healthy(&self, aws: &Aws, outputs: &Outputs) -> Result<(usize, usize), DeployError> {
        let client = aws_sdk_elasticloadbalancingv2::Client::new(&aws.cloud.config);
        let group = named(outputs, "target_group_arn")?;
        let answer = client.describe_target_health().target_group_arn(group).send().await;
        let answer = answer.map_err(|error| aws_error("asking for the targets' health", &error))?;
        let states = answer.target_health_descriptions().iter().filter_map(|target| target.target_health()?.state());
        let states: Vec<&str> = states.map(|state| state.as_str()).filter(|state| *state != "draining").collect();
        Ok((states.iter().filter(|state| **state == "healthy").count(), states.len()))
    }
}

#[async_trait]
impl Place for Ecs {
    fn stack(&self) -> Stack {
        Stack::Ecs
    }

    fn variables(&self, release: &Release, _artifacts: &Artifacts) -> Vec<(&'static str, Value)> {
        vec![("image", json!(release.image))]
    }

    fn environment(&self, _release: &Release) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    async fn roll_out(&self, aws: &Aws, outputs: &Outputs, progress: &dyn Progress) -> Result<(), DeployError> {
        let until = Instant::now() + aws.deploy.patience.0;
        let mut said = String::new();
        loop {
            let service = self.service(aws, outputs).await?;
            let wanted = named(outputs, "task_definition")?;
            if let Some(primary) = primary(&service) {
                let (running, desired) = (primary.running_count(), primary.desired_count());
                progress.step(&format!("rolling out: {running} of {desired} tasks run"));
                let (done, of) =
                    (u64::try_from(running).unwrap_or_default(), u64::try_from(desired).unwrap_or_default());
                progress.advance(done, of);
                said = primary.rollout_state_reason().unwrap_or_default().to_owned();
                let ours = primary.task_definition() == Some(wanted);
                match primary.rollout_state() {
                    // The circuit breaker has put the former one back.
                    _ if !ours => return Err(broken("ECS went back to the former task definition by itself", &said)),
                    Some(DeploymentRolloutState::Completed) if running >= desired && alone(&service) => {
                        return Ok(());
                    }
                    Some(DeploymentRolloutState::Failed) => return Err(broken("the roll-out failed", &said)),
                    _ => {}
                }
            }
            if Instant::now() >= until {
                let minutes = aws.deploy.patience.0.as_secs() / 60;
                return Err(broken(&format!("the roll-out was not complete within {minutes} minutes"), &said));
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    }

    async fn running(&self, aws: &Aws, outputs: &Outputs) -> Result<Option<(String, String)>, DeployError> {
        let Ok(service) = self.service(aws, outputs).await else { return Ok(None) };
        if service.running_count() == 0 {
            return Ok(None);
        }
        let image = self.image(aws, service.task_definition().unwrap_or_default()).await?;
        let release = super::text(outputs, "release").to_owned();
        Ok(Some((release, image)))
    }

    async fn prove(&self, aws: &Aws, release: &Release, outputs: &Outputs) -> Result<Vec<Proof>, DeployError> {
        let service = self.service(aws, outputs).await?;
        let image = self.image(aws, service.task_definition().unwrap_or_default()).await?;
        let complete = alone(&service)
            && primary(&service)
                .and_then(Deployment::rollout_state)
                .is_none_or(|state| *state == DeploymentRolloutState::Completed);
        let (running, desired) = (service.running_count(), service.desired_count());
        let (healthy, targets) = self.healthy(aws, outputs).await?;
        Ok(vec![
            Proof::new("digest", "what runs is what was pushed, by digest", image == release.image).measured(image),
            Proof::new("rollout", "the roll-out is complete", complete && running >= desired && desired > 0)
                .measured(format!("{running} of {desired} tasks")),
            Proof::new("targets", "every target of the load balancer is healthy", healthy > 0 && healthy == targets)
                .measured(format!("{healthy} of {targets}")),
        ])
    }

    fn power(&self, _on: bool) -> Option<(&'static str, Value)> {
        None
    }

    fn unprotected(&self) -> Vec<(&'static str, Value)> {
        vec![("deletion_protection", json!(false))]
    }
}

/// What the service is to run.
fn primary(service: &Service) -> Option<&Deployment> {
    service.deployments().iter().find(|deployment| deployment.status() == Some("PRIMARY"))
}

/// Whether no task of another roll-out is left; one that failed may stay on the list.
fn alone(service: &Service) -> bool {
    let others = service.deployments().iter().filter(|deployment| deployment.status() != Some("PRIMARY"));
    others.map(Deployment::running_count).sum::<i32>() == 0
}

fn broken(what: &str, said: &str) -> DeployError {
    DeployError::new(Kind::NotProven, what)
        .hint("see `windlass deploy logs`; the log of this release is kept beside its receipts")
        .detail(said)
}
