//! An answer is the same wherever it is cut.

use serde_json::json;
use windlass_testkit::models::{Said, Script, Turn};

use super::bench::{PROVIDERS, plain, started, talk, without_thoughts};

const WORDS: &str = "Ä ö 🦀 \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} 中文 e\u{301} \u{feff} „so“ \u{2028} end";

fn script(cut: Option<usize>) -> Script {
    let call = Said::ToolUse { id: None, name: "weather".to_owned(), input: json!({ "zone": WORDS, "at": -1 }) };
    let turns = vec![
        Turn {
            say: vec![Said::Thought(WORDS.to_owned()), Said::Text(WORDS.to_owned()), call.clone(), call],
            ..Turn::default()
        },
        Turn::text(WORDS),
    ];
    Script { cut, ..Script::from(turns) }
}

#[tokio::test]
async fn a_cut_at_any_byte_changes_nothing() {
    for provider in PROVIDERS {
        let mut whole = None;
        for cut in [None, Some(1), Some(2), Some(3), Some(7), Some(64), Some(1021)] {
            let (standin, model) = started(provider, script(cut)).await;
            let (replies, deltas, _) = talk(model.as_ref(), |_| plain(WORDS)).await;
            assert_eq!(standin.violations(), [""; 0], "{provider} {cut:?}");
            assert_eq!(json!(without_thoughts(replies.clone())[1].blocks), json!([{ "type": "text", "text": WORDS }]));
            let whole = whole.get_or_insert_with(|| (replies.clone(), deltas.clone()));
            assert_eq!(*whole, (replies, deltas), "{provider} {cut:?}");
        }
    }
}
