//! The chunks of a segment as rows, and their vectors: two files beside those of tantivy.
//!
//! `.rows` says which entry of the segment a row is, and finds a row by the hash of its chunk; `.vec` has the vectors. They
//! are two, so that who looks for hashes does not fetch vectors. All numbers are little-endian.

use std::{fs::File, io::BufWriter, io::Write, path::Path};

use tantivy::directory::OwnedBytes;

use super::{objects::unreachable, vectors::VectorWriter};
use crate::{Hash, IndexError};

const ROWS: &[u8; 8] = b"WLROWS01";
/// Bytes before the first column.
pub(super) const HEAD: usize = 64;
const HASH: usize = 32;

/// A row that is written.
pub struct Row<'a> {
    /// The entry in the segment. They only grow.
    pub doc: u32,
    pub hash: Hash,
    pub vector: &'a [u8],
}

/// Writes both files.
pub fn write<'a>(
    rows_file: &Path,
    vectors_file: &Path,
    dimensions: usize,
    rows: impl ExactSizeIterator<Item = Result<Row<'a>, IndexError>>,
) -> Result<(), IndexError> {
    let count = rows.len();
    let mut vectors = VectorWriter::new(vectors_file, count, dimensions)?;
    let (mut docs, mut hashes) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for row in rows {
        let row = row?;
        docs.push(row.doc);
        hashes.push(row.hash);
        vectors.write(row.vector)?;
    }
    vectors.finish()?;

    let failed = || unreachable(rows_file.display());
    let mut out = BufWriter::with_capacity(256 << 10, File::create_new(rows_file).map_err(failed())?);
    let mut order: Vec<_> = (0..count as u32).collect();
    order.sort_by_key(|&row| hashes[row as usize]);
    out.write_all(&head(ROWS, count, dimensions)).map_err(failed())?;
    for doc in docs {
        out.write_all(&doc.to_le_bytes()).map_err(failed())?;
    }
    for hash in hashes {
        out.write_all(&hash.0).map_err(failed())?;
    }
    for row in order {
        out.write_all(&row.to_le_bytes()).map_err(failed())?;
    }
    out.flush().map_err(failed())
}

/// What a file of either kind begins with.
pub(super) fn head(magic: &[u8; 8], rows: usize, dimensions: usize) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(magic);
    head[8..16].copy_from_slice(&(rows as u64).to_le_bytes());
    head[16..24].copy_from_slice(&(dimensions as u64).to_le_bytes());
    head
}

/// The rows and dimensions in a head, if the file has the length that goes with them.
pub(super) fn checked(bytes: &[u8], magic: &[u8; 8], row: impl Fn(usize) -> Option<usize>) -> Option<(usize, usize)> {
    let number = |at: usize| usize::try_from(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?)).ok();
    let (rows, dimensions) = (number(8)?, number(16)?);
    let length = rows.checked_mul(row(dimensions)?)?.checked_add(HEAD)?;
    (bytes.get(..8)? == magic && bytes.len() == length).then_some((rows, dimensions))
}

/// Which entry each row is, and its hash.
pub struct Rows {
    bytes: OwnedBytes,
    count: usize,
}

impl Rows {
    /// `None` where these bytes are not such a file.
    pub fn open(bytes: OwnedBytes) -> Option<Self> {
        let (count, _) = checked(&bytes, ROWS, |_| Some(4 + HASH + 4))?;
        Some(Self { bytes, count })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The entry of each row.
    pub fn docs(&self) -> impl ExactSizeIterator<Item = u32> {
        let column = &self.bytes[HEAD..HEAD + self.count * 4];
        column.as_chunks::<4>().0.iter().map(|&bytes| u32::from_le_bytes(bytes))
    }

    fn doc(&self, row: usize) -> u32 {
        number(&self.bytes, HEAD + row * 4)
    }

    /// The hash of the chunk of this row.
    pub fn hash(&self, row: usize) -> Hash {
        let at = HEAD + self.count * 4 + row * HASH;
        let mut hash = [0; HASH];
        hash.copy_from_slice(&self.bytes[at..at + HASH]);
        Hash(hash)
    }

    /// The row that is this entry.
    pub fn of(&self, doc: u32) -> Option<usize> {
        let row = partition(self.count, |row| self.doc(row) < doc);
        (row < self.count && self.doc(row) == doc).then_some(row)
    }

    /// A row of a chunk with this hash: they have one vector.
    pub fn find(&self, hash: &Hash) -> Option<usize> {
        let order = HEAD + self.count * (4 + HASH);
        let row = |nth: usize| number(&self.bytes, order + nth * 4) as usize;
        let nth = partition(self.count, |nth| self.hash(row(nth)) < *hash);
        (nth < self.count && self.hash(row(nth)) == *hash).then(|| row(nth))
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The first of these that is not before.
fn partition(count: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut from, mut to) = (0, count);
    while from < to {
        let middle = from + (to - from) / 2;
        if before(middle) { from = middle + 1 } else { to = middle }
    }
    from
}

#[cfg(test)]
mod tests {
    use super::{super::vectors::Vectors, *};

    fn bytes(vector: &[f32]) -> Vec<u8> {
        vector.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    fn written(vectors: &[Vec<f32>], dimensions: usize) -> (Vec<u8>, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let (rows, vecs) = (folder.path().join("a.rows"), folder.path().join("a.vec"));
        let kept: Vec<_> = vectors.iter().map(|vector| bytes(vector)).collect();
        let all = kept.iter().enumerate().map(|(nth, vector)| {
            // Every third entry of the segment is no chunk.
            let nth = nth as u32;
            Ok(Row { doc: nth + nth / 2, hash: Hash::of(nth.to_string()), vector })
        });
        write(&rows, &vecs, dimensions, all).unwrap();
        (std::fs::read(rows).unwrap(), std::fs::read(vecs).unwrap())
    }

    #[test]
    fn what_is_written_is_read() {
        let vectors = vec![vec![3.0, 4.0, 0.0], vec![0.0; 3], vec![-1.0, 0.5, 2.0], vec![1e20, 1e20, 1e20]];
        let (rows, vecs) = written(&vectors, 3);
        let (rows, vecs) = (Rows::open(OwnedBytes::new(rows)).unwrap(), Vectors::open(OwnedBytes::new(vecs)).unwrap());
        assert_eq!((rows.count(), vecs.count(), vecs.dimensions()), (4, 4, 3));
        assert_eq!(rows.docs().collect::<Vec<_>>(), [0, 1, 3, 4]);
        assert_eq!([0, 1, 2, 3, 4, 5].map(|doc| rows.of(doc)), [Some(0), Some(1), None, Some(2), Some(3), None]);
        for (row, vector) in vectors.iter().enumerate() {
            assert_eq!(vecs.numbers(row), *vector);
            assert_eq!(rows.hash(row), Hash::of(row.to_string()));
            assert_eq!(rows.find(&Hash::of(row.to_string())), Some(row));
        }
        assert_eq!(rows.find(&Hash::of("other")), None);
        assert_eq!([0, 1].map(|row| vecs.inverse_length(row)), [0.2, 0.0]);
        assert!(vecs.inverse_length(3) > 0.0, "a large vector has a length too");
        assert_eq!((vecs.codes().len(), vecs.codings().len()), (4 * 3, 4));
        assert_eq!(vecs.codes()[..3], [95, 127, 0]);
    }

    #[test]
    fn no_other_length_is_such_a_file() {
        for count in [0, 3] {
            let (rows, vecs) = written(&vec![vec![1.0, 2.0]; count], 2);
            for file in [&rows, &vecs] {
                let mut longer = file.clone();
                longer.push(0);
                let mut other = file.clone();
                other[0] ^= 1;
                let mut many = file.clone();
                many[15] = 0xff;
                for bad in [&[][..], &file[..file.len() - 1], &file[..10], &longer, &other, &many] {
                    assert!(Rows::open(OwnedBytes::new(bad.to_vec())).is_none());
                    assert!(Vectors::open(OwnedBytes::new(bad.to_vec())).is_none());
                }
            }
        }
    }
}
