//! Vectors of Amazon Bedrock. The service is ours, and checks what it is asked.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};
use windlass_config::settings::{EmbedderKind, EmbedderSettings};
use windlass_knowledge::embed::{EmbedError, Embedder, make};

use crate::{
    bench::{Bench, aws},
    web::{Answer, Asked, Server, answer, json},
};

const TITAN: &str = "amazon.titan-embed-text-v2:0";
const COHERE: &str = "cohere.embed-multilingual-v3";

async fn embedder(server: &Server, model: &str, dimensions: Option<usize>) -> Arc<dyn Embedder> {
    let mut bench = Bench::new();
    bench.surroundings.aws = Some(aws(&server.at("")).await);
    let settings = EmbedderSettings {
        kind: EmbedderKind::Bedrock,
        model: Some(model.to_owned()),
        dimensions,
        region: Some("eu-central-1".to_owned()),
        ..EmbedderSettings::default()
    };
    make(&settings, &bench.surroundings).unwrap()
}

/// A vector that says which text it is of.
fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.0; dimensions];
    vector[0] = 3.0;
    vector[1] = 3.0 + text.chars().count() as f32;
    vector
}

fn is_of(vector: &[f32], length: usize) -> bool {
    (vector[1] / vector[0] - (3.0 + length as f32) / 3.0).abs() < 1e-3
}

fn asks(asked: &Asked, model: &str) -> Value {
    assert_eq!(asked.method, "POST");
    assert_eq!(asked.path, format!("/model/{}/invoke", model.replace(':', "%3A")));
    let signature = asked.header("authorization").unwrap();
    assert!(signature.starts_with("AWS4-HMAC-SHA256 Credential=test/"), "{signature}");
    assert!(signature.contains("/eu-central-1/bedrock/aws4_request"), "{signature}");
    assert_eq!(asked.header("content-type"), Some("application/json"));
    asked.json()
}

fn titan(asked: &Asked) -> Answer {
    let question = asks(asked, TITAN);
    let keys: Vec<&String> = question.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["inputText", "dimensions", "normalize"]);
    let text = question["inputText"].as_str().unwrap();
    assert!(!text.is_empty() && text.encode_utf16().count() <= 50_000 && question["normalize"] == true);
    let dimensions = question["dimensions"].as_u64().unwrap() as usize;
    json(200, json!({ "embedding": vector(text, dimensions), "inputTextTokenCount": 1 }))
}

#[tokio::test]
async fn titan_takes_one_text_in_each_request() {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, peak) = (running.clone(), most.clone());
    let server = Server::start(move |asked| {
        let (now, peak) = (now.clone(), peak.clone());
        async move {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // So that others have the time to come.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            now.fetch_sub(1, Ordering::SeqCst);
            titan(&asked)
        }
    })
    .await;
    let some = embedder(&server, TITAN, Some(256)).await;
    let model = some.model().await.unwrap();
    assert_eq!((model.name.as_str(), model.dimensions), ("bedrock/amazon.titan-embed-text-v2:0", 256));
    let texts: Vec<String> = (1..=some.batch()).map(|length| "ä".repeat(length)).collect();
    let vectors = some.documents(&texts).await.unwrap();
    assert!(vectors.iter().enumerate().all(|(at, vector)| vector.len() == 256 && is_of(vector, at + 1)));
    assert_eq!(server.asked().len(), texts.len());
    assert!((2..=8).contains(&most.load(Ordering::SeqCst)), "{most:?}");
    assert!(is_of(&some.query("xx").await.unwrap(), 2));
    // What is too long is cut, and what is nothing is a blank.
    let vectors = some.documents(&["x".repeat(60_000), String::new()]).await.unwrap();
    assert!(is_of(&vectors[0], 50_000) && is_of(&vectors[1], 1));
    assert_eq!(embedder(&server, TITAN, None).await.query("x").await.unwrap().len(), 1024);
}

#[tokio::test]
async fn cohere_takes_many_and_tells_questions_from_documents() {
    let server = Server::start(|asked| async move {
        let question = asks(&asked, COHERE);
        let keys: Vec<&String> = question.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["texts", "input_type", "truncate"]);
        assert_eq!(question["truncate"], "END");
        let texts: Vec<&str> =
            question["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
        assert!((1..=96).contains(&texts.len()) && texts.iter().all(|text| (1..=2048).contains(&text.len())));
        let vectors: Vec<Vec<f32>> = texts.iter().map(|text| vector(text, 1024)).collect();
        json(200, json!({ "embeddings": vectors, "id": "1", "response_type": "embeddings_floats", "texts": texts }))
    })
    .await;
    let some = embedder(&server, COHERE, None).await;
    assert_eq!((some.model().await.unwrap().dimensions, some.batch()), (1024, 96));
    let texts: Vec<String> = (1..=96).map(|length| "x".repeat(length)).collect();
    let vectors = some.documents(&texts).await.unwrap();
    assert!(vectors.iter().enumerate().all(|(at, vector)| is_of(vector, at + 1)));
    some.query("question").await.unwrap();
    some.documents(&["x".repeat(5000)]).await.unwrap();
    let kinds: Vec<Value> = server.asked().iter().map(|asked| asked.json()["input_type"].clone()).collect();
    assert_eq!(kinds, ["search_document", "search_query", "search_document"]);
}

#[tokio::test]
async fn what_bedrock_says_is_told_by_its_kind() {
    let refuse = |status: u16, code: &'static str, times: usize| {
        let asked = AtomicUsize::new(0);
        Server::start(move |question| {
            let answer = match asked.fetch_add(1, Ordering::SeqCst) < times {
                true => answer(
                    status,
                    &[("content-type", "application/json"), ("x-amzn-errortype", code)],
                    r#"{"message":"because"}"#,
                ),
                false => titan(&question),
            };
            async { answer }
        })
    };
    // The SDK asks again by itself.
    let server = refuse(429, "ThrottlingException", 2).await;
    embedder(&server, TITAN, None).await.query("x").await.unwrap();
    assert_eq!(server.asked().len(), 3);
    for (status, code) in
        [(403, "AccessDeniedException"), (400, "ValidationException"), (404, "ResourceNotFoundException")]
    {
        let server = refuse(status, code, usize::MAX).await;
        let error = embedder(&server, TITAN, None).await.query("x").await.unwrap_err();
        assert!(
            matches!(&error, EmbedError::Refused(told) if told.contains(code) && told.contains("because")),
            "{error:?}"
        );
        assert_eq!(server.asked().len(), 1);
    }
    let wrong = Server::start(|_| async { json(200, json!({ "embedding": [1, 2, 3] })) }).await;
    let error = embedder(&wrong, TITAN, None).await.query("x").await.unwrap_err();
    assert!(matches!(error, EmbedError::Wrong(_)), "{error:?}");
    let few = Server::start(|_| async { json(200, json!({ "embeddings": [] })) }).await;
    let error = embedder(&few, COHERE, None).await.query("x").await.unwrap_err();
    assert!(matches!(error, EmbedError::Wrong(_)), "{error:?}");
}

#[tokio::test]
async fn other_models_are_named_and_refused() {
    let server = Server::start(|_| async { answer(500, &[], "") }).await;
    let some = embedder(&server, "anthropic.claude", None).await;
    for error in [some.model().await.map(drop), some.query("x").await.map(drop)] {
        let Err(EmbedError::Refused(told)) = error else { panic!("{error:?}") };
        assert!(told.contains("anthropic.claude") && told.contains(TITAN) && told.contains(COHERE), "{told}");
    }
    assert_eq!(server.asked().len(), 0);
    let mut settings = EmbedderSettings { kind: EmbedderKind::Bedrock, ..EmbedderSettings::default() };
    for (model, dimensions) in [(TITAN, 300), (COHERE, 512)] {
        (settings.model, settings.dimensions) = (Some(model.to_owned()), Some(dimensions));
        let error = make(&settings, &Bench::new().surroundings).map(drop).unwrap_err();
        assert_eq!(error.setting, "dimensions");
    }
}
