use std::collections::{BTreeMap, BTreeSet};

use tantivy::tokenizer::TextAnalyzer;

use crate::embedded::{analyser, query_analyser};

/// A question has a few words; a page that somebody pastes has thousands.
const MOST_TERMS: usize = 64;
/// Bytes of a question that are read.
const LONGEST: usize = 16 << 10;
/// A word in a heading counts as often as this in the text.
const HEADING: u32 = 2;

/// What a chunk is found by: how often each word stands in it, and how many there are.
pub(super) struct Terms {
    pub(super) counts: BTreeMap<String, u32>,
    pub(super) length: u32,
}

/// Cuts text into words, as the index of files does.
pub(super) fn terms(breadcrumb: &[String], text: &str) -> Terms {
    let mut analyzer = analyser();
    let mut found = Terms { counts: BTreeMap::new(), length: 0 };
    let mut add = |text: &str, weight: u32| {
        analyzer.token_stream(text).process(&mut |token| {
            *found.counts.entry(token.text.clone()).or_default() += weight;
            found.length = found.length.saturating_add(weight);
        });
    };
    add(text, 1);
    for heading in breadcrumb {
        add(heading, HEADING);
    }
    found
}

/// The words of a question, each once; those that are everywhere only where there are no others.
pub(super) fn question(words: &str) -> Vec<String> {
    let words = &words[..words.floor_char_boundary(LONGEST)];
    let all = |mut analyzer: TextAnalyzer| {
        let mut found = BTreeSet::new();
        let mut stream = analyzer.token_stream(words);
        while found.len() < MOST_TERMS && stream.advance() {
            if !stream.token().text.is_empty() {
                found.insert(stream.token().text.clone());
            }
        }
        drop(stream);
        found.into_iter().collect::<Vec<_>>()
    };
    let telling = all(query_analyser());
    if telling.is_empty() { all(analyser()) } else { telling }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_counts_twice() {
        let found = terms(&["Deploying servers".to_owned()], "Deploy the server's\nkeys.");
        let counts: Vec<_> = found.counts.iter().map(|(term, count)| (term.as_str(), *count)).collect();
        assert_eq!(counts, [("deploy", 3), ("key", 1), ("s", 1), ("server", 3), ("the", 1)]);
        assert_eq!(found.length, 9);
    }

    #[test]
    fn whatever_is_asked_is_a_list_of_words() {
        for (words, expected) in [
            ("How to rotate the Keys?", vec!["how", "key", "rotat"]),
            ("to be or not to be", vec!["be", "not", "or", "to"]),
            ("", vec![]),
            ("'\"\\%;--\0 !!", vec![]),
            ("Füße AND OR NOT", vec!["fuss"]),
        ] {
            assert_eq!(question(words), expected, "{words}");
        }
        let many = (0..1000).map(|number| format!("w{number} ")).collect::<String>();
        assert_eq!(question(&many).len(), MOST_TERMS);
    }
}
