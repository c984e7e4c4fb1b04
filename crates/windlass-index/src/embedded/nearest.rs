//! Finding by vectors: all of them are looked at, so nothing is missed. First in codes, and then, of those that can still
//! be among the nearest, as they are.

use tantivy::Searcher;

use super::{
    allowed::Allowed,
    best::Best,
    codes::CodedQuery,
    rows::Rows,
    vectors::{Vectors, product},
};
use crate::{IndexError, Model};

/// The query, with length 1.
pub fn direction(model: &Model, vector: &[f32]) -> Result<Vec<f32>, IndexError> {
    if vector.len() != model.dimensions {
        return Err(other_model(model, vector.len()));
    }
    if vector.iter().any(|number| !number.is_finite()) {
        return Err(IndexError::Invalid("a vector has numbers that are none".to_owned()));
    }
    let length = vector.iter().map(|&number| f64::from(number).powi(2)).sum::<f64>().sqrt();
    let by = if length > 0.0 { 1.0 / length } else { 0.0 };
    Ok(vector.iter().map(|&number| (f64::from(number) * by) as f32).collect())
}

/// A vector of this many numbers is none of this model.
pub fn other_model(model: &Model, numbers: usize) -> IndexError {
    IndexError::OtherModel {
        has: format!("{} with {} numbers", model.name, model.dimensions),
        given: format!("one with {numbers}"),
    }
}

/// The best of all by the cosine.
pub fn scan(
    searcher: &Searcher,
    segments: &[(&Rows, &Vectors)],
    query: &[f32],
    allowed: &Allowed,
    limit: usize,
) -> Best {
    let (coded, mut lowest) = (CodedQuery::new(query), Best::new(limit, 0.0));
    let mut candidates = Vec::new();
    for ((segment, (rows, vectors)), ord) in searcher.segment_readers().iter().zip(segments).zip(0_u32..) {
        let (alive, allowed) = (segment.alive_bitset(), allowed.segment(ord as usize));
        let products = coded.products(vectors.codes());
        for (row, (doc, (product, coding))) in rows.docs().zip(products.into_iter().zip(vectors.codings())).enumerate()
        {
            if alive.is_some_and(|alive| !alive.is_alive(doc)) || allowed.is_some_and(|allowed| !allowed.contains(doc))
            {
                continue;
            }
            let (low, high) = coded.range(product, coding);
            if high >= lowest.floor() {
                lowest.push(low, (ord, doc));
                candidates.push((high, row, (ord, doc)));
            }
        }
    }
    let (mut best, floor) = (Best::new(limit, 0.0), lowest.settled());
    for (_, row, (ord, doc)) in candidates.into_iter().filter(|&(high, ..)| high >= floor) {
        let (_, vectors) = segments[ord as usize];
        // Not beyond what a cosine can be: numbers near the largest that there are add up to more.
        let score = (product(vectors.row(row), query) * vectors.inverse_length(row)).clamp(-1.0, 1.0);
        best.push(if score.is_nan() { 0.0 } else { score }, (ord, doc));
    }
    best
}
