//! One request, as often as it takes.

use std::time::Duration;

use reqwest::{
    RequestBuilder, Response, StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};
use serde::Deserialize;
use tokio::time::sleep;
use windlass_core::{ExposeSecret, SecretString, chain};

use crate::embed::EmbedError;

const ATTEMPTS: u32 = 6;
/// Before the second; twice as long before each later one.
const PAUSE: Duration = Duration::from_millis(250);
/// Who is told to wait longer than this had better be told so.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// 64 vectors of 4096 numbers fit in several times over.
const MAX_ANSWER: usize = 64 << 20;
/// What a service says of an error ends up in a message.
const MAX_TOLD: usize = 300;

enum Trouble {
    /// It may be over soon.
    Passing(String, Option<Duration>),
    Lasting(EmbedError),
}

/// The body of the answer.
pub(super) async fn until_answered(
    who: &str,
    request: impl Fn() -> RequestBuilder,
    key: Option<&SecretString>,
) -> Result<Vec<u8>, EmbedError> {
    let mut pause = PAUSE;
    for attempt in 1.. {
        let (told, asked) = match once(who, request(), key).await {
            Ok(body) => return Ok(body),
            Err(Trouble::Lasting(error)) => return Err(error),
            Err(Trouble::Passing(told, asked)) => (told, asked),
        };
        let wait = asked.unwrap_or(pause);
        if attempt == ATTEMPTS {
            return Err(EmbedError::Unreachable(format!("{who}, asked {ATTEMPTS} times: {told}")));
        }
        if wait > LONGEST_PAUSE {
            let seconds = wait.as_secs();
            return Err(EmbedError::Unreachable(format!("{who}: {told}; it asks to be left alone for {seconds} s")));
        }
        tracing::debug!(who, told, wait_ms = wait.as_millis(), "the embedder is asked again");
        sleep(wait).await;
        pause *= 2;
    }
    unreachable!("the last attempt returns")
}

async fn once(who: &str, request: RequestBuilder, key: Option<&SecretString>) -> Result<Vec<u8>, Trouble> {
    let passing = |error: reqwest::Error| Trouble::Passing(chain(&error.without_url()), None);
    let answer = match request.send().await {
        Err(error) if error.is_builder() || error.is_redirect() => {
            return Err(Trouble::Lasting(EmbedError::Refused(format!("{who}: {}", chain(&error.without_url())))));
        }
        answer => answer.map_err(passing)?,
    };
    let status = answer.status();
    let wait = retry_after(answer.headers());
    let body = read(who, answer).await?;
    if status.is_success() {
        return Ok(body);
    }
    let (said, code) = said(&body, key);
    let told = format!("{status}{said}");
    match status {
        // Waiting does not fill an account.
        StatusCode::TOO_MANY_REQUESTS if code.as_deref() == Some("insufficient_quota") => {
            Err(Trouble::Lasting(EmbedError::Refused(format!("{who}: {told}"))))
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Err(Trouble::Passing(told, wait)),
        _ if status.is_server_error() => Err(Trouble::Passing(told, wait)),
        _ => Err(Trouble::Lasting(EmbedError::Refused(format!("{who}: {told}")))),
    }
}

async fn read(who: &str, mut answer: Response) -> Result<Vec<u8>, Trouble> {
    let mut body = Vec::new();
    loop {
        let part = answer.chunk().await;
        match part.map_err(|error| Trouble::Passing(chain(&error.without_url()), None))? {
            None => return Ok(body),
            Some(part) if body.len() + part.len() > MAX_ANSWER => {
                let told = format!("{who} answers with more than {MAX_ANSWER} bytes");
                return Err(Trouble::Lasting(EmbedError::Wrong(told)));
            }
            Some(part) => body.extend_from_slice(&part),
        }
    }
}

/// In seconds; a date would need clocks that agree.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// What the service says of it, with its code. Some repeat the key.
fn said(body: &[u8], key: Option<&SecretString>) -> (String, Option<String>) {
    #[derive(Deserialize)]
    struct Envelope {
        error: Told,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Told {
        Text(String),
        Whole { message: String, code: Option<serde_json::Value> },
    }
    let (message, code) = match serde_json::from_slice(body) {
        Ok(Envelope { error: Told::Text(message) }) => (message, None),
        Ok(Envelope { error: Told::Whole { message, code } }) => {
            (message, code.and_then(|code| code.as_str().map(str::to_owned)))
        }
        Err(_) => return (String::new(), None),
    };
    let message = match key.map(|key| key.expose_secret()) {
        Some(key) if !key.is_empty() => message.replace(key, "***"),
        _ => message,
    };
    let short: String = message.chars().filter(|character| !character.is_control()).take(MAX_TOLD).collect();
    (format!(": {short}"), code)
}
