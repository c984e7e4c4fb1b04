//! An endpoint that answers as AWS does when it refuses, so that the real provider reports it in its own words.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// What is asked for.
pub struct Asked {
    pub method: Method,
    /// The service the request is signed for.
    pub service: String,
    pub body: String,
}

type Answer = Arc<dyn Fn(&Asked) -> Option<(u16, String)> + Send + Sync>;

/// Ends when dropped.
pub struct FakeAws {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl FakeAws {
    /// Where `answer` has none, the request hangs.
    pub async fn start(answer: impl Fn(&Asked) -> Option<(u16, String)> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(serve).with_state(Arc::new(answer) as Answer);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, task }
    }

    /// What makes clients use it.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address)),
            ("AWS_ACCESS_KEY_ID", "test".into()),
            ("AWS_SECRET_ACCESS_KEY", "s3cret".into()),
            ("AWS_MAX_ATTEMPTS", "1".into()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

impl Drop for FakeAws {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(State(answer): State<Answer>, method: Method, headers: HeaderMap, body: Bytes) -> Response {
    let signed = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let service = signed.split('/').nth(3).unwrap_or_default().to_owned();
    let asked = Asked { method, service, body: String::from_utf8_lossy(&body).into_owned() };
    match answer(&asked) {
        Some((status, body)) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        None => std::future::pending().await,
    }
}

/// Who one is.
pub fn identity() -> (u16, String) {
    let identity = "<Arn>arn:aws:iam::123456789012:user/a</Arn><UserId>A</UserId><Account>123456789012</Account>";
    let body = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>{identity}\
         </GetCallerIdentityResult></GetCallerIdentityResponse>"
    );
    (200, body)
}

/// An error of STS, IAM, SNS and others.
pub fn query_error(status: u16, code: &str, message: &str) -> (u16, String) {
    let error = format!("<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>");
    (status, format!("<ErrorResponse><Error>{error}</Error><RequestId>r</RequestId></ErrorResponse>"))
}

/// An error of EC2.
pub fn ec2_error(code: &str, message: &str) -> (u16, String) {
    let error = format!("<Code>{code}</Code><Message>{message}</Message>");
    (400, format!("<Response><Errors><Error>{error}</Error></Errors><RequestID>r</RequestID></Response>"))
}

/// An error of a service that speaks JSON.
pub fn json_error(code: &str, message: &str) -> (u16, String) {
    (400, serde_json::json!({ "__type": code, "message": message }).to_string())
}

/// An error of S3.
pub fn s3_error(status: u16, code: &str, message: &str) -> (u16, String) {
    (status, format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"))
}
