//! Reciprocal rank fusion of the two lists.

use std::collections::BTreeMap;

use windlass_index::{ChunkId, Hit};

/// What softens the first ranks; the usual value.
const K: f64 = 60.0;

/// A chunk of a collection, with its place in the fused list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fused {
    pub collection: usize,
    pub chunk: ChunkId,
    /// Percent of the most there can be.
    pub score: f64,
    pub by_words: bool,
    pub by_meaning: bool,
}

/// The lists as they come in.
#[derive(Default)]
pub(super) struct Lists {
    chunks: BTreeMap<(usize, ChunkId), Fused>,
    most: f64,
}

impl Lists {
    /// What the words found in each collection.
    pub fn add_words(&mut self, hits: &[Vec<Hit>], weight: f64) {
        self.add(hits, weight, |fused| fused.by_words = true);
    }

    /// What the vectors found in each collection.
    pub fn add_meaning(&mut self, hits: &[Vec<Hit>], weight: f64) {
        self.add(hits, weight, |fused| fused.by_meaning = true);
    }

    fn add(&mut self, hits: &[Vec<Hit>], weight: f64, mark: impl Fn(&mut Fused)) {
        self.most += weight / (K + 1.0);
        // One list of all collections by their own scores: else the best of one that has nothing would be as high as
        // the best of one that has all.
        let numbered = hits.iter().enumerate();
        let mut ranked: Vec<_> = numbered.flat_map(|(at, hits)| hits.iter().map(move |hit| (at, hit))).collect();
        ranked.sort_by(|(a, one), (b, other)| {
            other.score.total_cmp(&one.score).then_with(|| (a, one.chunk).cmp(&(b, other.chunk)))
        });
        for (rank, (collection, hit)) in ranked.into_iter().enumerate() {
            let chunk = hit.chunk;
            let fresh = Fused { collection, chunk, score: 0.0, by_words: false, by_meaning: false };
            let fused = self.chunks.entry((collection, chunk)).or_insert(fresh);
            fused.score += weight / (K + rank as f64 + 1.0);
            mark(fused);
        }
    }

    /// All of them, the best first, always in the same order.
    pub fn fused(self) -> Vec<Fused> {
        let mut all: Vec<Fused> = self.chunks.into_values().collect();
        all.sort_by(|a, b| {
            b.score.total_cmp(&a.score).then_with(|| (a.collection, a.chunk).cmp(&(b.collection, b.chunk)))
        });
        for fused in &mut all {
            // Hundredths, so that the sum of all there can be is 100 and not a hair less.
            fused.score = (10_000.0 * fused.score / self.most).round() / 100.0;
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(scores: &[(u64, f32)]) -> Vec<Hit> {
        scores.iter().map(|(chunk, score)| Hit { chunk: ChunkId(*chunk), score: *score }).collect()
    }

    #[test]
    fn the_first_in_both_lists_has_100() {
        let mut lists = Lists::default();
        lists.add_words(&[hits(&[(1, 9.0), (2, 5.0)])], 1.0);
        lists.add_meaning(&[hits(&[(1, 0.9), (3, 0.5)])], 0.3);
        let fused = lists.fused();
        let shown: Vec<_> =
            fused.iter().map(|one| (one.chunk.0, one.score.round(), one.by_words, one.by_meaning)).collect();
        assert_eq!(shown, [(1, 100.0, true, true), (2, 76.0, true, false), (3, 23.0, false, true)]);
    }

    #[test]
    fn one_list_alone_reaches_100_too() {
        let mut lists = Lists::default();
        lists.add_words(&[hits(&[(1, 9.0)])], 1.0);
        assert_eq!(lists.fused()[0].score, 100.0);
    }

    #[test]
    fn the_best_of_a_collection_that_has_nothing_is_not_first() {
        let mut lists = Lists::default();
        lists.add_words(&[hits(&[(1, 0.5)]), hits(&[(1, 9.0), (2, 8.0)])], 1.0);
        let order: Vec<_> = lists.fused().iter().map(|one| (one.collection, one.chunk.0)).collect();
        assert_eq!(order, [(1, 1), (1, 2), (0, 1)]);
    }

    #[test]
    fn what_is_equal_keeps_one_order() {
        let mut lists = Lists::default();
        lists.add_words(&[hits(&[(7, 1.0), (3, 1.0)])], 1.0);
        lists.add_meaning(&[hits(&[(7, 1.0), (3, 1.0)])], 1.0);
        let order: Vec<_> = lists.fused().iter().map(|one| one.chunk.0).collect();
        assert_eq!(order, [3, 7]);
    }
}
