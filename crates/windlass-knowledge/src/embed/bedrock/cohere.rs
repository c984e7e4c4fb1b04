//! Cohere Embed, version 3: many texts in each request, and questions are told from documents.

use serde::{Deserialize, Serialize};

use super::{Text, beginning};

pub(super) const MODELS: [&str; 2] = ["cohere.embed-english-v3", "cohere.embed-multilingual-v3"];
pub(super) const DIMENSIONS: usize = 1024;
/// In one request.
pub(super) const TEXTS: usize = 96;
/// Of one text. `truncate` cuts what has too many tokens, but Bedrock refuses what has more characters.
const LONGEST: usize = 2048;

#[derive(Serialize)]
pub(super) struct Question<'a> {
    texts: Vec<&'a str>,
    input_type: Text,
    truncate: &'static str,
}

#[derive(Deserialize)]
pub(super) struct Answer {
    pub embeddings: Vec<Vec<f32>>,
}

pub(super) fn question<'a>(texts: &[&'a str], kind: Text) -> Question<'a> {
    let texts = texts.iter().map(|text| beginning(text, LONGEST)).collect();
    Question { texts, input_type: kind, truncate: "END" }
}
