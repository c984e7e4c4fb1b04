//! Vectors in codes of a byte for each number: a quarter to read, and known to be off by no more than so much.
//!
//! A vector of length 1 is `scale * codes` and a rest. The product of the rest with another vector of length 1 is no more
//! than how long the rest is, so who knows that can tell from the codes which vectors cannot be among the nearest.

use pulp::{Arch, NullaryFnOnce};

use super::vectors::numbers;

/// The largest code.
const LARGEST: f64 = 127.0;
/// What adding in single precision loses, here and where the product is made of the vectors themselves.
const ROUNDING: f32 = 1e-4;
/// Beyond these, single precision overflows.
const LENGTHS: std::ops::Range<f64> = 1e-30..1e30;

/// How the codes of one vector are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coding {
    /// What a code of 1 stands for.
    pub scale: f32,
    /// The length of what the codes leave out. Infinite where nothing can be told from them.
    pub error: f32,
}

/// Adds the codes of a vector, given one over its length.
pub fn encode(vector: &[u8], inverse_length: f64, codes: &mut Vec<u8>) -> Coding {
    let unit = || numbers(vector).map(|number| f64::from(number) * inverse_length);
    let largest = unit().fold(0.0_f64, |largest, number| largest.max(number.abs()));
    if inverse_length != 0.0 && !LENGTHS.contains(&inverse_length) || !largest.is_finite() {
        codes.resize(codes.len() + unit().len(), 0);
        return Coding { scale: 0.0, error: f32::INFINITY };
    }
    let scale = (largest / LARGEST) as f32;
    let by = if largest > 0.0 { LARGEST / largest } else { 0.0 };
    let mut rest = 0.0;
    for number in unit() {
        let code = (number * by).round().clamp(-LARGEST, LARGEST);
        rest += (number - f64::from(scale) * code).powi(2);
        codes.push((code as i8).cast_unsigned());
    }
    // Rounded up.
    Coding { scale, error: (rest.sqrt() as f32).next_up() }
}

/// What is looked for, in whole numbers.
pub struct CodedQuery {
    numbers: Vec<i16>,
    /// What a 1 stands for.
    scale: f32,
    /// The length of what they leave out.
    error: f32,
}

impl CodedQuery {
    /// Of a query of length 1.
    pub fn new(query: &[f32]) -> Self {
        // The sum of all products is to fit into 32 bits.
        let most = f64::from(i32::MAX) / (LARGEST * query.len().max(1) as f64);
        let most = most.floor().clamp(1.0, f64::from(i16::MAX));
        let largest = query.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
        let scale = (f64::from(largest) / most) as f32;
        let by = if largest > 0.0 { most / f64::from(largest) } else { 0.0 };
        let number = |&number: &f32| (f64::from(number) * by).round().clamp(-most, most) as i16;
        let numbers: Vec<i16> = query.iter().map(number).collect();
        let left = |(&number, &whole): (&f32, &i16)| (f64::from(number) - f64::from(scale) * f64::from(whole)).powi(2);
        let rest: f64 = query.iter().zip(&numbers).map(left).sum();
        Self { numbers, scale, error: (rest.sqrt() as f32).next_up() }
    }

    /// The product with each of these, in codes and whole numbers.
    pub fn products(&self, codes: &[u8]) -> Vec<i32> {
        let mut products = vec![0; codes.len() / self.numbers.len().max(1)];
        Arch::new().dispatch(Products { codes, query: &self.numbers, products: &mut products });
        products
    }

    /// The lowest and the highest that the cosine can be.
    pub fn range(&self, product: i32, coding: Coding) -> (f32, f32) {
        let near = product as f32 * (self.scale * coding.scale);
        let error = coding.error + self.error * (1.0 + coding.error) + ROUNDING;
        (near - error, near + error)
    }
}

/// Compiled for the instructions that each machine has: all of it is in one function, for only what is in there is.
struct Products<'a> {
    codes: &'a [u8],
    query: &'a [i16],
    products: &'a mut [i32],
}

impl NullaryFnOnce for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let rows = self.codes.chunks_exact(self.query.len().max(1));
        for (product, codes) in self.products.iter_mut().zip(rows) {
            let mut sum = 0;
            for (&code, &number) in codes.iter().zip(self.query) {
                sum += i32::from(code.cast_signed()) * i32::from(number);
            }
            *product = sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn length(vector: &[f32]) -> f64 {
        vector.iter().map(|&number| f64::from(number).powi(2)).sum::<f64>().sqrt()
    }

    fn coded(vector: &[f32]) -> (Coding, Vec<u8>) {
        let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
        let mut codes = Vec::new();
        let length = length(vector);
        let coding = encode(&bytes, if length > 0.0 { 1.0 / length } else { 0.0 }, &mut codes);
        assert_eq!(codes.len(), vector.len());
        (coding, codes)
    }

    fn unit(vector: &[f32]) -> Vec<f32> {
        let length = length(vector);
        vector.iter().map(|&number| if length > 0.0 { (f64::from(number) / length) as f32 } else { 0.0 }).collect()
    }

    /// Two vectors of the same many numbers, some of them much larger than the others.
    fn two() -> impl Strategy<Value = (Vec<f32>, Vec<f32>)> {
        let number = || prop_oneof![4 => -1.0_f32..1.0, 2 => Just(0.0), 1 => -1e3_f32..1e3];
        (1_usize..700).prop_flat_map(move |count| {
            (prop::collection::vec(number(), count), prop::collection::vec(number(), count))
        })
    }

    proptest! {
        #[test]
        fn the_cosine_is_in_the_range((one, other) in two()) {
            let query = unit(&other);
            let cosine: f64 = unit(&one).iter().zip(&query).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
            let (coding, codes) = coded(&one);
            let query = CodedQuery::new(&query);
            let (lowest, highest) = query.range(query.products(&codes)[0], coding);
            prop_assert!(f64::from(lowest) <= cosine && cosine <= f64::from(highest), "{lowest} {cosine} {highest}");
            prop_assert!(highest - lowest < 0.5, "{coding:?}");
        }
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        for count in [1, 384, 1536, 65_536] {
            let ones = vec![1.0_f32; count];
            let query = CodedQuery::new(&unit(&ones));
            let (coding, codes) = coded(&ones);
            let (lowest, highest) = query.range(query.products(&codes)[0], coding);
            assert!(lowest <= 1.0 && 1.0 <= highest && highest - lowest < 0.02, "{count}: {lowest} {highest}");
        }
    }

    #[test]
    fn what_single_precision_cannot_hold_is_left_open() {
        for vector in [[1e36_f32, 1.0], [1e-38, 1e-39]] {
            let (coding, _) = coded(&vector);
            let (lowest, highest) = CodedQuery::new(&[0.6, 0.8]).range(0, coding);
            assert_eq!((lowest, highest), (f32::NEG_INFINITY, f32::INFINITY));
        }
        assert_eq!(coded(&[0.0, 0.0]).0.scale, 0.0);
    }
}
