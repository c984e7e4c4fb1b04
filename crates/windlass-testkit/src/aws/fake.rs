//! An endpoint that answers as AWS does when it refuses, so that whoever asks reports it in its own words.

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{net::TcpListener, task::JoinHandle};

/// What is asked for.
#[derive(Debug)]
pub struct Asked {
    /// The method of the request.
    pub method: Method,
    /// Its path.
    pub path: String,
    /// The service the request is signed for.
    pub service: String,
    /// Its body, as text.
    pub body: String,
}

type Answer = dyn Fn(&Asked) -> Option<(u16, String)> + Send + Sync;

/// One that runs; it ends when dropped.
#[derive(Debug)]
pub struct FakeAws {
    address: SocketAddr,
    task: JoinHandle<()>,
}

struct Serving {
    answer: Box<Answer>,
    upstream: Option<SocketAddr>,
    client: Client<HttpConnector, Body>,
}

impl FakeAws {
    /// Where `answer` has none, the request hangs.
    pub async fn start(answer: impl Fn(&Asked) -> Option<(u16, String)> + Send + Sync + 'static) -> io::Result<Self> {
        Self::serve(Box::new(answer), None).await
    }

    /// Where `answer` has none, `upstream` is asked.
    pub async fn before(
        upstream: SocketAddr,
        answer: impl Fn(&Asked) -> Option<(u16, String)> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        Self::serve(Box::new(answer), Some(upstream)).await
    }

    async fn serve(answer: Box<Answer>, upstream: Option<SocketAddr>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let client = Client::builder(TokioExecutor::new()).build_http();
        let router = Router::new().fallback(serve).with_state(Arc::new(Serving { answer, upstream, client }));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap_or_default() });
        Ok(Self { address, task })
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

async fn serve(State(serving): State<Arc<Serving>>, request: Request) -> Response {
    let (mut head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else { return StatusCode::BAD_REQUEST.into_response() };
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let asked = Asked {
        method: head.method.clone(),
        path: head.uri.path().to_owned(),
        service: text(header::AUTHORIZATION.as_str()).split('/').nth(3).unwrap_or_default().to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    match ((serving.answer)(&asked), serving.upstream) {
        (Some((status, body)), _) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, body).into_response()
        }
        (None, None) => std::future::pending().await,
        (None, Some(upstream)) => {
            let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
            let Ok(uri) = format!("http://{upstream}{path}").parse::<Uri>() else {
                return StatusCode::BAD_REQUEST.into_response();
            };
            head.uri = uri;
            let passed = Request::from_parts(head, Body::from(body));
            match serving.client.request(passed).await {
                Ok(answer) => answer.map(Body::new).into_response(),
                Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
            }
        }
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
