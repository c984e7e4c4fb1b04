//! Lambda behind an HTTP API. Every release is a version; the alias says which one takes the requests.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_sdk_lambda::{Client, primitives::Blob};
use serde_json::{Value, json};
use windlass_terraform::Stack;

use super::{Aws, Outputs, Place, terraform::named};
use crate::{Artifacts, DeployError, Kind, Progress, Proof, Release, cloud::aws_error};

pub(super) struct Lambda;

impl Lambda {
    /// Asks a version for its health, past the alias: as the HTTP API would.
    async fn health(&self, client: &Client, function: &str, version: &str) -> Result<Value, DeployError> {
        let event = json!({
            "version": "2.0", "routeKey": "GET /health", "rawPath": "/health", "rawQueryString": "",
            "headers": { "host": "localhost" }, "isBase64Encoded": false,
            "requestContext": {
                "accountId": "0", "apiId": "deploy", "domainName": "localhost", "domainPrefix": "deploy",
                "http": { "method": "GET", "path": "/health", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "windlass" },
                "requestId": "deploy", "routeKey": "GET /health", "stage": "$default",
                "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1_767_225_600_000_u64,
            },
        });
        let asked = client.invoke().function_name(function).qualifier(version).payload(Blob::new(event.to_string()));
        let answer = asked.send().await.map_err(|error| aws_error(&format!("calling version {version}"), &error))?;
        let payload =
            answer.payload().map(|blob| String::from_utf8_lossy(blob.as_ref()).into_owned()).unwrap_or_default();
        if let Some(kind) = answer.function_error() {
            return Err(DeployError::new(
                Kind::NotProven,
                format!("version {version} fails when it is called ({kind})"),
            )
            .hint("see `windlass deploy logs`")
            .detail(payload));
        }
        Ok(serde_json::from_str(&payload).unwrap_or_default())
    }
}

/// The release that an answer of `/health` names, whether it came plain or as a stream.
fn release_in(answer: &Value) -> Option<String> {
    let body = answer["body"].as_str()?;
    let body: Value = serde_json::from_str(body).ok()?;
    Some(body["release"].as_str()?.to_owned())
}

#[async_trait]
impl Place for Lambda {
    fn stack(&self) -> Stack {
        Stack::Lambda
    }

    fn variables(&self, release: &Release, artifacts: &Artifacts) -> Vec<(&'static str, Value)> {
        let package = std::path::absolute(&artifacts.package).unwrap_or_else(|_| artifacts.package.clone());
        vec![("package", json!(package)), ("package_hash", json!(release.package))]
    }

    fn environment(&self, release: &Release) -> Vec<(&'static str, String)> {
        vec![
            ("WINDLASS_SERVER_RELEASE", release.version.to_string()),
            // The zip's own: the one of the runtime's image ages with it.
            ("SSL_CERT_FILE", windlass_image::LAMBDA_AUTHORITIES.to_owned()),
        ]
    }

    /// The stack has published a version that nobody calls yet. It is asked for its health, and then the alias moves.
    async fn roll_out(&self, aws: &Aws, outputs: &Outputs, progress: &dyn Progress) -> Result<(), DeployError> {
        let (function, version, alias) =
            (named(outputs, "function_name")?, named(outputs, "version")?, named(outputs, "alias")?);
        let wanted = named(outputs, "release")?;
        let client = Client::new(&aws.cloud.config);
        progress.step(&format!("asking version {version} for its health"));
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let answer = self.health(&client, function, version).await?;
            match release_in(&answer) {
                Some(release) if release == wanted => break,
                found if Instant::now() >= until => {
                    let found = found.unwrap_or_else(|| answer.to_string());
                    return Err(DeployError::new(
                        Kind::NotProven,
                        format!("version {version} does not answer as release {wanted}"),
                    )
                    .hint("see `windlass deploy logs`")
                    .detail(found));
                }
                _ => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        }
        progress.step(&format!("moving the alias {alias} to version {version}"));
        let moved = client.update_alias().function_name(function).name(alias).function_version(version).send().await;
        moved.map(drop).map_err(|error| aws_error(&format!("moving the alias {alias}"), &error))
    }

    async fn running(&self, aws: &Aws, outputs: &Outputs) -> Result<Option<(String, String)>, DeployError> {
        let (function, alias) = (named(outputs, "function_name")?, named(outputs, "alias")?);
        let client = Client::new(&aws.cloud.config);
        let Ok(answer) = client.get_function().function_name(function).qualifier(alias).send().await else {
            return Ok(None);
        };
        let configuration = answer.configuration();
        let hash = configuration.and_then(|configuration| configuration.code_sha256()).unwrap_or_default();
        let variables = configuration.and_then(|configuration| configuration.environment()?.variables());
        let release = variables.and_then(|variables| variables.get("WINDLASS_SERVER_RELEASE")).cloned();
        Ok(release.map(|release| (release, hash.to_owned())))
    }

    async fn prove(&self, aws: &Aws, release: &Release, outputs: &Outputs) -> Result<Vec<Proof>, DeployError> {
        let running = self.running(aws, outputs).await?;
        let hash = running.as_ref().map(|(_, hash)| hash.clone()).unwrap_or_default();
        let named = running.map(|(named, _)| named).unwrap_or_default();
        Ok(vec![
            Proof::new(
                "digest",
                "the code behind the alias is the zip that was built, by its hash",
                hash == release.package,
            )
            .measured(hash),
            Proof::new("alias", "the alias leads to this release", named == release.version.as_str()).measured(named),
        ])
    }

    fn power(&self, _on: bool) -> Option<(&'static str, Value)> {
        None
    }

    fn unprotected(&self) -> Vec<(&'static str, Value)> {
        vec![("protect", json!(false))]
    }
}
