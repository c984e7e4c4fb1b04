//! Vectors as they have to be.

use super::EmbedError;

/// Of length 1, if they are vectors of so many numbers at all.
pub(super) fn checked(who: &str, mut vectors: Vec<Vec<f32>>, dimensions: usize) -> Result<Vec<Vec<f32>>, EmbedError> {
    for vector in &mut vectors {
        if vector.len() != dimensions {
            let given = vector.len();
            return Err(EmbedError::Wrong(format!("{who} gave a vector of {given} numbers, not of {dimensions}")));
        }
        if !normalise(vector) {
            return Err(EmbedError::Wrong(format!("{who} gave a vector that is nothing, or has no finite length")));
        }
    }
    Ok(vectors)
}

/// Gives it the length 1, unless it has none.
pub(super) fn normalise(vector: &mut [f32]) -> bool {
    let square: f64 = vector.iter().map(|&number| f64::from(number) * f64::from(number)).sum();
    if !square.is_finite() || square <= 0.0 {
        return false;
    }
    let length = square.sqrt();
    vector.iter_mut().for_each(|number| *number = (f64::from(*number) / length) as f32);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_vector_is_refused() {
        let one = |vector: Vec<f32>| checked("it", vec![vector], 2);
        assert_eq!(one(vec![3.0, 4.0]).unwrap(), [[0.6, 0.8]]);
        assert_eq!(one(vec![1e30, 0.0]).unwrap(), [[1.0, 0.0]]);
        for wrong in [vec![0.0, 0.0], vec![f32::NAN, 1.0], vec![f32::INFINITY, 1.0], vec![1.0], vec![1.0; 3]] {
            assert!(matches!(one(wrong.clone()), Err(EmbedError::Wrong(_))), "{wrong:?}");
        }
    }
}
