//! Vectors of this machine: hashed ones, and those of a static model that the test writes.

use std::{path::Path, sync::Arc};

use serde_json::json;
use windlass_config::settings::{EmbedderKind, EmbedderSettings};
use windlass_knowledge::embed::{EmbedError, Embedder, make};

use crate::bench::Bench;

fn settings(kind: EmbedderKind) -> EmbedderSettings {
    EmbedderSettings { kind, ..EmbedderSettings::default() }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn hashed_vectors_need_nothing() {
    let embedder = make(&settings(EmbedderKind::Hashed), &Bench::new().surroundings).unwrap();
    let model = embedder.model().await.unwrap();
    assert_eq!((model.name.as_str(), model.dimensions, model.normalised), ("hashed/1", 384, true));
    let vectors = embedder.documents(&texts(&["one text", "another text"])).await.unwrap();
    assert_eq!(vectors[0], embedder.query("one text").await.unwrap());
    assert_ne!(vectors[0], vectors[1]);
    assert_eq!(vectors[0].len(), 384);
}

#[tokio::test]
async fn mistakes_in_settings_are_named() {
    let bench = Bench::new();
    let wrong = |settings: EmbedderSettings| make(&settings, &bench.surroundings).map(drop).unwrap_err().setting;
    let with = |kind, change: fn(&mut EmbedderSettings)| {
        let mut settings = settings(kind);
        change(&mut settings);
        settings
    };
    assert_eq!(wrong(with(EmbedderKind::Hashed, |settings| settings.dimensions = Some(3))), "dimensions");
    assert_eq!(wrong(settings(EmbedderKind::Openai)), "model");
    assert_eq!(wrong(settings(EmbedderKind::Bedrock)), "model");
    assert_eq!(wrong(settings(EmbedderKind::Model)), "directory");
    assert_eq!(wrong(with(EmbedderKind::Model, |settings| settings.region = Some("x".to_owned()))), "region");
    let key_in_url = with(EmbedderKind::Openai, |settings| {
        settings.model = Some("m".to_owned());
        settings.url = Some("https://user:key@example.com/v1".parse().unwrap());
    });
    assert_eq!(wrong(key_in_url), "url");
}

/// A model of two numbers for each word.
fn write_model(folder: &Path, words: &[(&str, [f32; 2])]) {
    std::fs::create_dir_all(folder).unwrap();
    let mut vocabulary = serde_json::Map::new();
    vocabulary.insert("[UNK]".to_owned(), 0.into());
    let mut numbers = vec![0.0_f32, 0.0];
    for (at, (word, vector)) in words.iter().enumerate() {
        vocabulary.insert((*word).to_owned(), (at + 1).into());
        numbers.extend(vector);
    }
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": { "type": "Lowercase" },
        "pre_tokenizer": { "type": "Whitespace" },
        "post_processor": null, "decoder": null,
        "model": { "type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]" },
    });
    let data: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let header = json!({
        "embeddings": { "dtype": "F32", "shape": [words.len() + 1, 2], "data_offsets": [0, data.len()] }
    });
    let header = header.to_string();
    let mut tensors = (header.len() as u64).to_le_bytes().to_vec();
    tensors.extend(header.as_bytes());
    tensors.extend(data);
    std::fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    std::fs::write(folder.join("model.safetensors"), tensors).unwrap();
    std::fs::write(folder.join("config.json"), r#"{"normalize": true}"#).unwrap();
}

fn model(bench: &Bench) -> Arc<dyn Embedder> {
    let settings = EmbedderSettings { directory: Some("tiny".into()), ..settings(EmbedderKind::Model) };
    make(&settings, &bench.surroundings).unwrap()
}

fn near(one: &[f32], other: [f32; 2]) -> bool {
    one.len() == 2 && one.iter().zip(other).all(|(one, other)| (one - other).abs() < 1e-6)
}

#[tokio::test]
async fn a_static_model_in_a_directory() {
    let bench = Bench::new();
    write_model(&bench.path().join("tiny"), &[("backup", [3.0, 4.0]), ("lunch", [0.0, -2.0])]);
    let embedder = model(&bench);
    let about = embedder.model().await.unwrap();
    assert!(about.name.starts_with("model/tiny@") && about.dimensions == 2 && about.normalised, "{about:?}");
    let vectors = embedder.documents(&texts(&["Backup", "lunch unknown", "never seen", ""])).await.unwrap();
    assert!(near(&vectors[0], [0.6, 0.8]) && near(&vectors[1], [0.0, -1.0]), "{vectors:?}");
    assert!(near(&vectors[2], [0.0, 0.0]) && near(&vectors[3], [0.0, 0.0]), "{vectors:?}");
    assert_eq!(embedder.query("backup").await.unwrap(), vectors[0]);
    // The same files have the same name, others another.
    assert_eq!(model(&bench).model().await.unwrap(), about);
    write_model(&bench.path().join("tiny"), &[("backup", [3.0, 4.0]), ("lunch", [0.0, -3.0])]);
    assert_ne!(model(&bench).model().await.unwrap().name, about.name);
}

#[tokio::test]
async fn a_model_that_is_none_is_refused() {
    let bench = Bench::new();
    let folder = bench.path().join("tiny");
    let refused = async || match model(&bench).model().await {
        Err(EmbedError::Refused(told)) => told,
        other => panic!("{other:?}"),
    };
    assert!(refused().await.contains("tokenizer.json cannot be read"));
    let words: [(&str, [f32; 2]); 1] = [("backup", [3.0, 4.0])];
    for (file, content) in [
        ("model.safetensors", &b"\xff\xff\xff\xff\xff\xff\xff\x7f"[..]),
        ("model.safetensors", b""),
        ("tokenizer.json", b"{}"),
        ("tokenizer.json", b"["),
        ("config.json", b"no"),
    ] {
        write_model(&folder, &words);
        std::fs::write(folder.join(file), content).unwrap();
        assert!(refused().await.contains("tiny has no model that can be read"), "{file}");
    }
    // Files of two models: one knows words that the other has no vector for.
    write_model(&folder, &[("backup", [1.0, 0.0]), ("lunch", [0.0, 1.0]), ("dinner", [0.0, 1.0])]);
    let tokenizer = std::fs::read(folder.join("tokenizer.json")).unwrap();
    write_model(&folder, &words);
    std::fs::write(folder.join("tokenizer.json"), tokenizer).unwrap();
    let embedder = model(&bench);
    match embedder.model().await {
        Err(EmbedError::Refused(_)) => {}
        _ => {
            let error = embedder.documents(&texts(&["dinner"])).await.unwrap_err();
            assert!(matches!(error, EmbedError::Wrong(_)), "{error:?}");
        }
    }
}
