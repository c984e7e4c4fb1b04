//! What models of one kind can. Bedrock has one form of request for all, and refuses what one of them does not know.

use crate::models::choice::Caching;

/// Claude before prompts could be kept.
const EARLY_CLAUDE: [&str; 6] =
    ["claude-v2", "claude-instant", "claude-3-haiku", "claude-3-sonnet", "claude-3-opus", "claude-3-5-sonnet-20240620"];

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Family {
    /// Whether the prompt may be kept up to the end of the tools.
    pub keeps_tools: bool,
    /// Whether it may be kept up to the end of what the model is told first, and of the conversation.
    pub keeps_messages: bool,
    /// Whether an answer of a tool may say that it is an error.
    pub knows_errors: bool,
}

impl Family {
    /// By the model's id. The ARN of a profile of one's own does not say which model it has: then nothing is kept, unless
    /// `caching` says so.
    pub fn of(id: &str, caching: Caching) -> Self {
        let claude = id.contains("anthropic.claude");
        let nova = id.contains("amazon.nova");
        let keeps = claude && !EARLY_CLAUDE.iter().any(|early| id.contains(early));
        let (keeps_tools, keeps_messages) = match caching {
            Caching::Auto => (keeps, keeps || nova),
            Caching::Always => (!nova, true),
            Caching::Never => (false, false),
        };
        Self { keeps_tools, keeps_messages, knows_errors: claude || nova }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_told_by_the_id() {
        let check = |id: &str, caching, expected: [bool; 3]| {
            let Family { keeps_tools, keeps_messages, knows_errors } = Family::of(id, caching);
            assert_eq!([keeps_tools, keeps_messages, knows_errors], expected, "{id} {caching:?}");
        };
        check("us.anthropic.claude-sonnet-4-5-20250929-v1:0", Caching::Auto, [true, true, true]);
        check("us.anthropic.claude-sonnet-4-5-20250929-v1:0", Caching::Never, [false, false, true]);
        check("anthropic.claude-3-haiku-20240307-v1:0", Caching::Auto, [false, false, true]);
        check("anthropic.claude-3-5-haiku-20241022-v1:0", Caching::Auto, [true, true, true]);
        check("eu.amazon.nova-pro-v1:0", Caching::Auto, [false, true, true]);
        check("eu.amazon.nova-pro-v1:0", Caching::Always, [false, true, true]);
        check("meta.llama3-1-70b-instruct-v1:0", Caching::Auto, [false, false, false]);
        let own = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc";
        check(own, Caching::Auto, [false, false, false]);
        check(own, Caching::Always, [true, true, false]);
    }
}
