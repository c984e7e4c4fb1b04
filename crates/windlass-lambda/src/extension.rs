//! Hearing of the end. Lambda sends SIGTERM to functions with an extension alone, so this process registers itself as one
//! that wants to know of nothing.

use http::{HeaderValue, Method, Request, Uri};
use lambda_runtime_api_client::{Client, body::Body};

const NAME: &str = "windlass";
const IDENTIFIER: &str = "lambda-extension-identifier";

/// Registers, where that is possible. Emulators lack it; then there is no word before the end, and nothing is lost but
/// the last line of the audit log: the others are written out with each answer.
pub(crate) async fn register() {
    if let Err(error) = try_register().await {
        tracing::debug!("Lambda does not tell this function when it ends: {error}");
    }
}

async fn try_register() -> Result<(), lambda_runtime_api_client::BoxError> {
    let client = Client::builder().build()?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(Uri::from_static("/2020-01-01/extension/register"))
        .header("lambda-extension-name", NAME)
        .header("content-type", "application/json")
        .body(Body::from(r#"{"events":[]}"#))?;
    let response = client.call(request).await?;
    let status = response.status();
    let Some(identifier) = response.headers().get(IDENTIFIER).filter(|_| status.is_success()).cloned() else {
        return Err(format!("registering was answered with {status}").into());
    };
    // The start is over only when every extension asks for its next event. There will be none.
    tokio::spawn(async move {
        if let Err(error) = wait(client, identifier).await {
            tracing::debug!("the wait for the function's end was interrupted: {error}");
        }
    });
    Ok(())
}

async fn wait(client: Client, identifier: HeaderValue) -> Result<(), lambda_runtime_api_client::BoxError> {
    let request = Request::builder()
        .uri(Uri::from_static("/2020-01-01/extension/event/next"))
        .header(IDENTIFIER, identifier)
        .body(Body::empty())?;
    client.call(request).await?;
    Ok(())
}
