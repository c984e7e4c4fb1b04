//! One conversation is the same over each wire.

use serde_json::{Value, json};
use windlass_agent::{
    conversation::Content,
    model::{Delta, Stop, Usage},
    models::Provider,
};
use windlass_testkit::models::{self as standin, Piece, Said, Turn};

use super::bench::{PROVIDERS, plain, started, talk, without_thoughts};

fn script() -> Vec<Turn> {
    let call = |name: &str, input: Value| Said::ToolUse { id: None, name: name.to_owned(), input };
    vec![
        Turn {
            say: vec![
                Said::Thought("The user wants to know two things.".to_owned()),
                Said::Text("Ich sehe nach: 🦀 „Zürich“.".to_owned()),
                call("weather", json!({ "zone": "Zürich", "at": 7 })),
                call("time", json!({})),
            ],
            usage: standin::Usage { input: 900, output: 41, cache_read: 300, cache_write: 0 },
            ..Turn::default()
        },
        Turn::call("weather", json!({ "zone": "\u{1f1e8}\u{1f1ed}\n\"quoted\" \\ and \u{0}" })),
        Turn::text("Es regnet.").costing(standin::Usage { input: 1300, output: 4, cache_read: 0, cache_write: 0 }),
    ]
}

#[tokio::test]
async fn three_wires_give_the_same_replies() {
    let mut all = Vec::new();
    for provider in PROVIDERS {
        let (standin, model) = started(provider, script()).await;
        let answer = |name: &str| match name {
            "weather" => {
                (vec![Content::Text { text: "rain".to_owned() }, Content::Text { text: "8 °C".to_owned() }], true)
            }
            _ => plain("12:00"),
        };
        let (replies, deltas, _) = talk(model.as_ref(), answer).await;
        assert_eq!(standin.violations(), [""; 0], "{provider}");
        assert_eq!(standin.said(), 3);
        let expected =
            [(Stop::ToolUse, [900, 41, 300, 0]), (Stop::ToolUse, [10, 5, 0, 0]), (Stop::End, [1300, 4, 0, 0])];
        let ended = replies.iter().map(|reply| {
            let Usage { input, output, cache_read, cache_write } = reply.usage;
            (reply.stop, [input, output, cache_read, cache_write])
        });
        assert_eq!(ended.collect::<Vec<_>>(), expected, "{provider}");
        all.push((provider, without_thoughts(replies), deltas, seen(&standin.asked())));
    }
    let (_, replies, deltas, seen) = &all[0];
    for (provider, others, heard, looked) in &all[1..] {
        assert_eq!(others, replies, "{provider}");
        assert_eq!(heard, deltas, "{provider}");
        assert_eq!(looked, seen, "{provider}");
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&replies[0].blocks).unwrap(), @r#"
    [
      {
        "type": "text",
        "text": "Ich sehe nach: 🦀 „Zürich“."
      },
      {
        "type": "tool_use",
        "id": "call_0_2",
        "name": "weather",
        "arguments": {
          "zone": "Zürich",
          "at": 7
        }
      },
      {
        "type": "tool_use",
        "id": "call_0_3",
        "name": "time",
        "arguments": {}
      }
    ]
    "#);
    let words: String = deltas
        .iter()
        .filter_map(|delta| match delta {
            Delta::Text { text } => Some(text.as_str()),
            Delta::ToolUse { .. } => None,
        })
        .collect();
    assert_eq!(words, "Ich sehe nach: 🦀 „Zürich“.Es regnet.");
}

/// What the stand-in was asked, without what is not on every wire: thoughts, and whether an answer of a tool is an error,
/// which OpenAI's has in its text, and several texts, which it has as one.
fn seen(asked: &[standin::Asked]) -> Vec<Value> {
    fn piece(piece: &Piece) -> Option<Value> {
        match piece {
            Piece::Thought { .. } => None,
            Piece::ToolResult { id, pieces, .. } => {
                let texts = pieces.iter().map(|piece| match piece {
                    Piece::Text(text) => text.trim_start_matches("error: ").to_owned(),
                    other => format!("{other:?}"),
                });
                Some(json!({ "id": id, "text": texts.collect::<Vec<_>>().join("\n\n") }))
            }
            other => Some(json!(other)),
        }
    }
    let asked = asked.iter().map(|asked| {
        let messages = asked.messages.iter().map(|message| {
            json!({ "role": message.role, "pieces": message.pieces.iter().filter_map(piece).collect::<Vec<_>>() })
        });
        json!({
            "system": asked.system, "tools": asked.tools, "max_tokens": asked.max_tokens,
            "messages": messages.collect::<Vec<_>>(),
        })
    });
    asked.collect()
}

#[tokio::test]
async fn a_tool_that_failed_is_told_as_each_wire_can() {
    for provider in PROVIDERS {
        let (standin, model) = started(provider, vec![Turn::call("time", json!({})), Turn::text("So be it.")]).await;
        talk(model.as_ref(), |_| (vec![Content::Text { text: "no clock".to_owned() }], true)).await;
        assert_eq!(standin.violations(), [""; 0]);
        let Piece::ToolResult { error, pieces, .. } = &standin.asked()[1].messages[2].pieces[0] else { panic!() };
        let expected = match provider {
            Provider::Openai => (None, "error: no clock"),
            _ => (Some(true), "no clock"),
        };
        assert_eq!((*error, &pieces[0]), (expected.0, &Piece::Text(expected.1.to_owned())), "{provider}");
    }
}

#[tokio::test]
async fn arguments_that_are_no_object_are_kept_as_text_and_the_conversation_goes_on() {
    for provider in PROVIDERS {
        let broken = |input: &str| Turn::call("time", Value::from(input));
        let script = vec![broken("{\"zone\": \"CET\""), broken("[1, 2]"), broken(""), Turn::text("I give up.")];
        let (standin, model) = started(provider, script).await;
        let (replies, ..) = talk(model.as_ref(), |_| plain("that was no JSON object")).await;
        let told = replies.iter().map(|reply| json!(reply.blocks[0])["broken"].clone());
        let expected = [json!("{\"zone\": \"CET\""), json!("[1, 2]"), Value::Null, Value::Null];
        assert_eq!(told.collect::<Vec<_>>(), expected, "{provider}");
        assert_eq!(standin.violations(), [""; 0], "{provider}");
    }
}

#[tokio::test]
async fn each_end_is_known() {
    for (stop, expected) in [
        (standin::Stop::End, Stop::End),
        (standin::Stop::MaxTokens, Stop::MaxTokens),
        (standin::Stop::ContextFull, Stop::ContextFull),
        (standin::Stop::Refusal, Stop::Refusal),
    ] {
        for provider in PROVIDERS {
            let turn = Turn { stop: Some(stop), ..Turn::text("No more.") };
            let (_standin, model) = started(provider, vec![turn]).await;
            let reply = super::bench::asked(model.as_ref()).await.unwrap();
            // OpenAI has one word for both.
            let full = provider == Provider::Openai && expected == Stop::ContextFull;
            assert_eq!(reply.stop, if full { Stop::MaxTokens } else { expected }, "{provider}");
        }
    }
}
