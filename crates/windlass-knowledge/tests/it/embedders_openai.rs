//! Vectors of a service that speaks as OpenAI's does. The service is ours, and checks what it is asked.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use windlass_config::settings::{EmbedderKind, EmbedderSettings};
use windlass_knowledge::embed::{EmbedError, Embedder, make};

use crate::{
    bench::{Bench, TOKEN},
    web::{Answer, Asked, Server, answer, json},
};

fn embedder(server: &Server, change: impl FnOnce(&mut EmbedderSettings)) -> Arc<dyn Embedder> {
    let mut settings = EmbedderSettings {
        kind: EmbedderKind::Openai,
        model: Some("text-embedding-3-small".to_owned()),
        url: Some(server.at("/v1").parse().unwrap()),
        api_key: Some("env:TOKEN".to_owned()),
        ..EmbedderSettings::default()
    };
    change(&mut settings);
    make(&settings, &Bench::new().surroundings).unwrap()
}

fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.0; dimensions];
    vector[0] = 3.0;
    vector[1] = 3.0 + text.len() as f32;
    vector
}

/// As the service does, with vectors of as many numbers as it is asked for, or 8; in another order.
fn service(asked: &Asked) -> Answer {
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/v1/embeddings"));
    assert_eq!(asked.header("authorization"), Some(&*format!("Bearer {TOKEN}")));
    assert_eq!(asked.header("content-type"), Some("application/json"));
    let question = asked.json();
    assert_eq!((&question["model"], &question["encoding_format"]), (&json!("text-embedding-3-small"), &json!("float")));
    let texts: Vec<&str> = question["input"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert!((1..=64).contains(&texts.len()) && texts.iter().all(|text| !text.is_empty()));
    assert!(texts.len() == 1 || texts.iter().map(|text| text.len()).sum::<usize>() <= 200_000);
    let dimensions = question.get("dimensions").map_or(8, |number| number.as_u64().unwrap() as usize);
    let items = texts.iter().enumerate().rev();
    let data: Vec<Value> = items
        .map(|(index, text)| json!({ "object": "embedding", "index": index, "embedding": vector(text, dimensions) }))
        .collect();
    json(200, json!({ "object": "list", "data": data, "model": "x", "usage": { "prompt_tokens": 1 } }))
}

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|number| "x".repeat(number)).collect()
}

#[tokio::test]
async fn vectors_come_in_order_and_have_length_1() {
    let server = Server::start(|asked| async move { service(&asked) }).await;
    let embedder = embedder(&server, |_| {});
    let model = embedder.model().await.unwrap();
    assert_eq!((model.name.as_str(), model.dimensions), ("openai/text-embedding-3-small", 8));
    assert!(model.normalised && embedder.batch() == 64);
    let vectors = embedder.documents(&texts(64)).await.unwrap();
    for (length, vector) in vectors.iter().enumerate().skip(1) {
        let slope = vector[1] / vector[0];
        assert!((slope - (3.0 + length as f32) / 3.0).abs() < 1e-4, "{length} {vector:?}");
        assert!((vector.iter().map(|number| number * number).sum::<f32>() - 1.0).abs() < 1e-5);
    }
    assert_eq!(embedder.query("xx").await.unwrap(), vectors[2]);
    // Once for its dimensions.
    assert_eq!(server.asked().len(), 3);
    // Long texts are not all asked at once.
    embedder.documents(&vec!["x".repeat(60_000); 7]).await.unwrap();
    assert_eq!(server.asked().len(), 3 + 3);
}

#[tokio::test]
async fn dimensions_are_asked_for_and_held() {
    let server = Server::start(|asked| async move { service(&asked) }).await;
    let some = embedder(&server, |settings| settings.dimensions = Some(4));
    assert_eq!(some.model().await.unwrap().dimensions, 4);
    assert_eq!(server.asked().len(), 0);
    assert_eq!(some.query("x").await.unwrap().len(), 4);
    // A service that does not know how.
    let server =
        Server::start(|_| async { json(200, json!({ "data": [{ "index": 0, "embedding": [1, 2, 3] }] })) }).await;
    let some = embedder(&server, |settings| settings.dimensions = Some(4));
    let error = some.query("x").await.unwrap_err();
    assert!(matches!(&error, EmbedError::Wrong(told) if told.contains("3 numbers, not of 4")), "{error:?}");
}

#[tokio::test]
async fn without_a_key_none_is_sent() {
    let server = Server::start(|asked| async move {
        assert_eq!(asked.header("authorization"), None);
        json(200, json!({ "data": [{ "index": 0, "embedding": [1, 2, 3] }] }))
    })
    .await;
    let ollama = embedder(&server, |settings| settings.api_key = None);
    assert_eq!(ollama.model().await.unwrap().dimensions, 3);
    let unset = embedder(&server, |settings| settings.api_key = Some("env:UNSET".to_owned()));
    let error = unset.model().await.unwrap_err();
    assert!(matches!(&error, EmbedError::Refused(told) if told.contains("UNSET is not set")), "{error:?}");
    assert_eq!(server.asked().len(), 1);
}

/// Answers with the given ones first.
async fn stumbling(first: Vec<Answer>) -> Server {
    let (first, asked) = (Arc::new(first), Arc::new(AtomicUsize::new(0)));
    Server::start(move |question| {
        let at = asked.fetch_add(1, Ordering::SeqCst);
        let answer = first.get(at).cloned().unwrap_or_else(|| service(&question));
        async { answer }
    })
    .await
}

#[tokio::test]
async fn what_passes_is_waited_for() {
    let server = stumbling(vec![
        answer(429, &[("retry-after", "1")], r#"{"error":{"message":"slow down"}}"#),
        answer(503, &[], ""),
        answer(500, &[], "<html>"),
    ])
    .await;
    let begun = Instant::now();
    assert_eq!(embedder(&server, |_| {}).model().await.unwrap().dimensions, 8);
    assert_eq!(server.asked().len(), 4);
    assert!(begun.elapsed() >= Duration::from_secs(1), "it did not wait as long as it was told to");
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn what_does_not_pass_is_not_waited_for() {
    let told = async |answer: Answer| {
        let server = stumbling(vec![answer]).await;
        let error = embedder(&server, |_| {}).model().await.unwrap_err();
        assert_eq!(server.asked().len(), 1);
        assert!(!format!("{error:?}").contains("5ecr3t"), "{error:?}");
        error
    };
    let refusal =
        format!(r#"{{"error":{{"message":"Incorrect API key provided: {TOKEN}.","code":"invalid_api_key"}}}}"#);
    let error = told(answer(401, &[], refusal)).await;
    assert!(matches!(&error, EmbedError::Refused(told) if told.contains("key provided: ***.")), "{error:?}");
    let error = told(answer(404, &[], r#"{"error":"model \"x\" not found, try pulling it first"}"#)).await;
    assert!(matches!(&error, EmbedError::Refused(told) if told.contains("try pulling it first")), "{error:?}");
    let quota = r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#;
    assert!(matches!(told(answer(429, &[], quota)).await, EmbedError::Refused(_)));
    let error = told(answer(429, &[("retry-after", "3600")], "")).await;
    assert!(matches!(&error, EmbedError::Unreachable(told) if told.contains("3600 s")), "{error:?}");
    // A key goes to one address only.
    assert!(matches!(told(answer(302, &[("location", "/elsewhere")], "")).await, EmbedError::Refused(_)));
    for wrong in [
        "",
        "{}",
        r#"{"data":[]}"#,
        r#"{"data":[{"index":0,"embedding":[]}]}"#,
        r#"{"data":[{"index":1,"embedding":[1]}]}"#,
    ] {
        let error = told(answer(200, &[], wrong)).await;
        assert!(matches!(error, EmbedError::Wrong(_)), "{wrong}: {error:?}");
    }
}

#[tokio::test]
async fn what_are_no_vectors_of_the_model_is_refused() {
    for embedding in ["[0,0]", "[1e39,1]", "[1,2,3]"] {
        let body = format!(r#"{{"data":[{{"index":0,"embedding":{embedding}}}]}}"#);
        let server = Server::start(move |_| {
            let answer = answer(200, &[], body.clone());
            async { answer }
        })
        .await;
        let some = embedder(&server, |settings| settings.dimensions = Some(2));
        let error = some.query("x").await.unwrap_err();
        assert!(matches!(error, EmbedError::Wrong(_)), "{embedding}: {error:?}");
    }
}

#[tokio::test]
async fn an_answer_without_an_end_is_none() {
    let server = Server::start(|_| async { answer(200, &[], vec![b' '; (64 << 20) + 1]) }).await;
    let error = embedder(&server, |_| {}).model().await.unwrap_err();
    assert!(matches!(&error, EmbedError::Wrong(told) if told.contains("more than")), "{error:?}");
}

#[tokio::test]
async fn who_is_not_there_is_unreachable() {
    let server = Server::start(|_| async { answer(500, &[], "") }).await;
    let some = embedder(&server, |settings| {
        let port = windlass_testkit::free_port().unwrap();
        settings.url = Some(format!("http://127.0.0.1:{port}").parse().unwrap());
    });
    let error = some.model().await.unwrap_err();
    assert!(matches!(&error, EmbedError::Unreachable(told) if told.contains("asked 6 times")), "{error:?}");
}
