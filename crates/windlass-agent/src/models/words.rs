//! What can be known from a provider's words alone. Code branches on codes, never on texts; these are the places where a
//! provider has one code for different things, and the caller must know which it is. Each is written down with the words it
//! was made from, so that whoever finds other words adds them here.

/// That the conversation is longer than the model can read. OpenAI has a code for it, nobody else.
pub(super) fn too_long(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    [
        // Anthropic: `prompt is too long: 208310 tokens > 200000 maximum`, also through Bedrock.
        "prompt is too long",
        // Anthropic: `input length and `max_tokens` exceed context limit: 195000 + 8192 > 200000, ...`.
        "exceed context limit",
        // Bedrock: `Input is too long for requested model.`
        "input is too long",
        // Bedrock, Nova: `Input Tokens Exceeded: Number of input tokens exceeds maximum length.`
        "input tokens exceeded",
        // vLLM, Llama on Bedrock: `This model's maximum context length is 4096 tokens. However, you requested ...`.
        "maximum context length is",
        // vLLM: `The decoder prompt (length 4097) is longer than the maximum model length of 4096.`
        "longer than the maximum model length",
        // llama.cpp: `the request exceeds the available context size`. Ollama: `input length exceeds the context length`.
        "exceeds the available context size",
        "exceeds the context length",
    ]
    .iter()
    .any(|words| message.contains(words))
}

/// That Bedrock has the model in no region of its own, but only behind inference profiles: `Invocation of model ID
/// anthropic.claude-sonnet-4-5-20250929-v1:0 with on-demand throughput isn't supported. Retry your request with the ID or ARN
/// of an inference profile that contains this model.` Its code is that of every request that makes no sense.
pub(super) fn needs_profile(message: &str) -> bool {
    message.contains("on-demand throughput") && message.contains("inference profile")
}

/// That Bedrock knows no such model: `The provided model identifier is invalid.`
pub(super) fn unknown_model(message: &str) -> bool {
    message.contains("model identifier is invalid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_that_were_seen_are_known() {
        for words in [
            "prompt is too long: 208310 tokens > 200000 maximum",
            "input length and `max_tokens` exceed context limit: 195000 + 8192 > 200000, decrease input length",
            "The model returned the following errors: Input is too long for requested model.",
            "Input Tokens Exceeded: Number of input tokens exceeds maximum length. Please update the input to try again.",
            "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens",
            "The decoder prompt (length 4097) is longer than the maximum model length of 4096.",
            "the request exceeds the available context size. try increasing the context size",
        ] {
            assert!(too_long(words), "{words}");
        }
        for words in ["max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens", "", "too long"]
        {
            assert!(!too_long(words), "{words}");
        }
        let profile = "Invocation of model ID a.b with on-demand throughput isn\u{2019}t supported. Retry your request with \
                       the ID or ARN of an inference profile that contains this model.";
        assert!(needs_profile(profile) && !needs_profile("on-demand throughput"));
        assert!(unknown_model("The provided model identifier is invalid."));
    }
}
