//! Thoughts go back to who had them, unchanged, and to nobody else.

use serde_json::json;
use windlass_agent::{conversation::Block, models::Provider};
use windlass_testkit::models::{Piece, Said, Turn};

use super::bench::{ask, plain, started, talk, text, user};

fn script() -> Vec<Turn> {
    let thought = |text: &str| Said::Thought(text.to_owned());
    let call = Said::ToolUse { id: None, name: "time".to_owned(), input: json!({}) };
    vec![
        Turn { say: vec![thought("First, „the clock“."), call], ..Turn::default() },
        Turn { say: vec![thought("Now I know."), Said::Text("Noon.".to_owned())], ..Turn::default() },
        Turn::text("You are welcome."),
    ]
}

#[tokio::test]
async fn they_come_back_as_they_were() {
    for provider in [Provider::Bedrock, Provider::Anthropic] {
        let (standin, model) = started(provider, script()).await;
        let (replies, _, mut messages) = talk(model.as_ref(), |_| plain("12:00")).await;
        assert!(matches!(replies[0].blocks[0], Block::Opaque { .. }), "{provider}: {replies:?}");
        // As a transcript keeps them.
        messages.push(user(vec![text("Thank you.")]));
        let kept = serde_json::to_string(&messages).unwrap();
        messages = serde_json::from_str(&kept).unwrap();
        ask(model.as_ref(), &messages).await.0.unwrap();
        // The stand-in looks at the signature of each.
        assert_eq!(standin.violations(), [""; 0], "{provider}");
        let asked = standin.asked();
        let thoughts =
            asked[2].messages.iter().flat_map(|message| message.pieces.clone()).filter_map(|piece| match piece {
                Piece::Thought { text, .. } => Some(text),
                _ => None,
            });
        assert_eq!(thoughts.collect::<Vec<_>>(), ["First, „the clock“.", "Now I know."], "{provider}");
    }
}

#[tokio::test]
async fn another_provider_does_not_get_them() {
    let (_standin, bedrock) = started(Provider::Bedrock, script()).await;
    let (_, _, mut messages) = talk(bedrock.as_ref(), |_| plain("12:00")).await;
    messages.push(user(vec![text("Thank you.")]));
    for provider in [Provider::Anthropic, Provider::Openai] {
        let (standin, model) = started(provider, vec![Turn::text("You are welcome.")]).await;
        ask(model.as_ref(), &messages).await.0.unwrap();
        assert_eq!(standin.violations(), [""; 0], "{provider}");
        let asked = standin.asked();
        let mut pieces = asked[0].messages.iter().flat_map(|message| &message.pieces);
        assert!(!pieces.any(|piece| matches!(piece, Piece::Thought { .. })), "{provider}");
    }
}
