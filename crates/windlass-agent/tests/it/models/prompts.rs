//! What is the same in two requests is the same to the byte, and its end is marked, or no cache would find it.

use serde_json::{Value, json};
use windlass_agent::models::{Caching, Provider};
use windlass_testkit::models::{ModelStandin, Pick, Script, Turn};

use super::bench::{PROVIDERS, model, plain, started, talk};

fn script() -> Script {
    let turns =
        vec![Turn::call("weather", json!({ "zone": "A", "at": 1, "b": { "y": 1, "x": 2 } })), Turn::text("Rain.")];
    Script { pick: Pick::Around, ..Script::from(turns) }
}

#[tokio::test]
async fn the_end_of_what_repeats_is_marked() {
    for (provider, caching, expected) in [
        (Provider::Bedrock, Caching::Auto, [1, 1, 1]),
        (Provider::Bedrock, Caching::Never, [0, 0, 0]),
        (Provider::Anthropic, Caching::Auto, [1, 1, 1]),
        (Provider::Anthropic, Caching::Never, [0, 0, 0]),
        // It does so by itself.
        (Provider::Openai, Caching::Always, [0, 0, 0]),
    ] {
        let standin = ModelStandin::start(script()).await.unwrap();
        let model = model(provider, &standin, |choice| choice.caching = caching).await;
        talk(model.as_ref(), |_| plain("rain")).await;
        assert_eq!(standin.violations(), [""; 0]);
        let marked: Vec<_> = standin.asked().iter().map(|asked| asked.cached).collect();
        assert_eq!(marked, [expected, expected], "{provider} {caching:?}");
    }
}

#[tokio::test]
async fn a_request_is_the_same_to_the_byte_each_time() {
    for provider in PROVIDERS {
        let mut bodies = Vec::new();
        for _ in 0..4 {
            let (standin, model) = started(provider, script()).await;
            talk(model.as_ref(), |_| plain("rain")).await;
            bodies.push(standin.asked().into_iter().map(|asked| asked.body).collect::<Vec<_>>());
        }
        assert!(bodies.iter().all(|other| *other == bodies[0]), "{provider}: {bodies:#?}");
        // In the order that they were written in.
        let places = ["\"zone\"", "\"at\"", "\"required\""].map(|key| bodies[0][0].find(key).unwrap());
        assert!(places.is_sorted(), "{provider}: {places:?}");
        let arguments = bodies[0][1].replace('\\', "");
        assert!(arguments.contains(r#"{"zone":"A","at":1,"b":{"y":1,"x":2}}"#), "{provider}: {arguments}");
    }
}

#[tokio::test]
async fn what_was_said_before_begins_the_next_request() {
    for provider in [Provider::Bedrock, Provider::Anthropic] {
        let (standin, model) = started(provider, script()).await;
        talk(model.as_ref(), |_| plain("rain")).await;
        let bodies: Vec<Value> =
            standin.asked().iter().map(|asked| serde_json::from_str(&asked.body).unwrap()).collect();
        let unmarked = |body: &Value, at: usize| {
            let mut content = body["messages"][at]["content"].clone();
            let blocks = content.as_array_mut().unwrap();
            blocks.retain(|block| block.get("cachePoint").is_none());
            blocks.iter_mut().filter_map(Value::as_object_mut).for_each(|block| drop(block.remove("cache_control")));
            content
        };
        assert_eq!(unmarked(&bodies[0], 0), unmarked(&bodies[1], 0), "{provider}");
        for part in ["system", "tools", "toolConfig"] {
            assert_eq!(bodies[0][part], bodies[1][part], "{provider}");
        }
    }
}
