//! The vectors of an answer.

use serde::Deserialize;

use crate::embed::EmbedError;

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Vec<f32>,
}

/// In the order of the texts, which need not be that of the answer.
pub(super) fn vectors(who: &str, body: &[u8], texts: usize) -> Result<Vec<Vec<f32>>, EmbedError> {
    let wrong = |why: String| EmbedError::Wrong(format!("{who} {why}"));
    let answer: Answer =
        serde_json::from_slice(body).map_err(|error| wrong(format!("answers with something else: {error}")))?;
    if answer.data.len() != texts {
        return Err(wrong(format!("gave {} vectors for {texts} texts", answer.data.len())));
    }
    let mut vectors = vec![None; texts];
    for item in answer.data {
        match vectors.get_mut(item.index) {
            Some(place @ None) => *place = Some(item.embedding),
            _ => return Err(wrong(format!("gave no vector, or two, for text {}", item.index))),
        }
    }
    Ok(vectors.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_come_in_the_order_of_the_texts() {
        let body = br#"{"object":"list","data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1.5]}]}"#;
        assert_eq!(vectors("it", body, 2).unwrap(), [[1.5], [2.0]]);
        for wrong in [
            r#"{"data":[{"index":0,"embedding":[1]}]}"#,
            r#"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#,
            r#"{"data":[{"index":0,"embedding":[1]},{"index":2,"embedding":[1]}]}"#,
            r#"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":["a"]}]}"#,
            r#"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":"AACAPw=="}]}"#,
            r#"{"error":"x"}"#,
            "",
        ] {
            assert!(matches!(vectors("it", wrong.as_bytes(), 2), Err(EmbedError::Wrong(_))), "{wrong}");
        }
    }
}
