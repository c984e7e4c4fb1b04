//! Okapi BM25, with the parameters of Lucene and tantivy (k1 = 1.2, b = 0.75), computed by PostgreSQL.
//!
//! It is exact: how many chunks have a word (table `frequencies`), how many there are and how long they are on average
//! are those of the whole generation, whatever the filter lets through.
//!
//! What is in half of all chunks says next to nothing, and is most of the work. So the chunks that have one of the
//! rarer words are scored first, by all words. A word adds at most `(k1 + 1) idf`: where what all the others add
//! together is less than the worst score that was found, no chunk that has only those can be among the best. Else the
//! question is put once more, with as many words as it takes for that to hold.

use std::collections::HashMap;

use super::filter::{passing, standing};

/// How many chunks are looked at first, about: they take some ten milliseconds.
const FIRST: f64 = 1000.0;
/// The most that a word adds, in its `idf`.
const MOST: f64 = 2.2;

/// How many chunks have each of the words `$3`.
pub(super) const FREQUENCIES: &str = "
    SELECT term, chunks FROM frequencies
    WHERE collection = $1 AND term = ANY($3::text[]) AND born <= $2 AND (died IS NULL OR died > $2)";

/// `$8` the words, `$9` their `idf`, `$10` which of them a chunk must have one of, `$11` the average length of chunks,
/// `$12` how many are wanted. The parts of a score are added up in one order, so that what is alike has the same.
pub(super) const QUERY: &str = concat!(
    "SELECT id, score FROM (
        SELECT c.id, d.path, (
            SELECT sum(w.idf * 2.2 * w.tf / (w.tf + 1.2 * (0.25 + 0.75 * c.length / $11::float8)) ORDER BY w.place)
            FROM (
                SELECT q.idf, q.place, c.counts[array_position(c.words, q.term)]::float8 AS tf
                FROM unnest($8::text[], $9::float8[]) WITH ORDINALITY AS q(term, idf, place)
            ) w WHERE w.tf IS NOT NULL
        ) AS score
        FROM documents d JOIN chunks c ON c.body = d.body
        WHERE c.words && $10::text[] AND c.collection = $1::int4 AND ",
    standing!(),
    " AND ",
    passing!(),
    ") scored ORDER BY score DESC, path COLLATE \"C\", id LIMIT $12::int8"
);

/// A question's words, the rarest first.
pub(super) struct Question {
    pub(super) terms: Vec<String>,
    pub(super) idf: Vec<f64>,
    /// How many chunks have each.
    frequencies: Vec<f64>,
}

impl Question {
    /// Those of the words that are anywhere in `chunks` chunks.
    pub(super) fn new(frequencies: HashMap<String, i64>, chunks: u64) -> Self {
        let mut words: Vec<(String, i64)> = frequencies.into_iter().collect();
        words.sort_by(|(one, few), (other, many)| (few, one).cmp(&(many, other)));
        let idf = |count: f64| (1.0 + (chunks as f64 - count + 0.5) / (count + 0.5)).ln();
        let frequencies: Vec<f64> = words.iter().map(|(_, count)| *count as f64).collect();
        let terms = words.into_iter().map(|(term, _)| term).collect();
        Self { terms, idf: frequencies.iter().map(|&count| idf(count)).collect(), frequencies }
    }

    /// How many of the words to begin with: one at least.
    pub(super) fn first(&self) -> usize {
        let mut seen = 0.0;
        let few = self.frequencies.iter().take_while(|&&count| {
            seen += count;
            seen <= FIRST
        });
        few.count().max(1).min(self.terms.len())
    }

    /// How many of the words it takes, where that many chunks have at least this score already.
    pub(super) fn enough(&self, worst: f64) -> usize {
        let mut rest = 0.0;
        let needless = self.idf.iter().rev().take_while(|&&idf| {
            rest += MOST * idf;
            rest < worst
        });
        self.terms.len() - needless.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(counts: &[i64], chunks: u64) -> Question {
        Question::new(counts.iter().zip(0..).map(|(&count, nth)| (format!("w{nth}"), count)).collect(), chunks)
    }

    #[test]
    fn rare_words_come_first_and_are_enough_where_the_others_add_too_little() {
        let asked = question(&[9000, 10, 500, 4000], 10_000);
        assert_eq!(asked.terms, ["w1", "w2", "w3", "w0"]);
        assert!(asked.idf.is_sorted_by(|one, next| one > next));
        assert_eq!(asked.first(), 2);
        // The word that nearly all have adds 0.23 at most.
        assert_eq!(asked.enough(0.0), 4);
        assert_eq!(asked.enough(0.3), 3);
        assert_eq!(asked.enough(3.0), 2);
        assert_eq!(asked.enough(1000.0), 0);
        assert_eq!(question(&[9000, 8000], 10_000).first(), 1);
        assert_eq!(question(&[], 10).first(), 0);
    }
}
