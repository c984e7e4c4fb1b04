//! Secrets Manager, for the one question a process asks it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// A Secrets Manager that knows some secrets.
pub struct SecretsManager {
    runtime: Option<Runtime>,
    shared: Arc<Shared>,
    address: SocketAddr,
}

struct Shared {
    secrets: BTreeMap<String, Answer>,
    asked: Mutex<Vec<String>>,
}

#[derive(Clone)]
enum Answer {
    Secret(String),
    Refusal(&'static str),
}

impl SecretsManager {
    /// Starts it with secrets by their ARN. `Err` is the code of the error that is answered instead.
    pub fn start(secrets: &[(&str, Result<&str, &'static str>)]) -> std::io::Result<Self> {
        let answer = |secret: &Result<&str, &'static str>| match secret {
            Ok(text) => Answer::Secret((*text).to_owned()),
            Err(code) => Answer::Refusal(code),
        };
        let secrets = secrets.iter().map(|(arn, secret)| ((*arn).to_owned(), answer(secret))).collect();
        let shared = Arc::new(Shared { secrets, asked: Mutex::default() });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let address = super::serve(&runtime, Router::new().route("/", post(get)).with_state(shared.clone()))?;
        Ok(Self { runtime: Some(runtime), shared, address })
    }

    /// What a process that is to ask it has in its environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", format!("http://{}", self.address).as_str()),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            ("AWS_REGION", "eu-west-1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// The ARNs it was asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for SecretsManager {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn get(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let refuse = |code: &str| {
        let kind = [(header::CONTENT_TYPE, "application/x-amz-json-1.1")];
        (StatusCode::BAD_REQUEST, kind, json!({ "__type": code, "Message": "no" }).to_string()).into_response()
    };
    if header("x-amz-target") != "secretsmanager.GetSecretValue" {
        return refuse("UnknownOperationException");
    }
    let question: Value = serde_json::from_slice(&body).unwrap_or_default();
    let arn = question["SecretId"].as_str().unwrap_or_default();
    // The signature is for the secret's own region, wherever the process is.
    let region = arn.split(':').nth(3).unwrap_or_default();
    let signature = header("authorization");
    let signed = signature.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        && signature.contains(&format!("/{region}/secretsmanager/aws4_request"))
        && signature.contains("SignedHeaders=")
        && signature.contains("Signature=");
    if !signed {
        return refuse("IncompleteSignature");
    }
    shared.asked.lock().unwrap_or_else(PoisonError::into_inner).push(arn.to_owned());
    match shared.secrets.get(arn) {
        Some(Answer::Secret(secret)) => {
            let answer = json!({ "ARN": arn, "Name": "secret", "VersionId": "v1", "SecretString": secret,
                                 "VersionStages": ["AWSCURRENT"], "CreatedDate": 1.773e9 });
            ([(header::CONTENT_TYPE, "application/x-amz-json-1.1")], answer.to_string()).into_response()
        }
        Some(Answer::Refusal(code)) => refuse(code),
        None => refuse("ResourceNotFoundException"),
    }
}
