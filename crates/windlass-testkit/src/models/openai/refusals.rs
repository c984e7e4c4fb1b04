//! How OpenAI says no.

use serde_json::{Value, json};

use crate::models::{door::Refusal, script::Fault};

pub(in crate::models) fn refusal(fault: Fault, model: &str, key: &str) -> Option<Refusal> {
    let invalid = "invalid_request_error";
    let refusal = match fault {
        Fault::Throttle { retry_after } => {
            let told = "Rate limit reached for requests per min. Please try again in 20s.";
            let mut refusal = error(429, "requests", Some("rate_limit_exceeded"), told);
            refusal.headers.extend(retry_after.map(|seconds| ("retry-after", seconds.to_string())));
            refusal
        }
        Fault::Overloaded => {
            error(503, "server_error", None, "The engine is currently overloaded, please try again later")
        }
        Fault::ServerError => {
            error(500, "server_error", None, "The server had an error while processing your request.")
        }
        Fault::ContextFull => {
            let told = "This model's maximum context length is 128000 tokens. However, your messages resulted in \
                        140000 tokens. Please reduce the length of the messages.";
            error(400, invalid, Some("context_length_exceeded"), told)
        }
        Fault::BadKey => {
            let told = format!("Incorrect API key provided: {key}. You can find your API key at https://example.com.");
            error(401, invalid, Some("invalid_api_key"), &told)
        }
        Fault::AccessDenied => {
            let told = format!("Project `proj_1` does not have access to model `{model}`");
            error(403, invalid, Some("model_not_found"), &told)
        }
        Fault::OnDemand | Fault::UnknownModel => {
            let told = format!("The model `{model}` does not exist or you do not have access to it.");
            error(404, invalid, Some("model_not_found"), &told)
        }
        Fault::NoCredit => {
            let told = "You exceeded your current quota, please check your plan and billing details.";
            error(429, "insufficient_quota", Some("insufficient_quota"), told)
        }
        Fault::BadRequest => {
            let told = "max_tokens is too large: 100000. This model supports at most 16384 completion tokens.";
            error(400, invalid, Some("invalid_value"), told)
        }
        _ => return None,
    };
    Some(refusal)
}

/// What newer models say to the older name.
pub(in crate::models) fn refuses_max_tokens() -> Refusal {
    let told =
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
    let mut refusal = error(400, "invalid_request_error", Some("unsupported_parameter"), told);
    refusal.body["error"]["param"] = Value::from("max_tokens");
    refusal
}

pub(in crate::models) fn error(status: u16, kind: &str, code: Option<&str>, message: &str) -> Refusal {
    let body = json!({ "error": { "message": message, "type": kind, "param": null, "code": code } });
    Refusal { status, headers: vec![("content-type", "application/json".to_owned())], body }
}
