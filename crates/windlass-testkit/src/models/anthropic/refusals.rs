//! How Anthropic says no.

use serde_json::json;

use crate::models::{door::Refusal, script::Fault};

pub(in crate::models) fn refusal(fault: Fault, model: &str, key: &str) -> Option<Refusal> {
    let refusal = match fault {
        Fault::Throttle { retry_after } => {
            let told = "This request would exceed your organization's rate limit of 30,000 input tokens per minute.";
            let mut refusal = error(429, "rate_limit_error", told);
            refusal.headers.extend(retry_after.map(|seconds| ("retry-after", seconds.to_string())));
            refusal
        }
        Fault::Overloaded => error(529, "overloaded_error", "Overloaded"),
        Fault::ServerError => error(500, "api_error", "Internal server error"),
        Fault::ContextFull => error(400, "invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum"),
        Fault::BadKey => error(401, "authentication_error", &format!("invalid x-api-key: {key}")),
        Fault::AccessDenied => {
            error(403, "permission_error", "Your API key does not have permission to use the specified resource.")
        }
        Fault::OnDemand | Fault::UnknownModel => error(404, "not_found_error", &format!("model: {model}")),
        Fault::NoCredit => error(
            400,
            "billing_error",
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or \
             purchase credits.",
        ),
        Fault::BadRequest => error(
            400,
            "invalid_request_error",
            "max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens for this model",
        ),
        _ => return None,
    };
    Some(refusal)
}

pub(in crate::models) fn error(status: u16, kind: &str, message: &str) -> Refusal {
    let body = json!({ "type": "error", "error": { "type": kind, "message": message }, "request_id": "req_1" });
    Refusal { status, headers: vec![("content-type", "application/json".to_owned())], body }
}
