//! Finding by words.

use std::collections::BTreeSet;

use tantivy::{
    Searcher, Term,
    query::{Bm25StatisticsProvider, BooleanQuery, BoostQuery, EnableScoring, Occur, Query, TermQuery},
    schema::{Field, IndexRecordOption},
    tokenizer::TextAnalyzer,
};

use super::{
    allowed::Allowed,
    best::Best,
    schema::{Fields, analyser, failed, query_analyser},
};
use crate::IndexError;

/// How much more a word counts in a heading than in the text below it.
const HEADING: f32 = 1.5;
/// Different words of a question; what comes after them is not looked for.
const MOST_WORDS: usize = 64;
/// Bytes of a question that are read.
const LONGEST: usize = 16 << 10;
/// Sums of the same parts in another order differ by this share at most.
const ROUNDING: f32 = 1e-6;

/// The words that are looked for, as the index has them.
fn words(text: &str) -> Vec<String> {
    let text = &text[..text.floor_char_boundary(LONGEST)];
    let read = |mut analyser: TextAnalyzer| {
        let (mut words, mut seen) = (Vec::new(), BTreeSet::new());
        let mut stream = analyser.token_stream(text);
        while words.len() < MOST_WORDS && stream.advance() {
            let word = &stream.token().text;
            if !word.is_empty() && seen.insert(word.clone()) {
                words.push(word.clone());
            }
        }
        words
    };
    let words = read(query_analyser());
    if words.is_empty() { read(analyser()) } else { words }
}

fn query(words: &[String], fields: &Fields) -> BooleanQuery {
    let of = |field: Field, word: &str| -> Box<dyn Query> {
        Box::new(TermQuery::new(Term::from_field_text(field, word), IndexRecordOption::WithFreqs))
    };
    let parts = words.iter().flat_map(|word| {
        let heading = Box::new(BoostQuery::new(of(fields.heading, word), HEADING)) as Box<dyn Query>;
        [(Occur::Should, of(fields.body, word)), (Occur::Should, heading)]
    });
    BooleanQuery::new(parts.collect())
}

/// The index has entries that are no chunks; to BM25 they are not there.
struct Statistics<'a> {
    searcher: &'a Searcher,
    chunks: u64,
}

impl Bm25StatisticsProvider for Statistics<'_> {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        self.searcher.total_num_tokens(field)
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(self.chunks)
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        Bm25StatisticsProvider::doc_freq(self.searcher, term)
    }
}

/// The best of all that have one of these words. `chunks` is how many there are, those that are deleted included.
pub fn search(
    searcher: &Searcher,
    (fields, chunks): (&Fields, u64),
    text: &str,
    allowed: &Allowed,
    limit: usize,
) -> Result<Best, IndexError> {
    let mut best = Best::new(limit, ROUNDING);
    let words = words(text);
    if words.is_empty() || chunks == 0 || limit == 0 {
        return Ok(best);
    }
    let statistics = Statistics { searcher, chunks };
    let scoring = EnableScoring::enabled_from_statistics_provider(&statistics, searcher);
    let weight = query(&words, fields).weight(scoring).map_err(failed)?;
    for (segment, ord) in searcher.segment_readers().iter().zip(0_u32..) {
        let (alive, allowed) = (segment.alive_bitset(), allowed.segment(ord as usize));
        // Only what is above this is shown to us, so it stays below what would still be of use.
        let threshold = best.floor().next_down();
        let mut see = |doc, score| {
            if alive.is_none_or(|alive| alive.is_alive(doc)) && allowed.is_none_or(|allowed| allowed.contains(doc)) {
                best.push(score, (ord, doc));
            }
            best.floor().next_down()
        };
        weight.for_each_pruning(threshold, segment, &mut see).map_err(failed)?;
    }
    Ok(best)
}
