//! Titan Text Embeddings V2: one text in each request.

use serde::{Deserialize, Serialize};

use super::beginning;

pub(super) const MODEL: &str = "amazon.titan-embed-text-v2:0";
/// That it lets one choose from; the first one where nobody does.
pub(super) const DIMENSIONS: [usize; 3] = [1024, 512, 256];
/// A longer text is refused, and not cut.
const LONGEST: usize = 50_000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Question<'a> {
    input_text: &'a str,
    dimensions: usize,
    normalize: bool,
}

#[derive(Deserialize)]
pub(super) struct Answer {
    pub embedding: Vec<f32>,
}

pub(super) fn question(text: &str, dimensions: usize) -> Question<'_> {
    Question { input_text: beginning(text, LONGEST), dimensions, normalize: true }
}
