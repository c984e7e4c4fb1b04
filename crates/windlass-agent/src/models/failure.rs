//! Why Anthropic, OpenAI and others do not answer, from what they say of it.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;
use windlass_core::{ExposeSecret, SecretString};

use super::words;
use crate::model::ModelError;

/// What a provider says ends up in an error.
const MAX_TOLD: usize = 400;

/// What it says when it does not answer.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    /// As a number; 0 where it comes in the middle of an answer without one.
    pub status: u16,
    /// When to come back.
    pub retry_after: Option<Duration>,
    /// Its `type`.
    pub kind: String,
    /// Its `code`.
    pub code: String,
    /// What of the request it is about.
    pub param: String,
    /// The text.
    pub message: String,
}

impl Refusal {
    /// From the body of an answer, or from an event in the middle of one. `key` is blotted out: some repeat it.
    pub fn read(status: u16, body: &Value, key: Option<&SecretString>) -> Self {
        // OpenAI and Anthropic: `{"error": {...}}`. Ollama: `{"error": "text"}`. vLLM: the fields at the top. Others `detail`.
        let error = body.get("error").unwrap_or(body);
        let field = |name: &str| match error.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let message = match error {
            Value::String(text) => text.clone(),
            _ => Some(field("message")).filter(|text| !text.is_empty()).unwrap_or_else(|| field("detail")),
        };
        let code = field("code");
        // Gateways tell the status of who is behind them by the code.
        let status = if status == 0 { code.parse().unwrap_or_default() } else { status };
        let (kind, param) = (field("type"), field("param"));
        Self { status, retry_after: None, kind, code, param, message: clean(&message, key) }
    }

    /// What the caller should know of it. `who` is whom we asked, for which model.
    pub fn told(&self, who: &str, model: &str) -> ModelError {
        let Self { status, retry_after, kind, code, message, .. } = self;
        let said = self.said();
        let refused = |what: String| ModelError::Refused(format!("{who} {what}{said}"));
        match (kind.as_str(), code.as_str(), *status) {
            // Waiting does not fill an account.
            ("billing_error" | "insufficient_quota", _, _) | (_, "insufficient_quota", _) | (_, _, 402) => {
                refused("wants to be paid first: look at the account's credit and limits".to_owned())
            }
            ("rate_limit_error" | "overloaded_error", _, _)
            | (_, "rate_limit_exceeded", _)
            | (_, _, 429 | 503 | 529) => ModelError::Throttled(*retry_after),
            ("request_too_large" | "exceed_context_size_error", _, _)
            | (_, "context_length_exceeded", _)
            | (_, _, 413) => ModelError::ContextFull,
            (_, _, 400 | 422 | 500) if words::too_long(message) => ModelError::ContextFull,
            ("authentication_error", _, _) | (_, "invalid_api_key", _) | (_, _, 401) => {
                refused("does not take the key: set the key of this model anew".to_owned())
            }
            ("permission_error", _, _) | (_, _, 403) => {
                refused(format!("does not let this key use {model}: allow it there, or take another model"))
            }
            ("not_found_error", _, _) | (_, "model_not_found", _) | (_, _, 404) => {
                refused(format!("has no {model}, or nothing at this address: check the model's id and url"))
            }
            (_, _, 300..400) => {
                refused("is elsewhere, and a key is not sent after it: set the url it redirects to".to_owned())
            }
            ("api_error" | "timeout_error" | "server_error", _, _) | (_, _, 0 | 408 | 500..) => {
                ModelError::Unreachable(format!("{who} has trouble of its own{said}"))
            }
            _ => refused("refuses the request: change what it names".to_owned()),
        }
    }

    /// ` (401: invalid x-api-key)`.
    fn said(&self) -> String {
        match (self.status, self.message.is_empty()) {
            (0, true) => String::new(),
            (0, false) => format!(" ({})", self.message),
            (status, true) => format!(" ({status})"),
            (status, false) => format!(" ({status}: {})", self.message),
        }
    }
}

/// In one line, not too long, and without the key.
pub(super) fn clean(message: &str, key: Option<&SecretString>) -> String {
    let message = match key.map(ExposeSecret::expose_secret) {
        Some(key) if !key.is_empty() => message.replace(key, "***"),
        _ => message.to_owned(),
    };
    let words: Vec<&str> = message.split(|character: char| character.is_control() || character == ' ').collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_TOLD) {
        Some(_) => line.chars().take(MAX_TOLD - 3).chain("...".chars()).collect(),
        None => line,
    }
}

/// When to come back, in seconds or thousandths; a date would need clocks that agree.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|thousandths| thousandths / 1000.0).or_else(|| number("retry-after"))?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(status: u16, body: &Value) -> String {
        let key = SecretString::from("sk-5ecr3t");
        let error = Refusal::read(status, body, Some(&key)).told("a.example", "m");
        format!("{error:?}")
    }

    #[test]
    fn the_shapes_of_all_are_read() {
        let check = |status: u16, body: Value, expected: &str| assert_eq!(told(status, &body), expected, "{body}");
        check(429, json!({ "error": { "type": "requests", "code": "rate_limit_exceeded" } }), "Throttled(None)");
        check(529, json!({ "type": "error", "error": { "type": "overloaded_error" } }), "Throttled(None)");
        check(0, json!({ "error": { "message": "busy", "code": 503 } }), "Throttled(None)");
        check(400, json!({ "object": "error", "message": "This model's maximum context length is 8" }), "ContextFull");
        check(400, json!({ "error": { "code": "context_length_exceeded" } }), "ContextFull");
        check(500, json!({ "error": "input length exceeds the context length" }), "ContextFull");
        check(413, Value::Null, "ContextFull");
        check(502, Value::Null, "Unreachable(\"a.example has trouble of its own (502)\")");
        check(
            404,
            json!({ "error": "model \"m\" not found,\n try pulling it" }),
            "Refused(\"a.example has no m, or nothing at this address: check the model's id and url (404: model \
             \\\"m\\\" not found, try pulling it)\")",
        );
        check(
            401,
            json!({ "error": { "message": "Incorrect API key provided: sk-5ecr3t." } }),
            "Refused(\"a.example does not take the key: set the key of this model anew (401: Incorrect API key provided: \
             ***.)\")",
        );
        check(
            429,
            json!({ "error": { "type": "insufficient_quota" } }),
            "Refused(\"a.example wants to be paid first: look at the account's credit and limits (429)\")",
        );
        check(
            422,
            json!({ "detail": "field required" }),
            "Refused(\"a.example refuses the request: change what it names (422: field required)\")",
        );
    }

    #[test]
    fn what_is_told_is_one_short_line() {
        let long = clean(&format!("a\r\n  b\u{7}{}", "x".repeat(900)), None);
        assert!(long.starts_with("a b xxx") && long.ends_with("x...") && long.len() == MAX_TOLD, "{long}");
        assert_eq!(clean(&"x".repeat(MAX_TOLD), None).len(), MAX_TOLD);
    }

    #[test]
    fn when_to_come_back_is_read() {
        let check = |name: &'static str, value: &str, expected: Option<u64>| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(retry_after(&headers), expected.map(Duration::from_millis), "{name}: {value}");
        };
        check("retry-after", "2", Some(2000));
        check("retry-after", " 0.5", Some(500));
        check("retry-after-ms", "40", Some(40));
        check("retry-after", "-1", None);
        check("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT", None);
    }
}
