//! Services that speak almost as OpenAI does.

use serde_json::json;
use windlass_agent::{
    conversation::Block,
    model::{Stop, Usage},
    models::Provider,
};
use windlass_testkit::models::{Dialect, Said, Script, Turn};

use super::bench::{plain, started, talk};

fn script(dialect: Dialect) -> Script {
    let call = |zone: &str| Said::ToolUse { id: None, name: "weather".to_owned(), input: json!({ "zone": zone }) };
    let turns = vec![
        Turn {
            say: vec![Said::Thought("Two of them.".to_owned()), Said::Text("I look.".to_owned()), call("A"), call("B")],
            ..Turn::default()
        },
        Turn { say: vec![call("C")], ..Turn::default() },
        Turn::text("Rain."),
    ];
    Script { dialect, ..Script::from(turns) }
}

#[tokio::test]
async fn every_dialect_is_understood() {
    for dialect in [Dialect::Openai, Dialect::OpenaiReasoning, Dialect::Vllm, Dialect::Ollama] {
        let (standin, model) = started(Provider::Openai, script(dialect)).await;
        let (replies, ..) = talk(model.as_ref(), |_| plain("rain")).await;
        assert_eq!(standin.violations(), [""; 0], "{dialect:?}");
        let calls: Vec<_> = replies
            .iter()
            .flat_map(|reply| &reply.blocks)
            .filter_map(|block| match block {
                Block::ToolUse(call) => {
                    Some((call.name.as_str(), call.arguments["zone"].as_str().unwrap(), &call.broken))
                }
                _ => None,
            })
            .collect();
        assert_eq!(calls, [("weather", "A", &None), ("weather", "B", &None), ("weather", "C", &None)], "{dialect:?}");
        let stops: Vec<Stop> = replies.iter().map(|reply| reply.stop).collect();
        assert_eq!(stops, [Stop::ToolUse, Stop::ToolUse, Stop::End], "{dialect:?}");
        let expected = match dialect {
            // It counts nothing, and nobody else may.
            Dialect::Ollama => Usage::default(),
            _ => Usage { input: 10, output: 5, ..Usage::default() },
        };
        assert!(replies.iter().all(|reply| reply.usage == expected), "{dialect:?}: {replies:?}");
        assert_eq!(standin.said(), 3, "{dialect:?}");
    }
}

#[tokio::test]
async fn the_name_of_the_limit_is_learnt_once() {
    let (standin, model) = started(Provider::Openai, script(Dialect::OpenaiReasoning)).await;
    talk(model.as_ref(), |_| plain("rain")).await;
    assert!(standin.asked().iter().all(|asked| asked.body.contains("\"max_completion_tokens\":1000")));
    let (standin, model) = started(Provider::Openai, script(Dialect::Vllm)).await;
    talk(model.as_ref(), |_| plain("rain")).await;
    assert!(standin.asked().iter().all(|asked| asked.body.contains("\"max_tokens\":1000")));
}
