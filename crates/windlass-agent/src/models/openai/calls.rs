//! Which call a piece of a call belongs to.
//!
//! OpenAI numbers the calls of an answer by `index`; the first piece of each has its id and name, later ones have more of the
//! arguments. Others leave out the id, or the index, or number every call 0 and send it as one piece.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{model::ModelError, models::draft::Draft};

/// A piece of a call.
#[derive(Debug, Default, Deserialize)]
pub(super) struct CallDelta {
    #[serde(default)]
    index: Option<u64>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Option<Function>,
}

#[derive(Debug, Default, Deserialize)]
struct Function {
    #[serde(default)]
    name: Option<String>,
    /// A text with JSON; an object with those who take it literally.
    #[serde(default)]
    arguments: Option<Value>,
}

/// The calls of an answer so far.
#[derive(Debug, Default)]
pub(super) struct Calls {
    count: u64,
    /// The latest call with this index, and the id it came with.
    by_index: HashMap<u64, (u64, String)>,
}

impl Calls {
    /// Puts it into the draft.
    pub fn take(&mut self, delta: CallDelta, draft: &mut Draft<'_>) -> Result<(), ModelError> {
        let function = delta.function.unwrap_or_default();
        let (id, name) = (delta.id.unwrap_or_default(), function.name.unwrap_or_default());
        // Without an index, the latest call.
        let index = delta.index.unwrap_or(u64::MAX);
        let at = match self.by_index.get(&index) {
            Some((at, known)) if !begins(&id, &name, known, *at, draft) => *at,
            _ => {
                self.count += 1;
                draft.call(self.count, &id, &name)?;
                self.by_index.insert(index, (self.count, id));
                self.count
            }
        };
        match function.arguments {
            Some(Value::String(more)) => draft.arguments(at, &more),
            None | Some(Value::Null) => Ok(()),
            Some(whole) => draft.arguments(at, &whole.to_string()),
        }
    }
}

/// Whether this piece begins a call although one of its index is known. Another id says so. Where ids are missing, a name
/// after arguments that are whole says so: nothing could be added to them.
fn begins(id: &str, name: &str, known: &str, at: u64, draft: &Draft<'_>) -> bool {
    match id.is_empty() {
        false => id != known,
        true => !name.is_empty() && draft.is_whole(at),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Request, Stop};

    /// The calls that these pieces are, as `id name arguments`.
    #[track_caller]
    fn check(pieces: Value, expected: &[&str]) {
        let request = Request { system: "", messages: &[], tools: &[], max_tokens: 1 };
        let mut say = |_| {};
        let (mut draft, mut calls) = (Draft::new(&request, &mut say), Calls::default());
        for piece in pieces.as_array().unwrap() {
            calls.take(serde_json::from_value(piece.clone()).unwrap(), &mut draft).unwrap();
        }
        draft.stop = Some(Stop::ToolUse);
        let blocks = draft.finish().unwrap().blocks;
        let told = blocks.iter().map(|block| {
            let call = json!(block);
            let field = |name: &str| call[name].as_str().unwrap_or("?").to_owned();
            format!("{} {} {}", field("id"), field("name"), call["arguments"])
        });
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn openai_numbers_its_calls() {
        check(
            json!([
                { "index": 0, "id": "a", "type": "function", "function": { "name": "f", "arguments": "" } },
                { "index": 0, "function": { "arguments": "{\"x\"" } },
                { "index": 1, "id": "b", "type": "function", "function": { "name": "g", "arguments": "" } },
                { "index": 0, "function": { "arguments": ":1}" } },
                { "index": 1, "function": { "arguments": "{}" } },
            ]),
            &["a f {\"x\":1}", "b g {}"],
        );
    }

    #[test]
    fn others_do_not() {
        // Ollama: the same number, no id, all at once.
        check(
            json!([
                { "index": 0, "function": { "name": "f", "arguments": "{\"x\":1}" } },
                { "index": 0, "function": { "name": "f", "arguments": "{\"x\":2}" } },
            ]),
            &["call_0 f {\"x\":1}", "call_1 f {\"x\":2}"],
        );
        // The same number, and ids.
        check(
            json!([
                { "index": 0, "id": "a", "function": { "name": "f", "arguments": "{}" } },
                { "index": 0, "id": "b", "function": { "name": "g", "arguments": "{}" } },
            ]),
            &["a f {}", "b g {}"],
        );
        // No number, id and name with every piece.
        check(
            json!([
                { "id": "a", "function": { "name": "f", "arguments": "{\"x\":" } },
                { "id": "a", "function": { "name": "f", "arguments": "1}" } },
                { "id": "b", "function": { "name": "g", "arguments": null } },
            ]),
            &["a f {\"x\":1}", "b g {}"],
        );
        // Arguments that are no text.
        check(
            json!([{ "index": 0, "id": "", "function": { "name": "f", "arguments": { "x": 1 } } }]),
            &["call_0 f {\"x\":1}"],
        );
    }
}
