//! How Bedrock says no: its codes and, as far as they are known from people's reports, its very words.

use serde_json::json;

use crate::models::{door::Refusal, script::Fault};

pub(in crate::models) fn refusal(fault: Fault, model: &str) -> Option<Refusal> {
    let refusal = match fault {
        Fault::Throttle { retry_after } => {
            let mut refusal = error(429, "ThrottlingException", "Too many requests, please wait before trying again.");
            refusal.headers.extend(retry_after.map(|seconds| ("retry-after", seconds.to_string())));
            refusal
        }
        Fault::Overloaded => error(503, "ServiceUnavailableException", "Bedrock is unable to process your request."),
        Fault::ServerError => error(
            500,
            "InternalServerException",
            "The system encountered an unexpected error during processing. Try your request again.",
        ),
        Fault::ContextFull => error(
            400,
            "ValidationException",
            "The model returned the following errors: Input is too long for requested model.",
        ),
        Fault::BadKey => {
            error(403, "UnrecognizedClientException", "The security token included in the request is invalid.")
        }
        Fault::AccessDenied => {
            let foundation = model.split_once('.').filter(|(prefix, _)| prefix.len() <= 6).map_or(model, |(_, id)| id);
            let right = "bedrock:InvokeModelWithResponseStream";
            let told = format!(
                "User: arn:aws:sts::123456789012:assumed-role/agent/i-0 is not authorized to perform: {right} on \
                 resource: arn:aws:bedrock:us-east-2::foundation-model/{foundation} because no identity-based policy \
                 allows the {right} action"
            );
            error(403, "AccessDeniedException", &told)
        }
        Fault::OnDemand => {
            let told = format!(
                "Invocation of model ID {model} with on-demand throughput isn\u{2019}t supported. Retry your request \
                 with the ID or ARN of an inference profile that contains this model."
            );
            error(400, "ValidationException", &told)
        }
        Fault::UnknownModel => error(400, "ValidationException", "The provided model identifier is invalid."),
        Fault::NoCredit => error(
            403,
            "AccessDeniedException",
            "Model access is denied due to INVALID_PAYMENT_INSTRUMENT:A valid payment instrument must be provided.",
        ),
        Fault::BadRequest => error(
            400,
            "ValidationException",
            "The maximum tokens you requested exceeds the model limit of 4096. Try again with a maximum tokens value \
             that is lower than 4096.",
        ),
        _ => return None,
    };
    Some(refusal)
}

pub(in crate::models) fn error(status: u16, code: &str, message: &str) -> Refusal {
    let headers = vec![("x-amzn-errortype", code.to_owned()), ("content-type", "application/json".to_owned())];
    Refusal { status, headers, body: json!({ "message": message }) }
}
