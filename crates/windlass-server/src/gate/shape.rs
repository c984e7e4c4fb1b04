//! What leaves the gate: capped, errors in one form, the server's name on it.

use serde_json::{Value, json};
use windlass_core::{Output, Outputs, Principal, ToolError, mcp};

/// Structured content larger than this many times the text cap is a toolset's defect: sinks exist for such data.
const STRUCTURED_FACTOR: u64 = 16;

/// Bytes of an error's message.
const LONGEST_ERROR: usize = 8 << 10;

/// Caps the text of `output` at `cap` bytes; what is cut goes behind a handle.
pub(crate) async fn cap(
    output: &mut Output,
    cap: u64,
    outputs: &dyn Outputs,
    who: &Principal,
) -> Result<u64, ToolError> {
    if let Some(structured) = &output.structured {
        let size = weigh(structured);
        if size > cap.saturating_mul(STRUCTURED_FACTOR) {
            return Err(ToolError::failed(format!("the result is too large to return ({size} bytes of data)"))
                .hint("ask for less: a smaller range, fewer fields, a filter"));
        }
    }
    let mut total = 0;
    for block in &mut output.content {
        let mcp::ContentBlock::Text(text) = block else { continue };
        let room = cap.saturating_sub(total);
        // A toolset's own sinks already stop at the cap; their envelope (exit code, labels) may pass it by a little.
        if text.text.len() as u64 > room + cap / 4 {
            let mut sink = outputs.open(who, "text");
            sink.write(text.text.as_bytes());
            text.text = sink.finish().await.text;
        }
        total += text.text.len() as u64;
    }
    Ok(total)
}

/// Bytes of text in a JSON value, near enough.
fn weigh(value: &Value) -> u64 {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() as u64 + 2,
        Value::Array(items) => items.iter().map(weigh).sum::<u64>() + 2,
        Value::Object(fields) => fields.iter().map(|(key, value)| key.len() as u64 + 4 + weigh(value)).sum::<u64>() + 2,
    }
}

/// A finished call on the wire.
pub(crate) fn result(output: Output) -> mcp::CallToolResult {
    let mut result = if output.is_error {
        mcp::CallToolResult::error(output.content)
    } else {
        mcp::CallToolResult::success(output.content)
    };
    result.structured_content = output.structured;
    result
}

/// An error that quotes what it was given must not be as long as that was: models pay for every word.
pub(crate) fn brief(mut error: ToolError) -> ToolError {
    let long = error.message.len();
    if long > LONGEST_ERROR {
        error.message.truncate(error.message.floor_char_boundary(LONGEST_ERROR));
        error.message.push_str(&format!("… [{long} bytes]"));
    }
    error
}

/// A failed call on the wire: text for the model, kind and details as data. `has_schema` says that the tool promised
/// structured content of another shape, which an error must not break.
pub(crate) fn error(error: &ToolError, has_schema: bool) -> mcp::CallToolResult {
    let mut result = mcp::CallToolResult::error(vec![mcp::ContentBlock::text(error.for_model())]);
    if !has_schema {
        let mut fields = json!({ "error": error.kind.as_str(), "message": error.message });
        if let Some(data) = &error.data {
            fields["details"] = data.clone();
        }
        result.structured_content = Some(fields);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_core::NoOutputs;

    #[test]
    fn an_error_is_not_as_long_as_what_it_quotes() {
        let error = brief(ToolError::invalid("é".repeat(1 << 20)));
        assert!(error.message.len() < LONGEST_ERROR + 64 && error.message.ends_with("… [2097152 bytes]"));
        assert_eq!(brief(ToolError::invalid("short")).message, "short");
    }

    #[tokio::test]
    async fn data_out_of_all_proportion_is_refused() {
        let mut output = Output { structured: Some(json!(["x".repeat(10_000)])), ..Output::text("short") };
        let refused = cap(&mut output, 100, &NoOutputs, &Principal::local()).await.unwrap_err();
        insta::assert_snapshot!(refused.for_model(), @r"
        the result is too large to return (10004 bytes of data)
        hint: ask for less: a smaller range, fewer fields, a filter
        ");
    }
}
