//! The vectors of a segment, twice: as they are, and in codes of a byte for each number, which are read first.
//!
//! The columns: all vectors, one over the length of each, what the codes of each are off, all codes.

use std::{
    fs::File,
    io::{BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use tantivy::directory::OwnedBytes;

use super::{
    codes::{self, Coding},
    objects::unreachable,
    rows::{HEAD, checked, head},
};
use crate::IndexError;

const VECTORS: &[u8; 8] = b"WLVECS02";
/// Bytes of a row besides its numbers: the length, and the coding's scale and error.
const BESIDE: usize = 4 + 8;

/// Writes the file, a vector at a time.
pub struct VectorWriter {
    path: PathBuf,
    vectors: BufWriter<File>,
    /// Of the same file, further on.
    codes: BufWriter<File>,
    lengths: Vec<f32>,
    codings: Vec<Coding>,
    coded: Vec<u8>,
}

impl VectorWriter {
    /// For so many vectors; there has to be no such file yet.
    pub fn new(path: &Path, count: usize, dimensions: usize) -> Result<Self, IndexError> {
        let failed = || unreachable(path.display());
        let file = File::create_new(path).map_err(failed())?;
        let mut further = File::options().write(true).open(path).map_err(failed())?;
        further.seek(SeekFrom::Start((HEAD + count * (dimensions * 4 + BESIDE)) as u64)).map_err(failed())?;
        let [mut vectors, codes] = [file, further].map(|file| BufWriter::with_capacity(256 << 10, file));
        vectors.write_all(&head(VECTORS, count, dimensions)).map_err(failed())?;
        let (lengths, codings) = (Vec::with_capacity(count), Vec::with_capacity(count));
        Ok(Self { path: path.to_owned(), vectors, codes, lengths, codings, coded: Vec::new() })
    }

    /// The next one, as it is kept.
    pub fn write(&mut self, vector: &[u8]) -> Result<(), IndexError> {
        let length = inverse_length(vector);
        self.coded.clear();
        self.codings.push(codes::encode(vector, length, &mut self.coded));
        self.lengths.push(length as f32);
        let written = self.vectors.write_all(vector).and_then(|()| self.codes.write_all(&self.coded));
        written.map_err(unreachable(self.path.display()))
    }

    /// After the last one.
    pub fn finish(mut self) -> Result<(), IndexError> {
        let mut columns = || {
            for length in &self.lengths {
                self.vectors.write_all(&length.to_le_bytes())?;
            }
            for Coding { scale, error } in &self.codings {
                self.vectors.write_all(&scale.to_le_bytes())?;
                self.vectors.write_all(&error.to_le_bytes())?;
            }
            self.vectors.flush()?;
            self.codes.flush()
        };
        columns().map_err(unreachable(self.path.display()))
    }
}

/// One over the length, or nothing for what has no direction.
fn inverse_length(vector: &[u8]) -> f64 {
    let square: f64 = numbers(vector).map(|number| f64::from(number).powi(2)).sum();
    if square > 0.0 { 1.0 / square.sqrt() } else { 0.0 }
}

/// The numbers of a vector, or of a column, as it is kept.
pub(super) fn numbers(kept: &[u8]) -> impl ExactSizeIterator<Item = f32> {
    kept.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes))
}

/// The vectors of all rows.
pub struct Vectors {
    bytes: OwnedBytes,
    count: usize,
    dimensions: usize,
}

impl Vectors {
    /// `None` where these bytes are not such a file.
    pub fn open(bytes: OwnedBytes) -> Option<Self> {
        let (count, dimensions) =
            checked(&bytes, VECTORS, |dimensions| dimensions.checked_mul(5)?.checked_add(BESIDE))?;
        Some(Self { bytes, count, dimensions })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Numbers in each.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// The vector of this row, as it is kept.
    pub fn row(&self, row: usize) -> &[u8] {
        let width = self.dimensions * 4;
        &self.bytes[HEAD + row * width..][..width]
    }

    /// The vector of this row.
    pub fn numbers(&self, row: usize) -> Vec<f32> {
        numbers(self.row(row)).collect()
    }

    /// One over the length of this row.
    pub fn inverse_length(&self, row: usize) -> f32 {
        let (lengths, _) = self.column(self.dimensions * 4, 4).as_chunks::<4>();
        f32::from_le_bytes(lengths[row])
    }

    /// What the codes of each are off.
    pub fn codings(&self) -> impl ExactSizeIterator<Item = Coding> {
        let (each, _) = self.column(self.dimensions * 4 + 4, 8).as_chunks::<8>();
        each.iter().map(|&[a, b, c, d, e, f, g, h]| Coding {
            scale: f32::from_le_bytes([a, b, c, d]),
            error: f32::from_le_bytes([e, f, g, h]),
        })
    }

    /// The codes of all of them.
    pub fn codes(&self) -> &[u8] {
        self.column(self.dimensions * 4 + BESIDE, self.dimensions)
    }

    /// A column after those that have so many bytes a row.
    fn column(&self, before: usize, width: usize) -> &[u8] {
        &self.bytes[HEAD + self.count * before..][..self.count * width]
    }
}

/// The product of a vector as it is kept with one in memory, in sixteen sums that the compiler puts side by side.
pub fn product(kept: &[u8], query: &[f32]) -> f32 {
    const WIDE: usize = 16;
    let (blocks, rest) = kept.as_chunks::<{ WIDE * 4 }>();
    let (queries, query_rest) = query.as_chunks::<WIDE>();
    let mut sums = [0.0_f32; WIDE];
    for (block, query) in blocks.iter().zip(queries) {
        let (numbers, _) = block.as_chunks::<4>();
        for nth in 0..WIDE {
            sums[nth] += f32::from_le_bytes(numbers[nth]) * query[nth];
        }
    }
    let rest = numbers(rest).zip(query_rest);
    sums.iter().sum::<f32>() + rest.map(|(number, query)| number * query).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(vector: &[f32]) -> Vec<u8> {
        vector.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    #[test]
    fn the_product_is_that_of_a_plain_loop() {
        for dimensions in [1, 2, 15, 16, 17, 64, 100, 384] {
            let one: Vec<_> = (0..dimensions).map(|nth| (nth as f32 * 0.7).sin()).collect();
            let other: Vec<_> = (0..dimensions).map(|nth| (nth as f32 * 1.3).cos()).collect();
            let plain: f64 = one.iter().zip(&other).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
            assert!((f64::from(product(&bytes(&one), &other)) - plain).abs() < 1e-4, "{dimensions}");
        }
    }
}
