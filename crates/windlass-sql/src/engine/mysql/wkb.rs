//! Geometry as text: what the servers send is an SRID and well-known binary, and what people read is well-known text.

use std::fmt::Write;

/// How deep collections may be in collections.
const DEEPEST: usize = 16;

/// `POINT(1 2)`, and `SRID=4326;POINT(1 2)` where it has one. The axes are in the order in which they are stored, `x`
/// first. `None` of what is no geometry.
pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let (srid, rest) = bytes.split_first_chunk()?;
    let mut text = match u32::from_le_bytes(*srid) {
        0 => String::new(),
        srid => format!("SRID={srid};"),
    };
    let mut reader = Reader { rest, big: false };
    reader.geometry(&mut text, true, 0)?;
    reader.rest.is_empty().then_some(text)
}

struct Reader<'a> {
    rest: &'a [u8],
    big: bool,
}

impl Reader<'_> {
    /// With its name, except where the name is that of what it is in.
    fn geometry(&mut self, text: &mut String, named: bool, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        let [order] = self.take()?;
        self.big = order == 0;
        let kind = self.u32()?;
        let name = match kind {
            1 => "POINT",
            2 => "LINESTRING",
            3 => "POLYGON",
            4 => "MULTIPOINT",
            5 => "MULTILINESTRING",
            6 => "MULTIPOLYGON",
            7 => "GEOMETRYCOLLECTION",
            _ => return None,
        };
        if named {
            text.push_str(name);
        }
        match kind {
            1 => {
                text.push('(');
                self.point(text)?;
                text.push(')');
                Some(())
            }
            2 => self.many(text, Self::point),
            3 => self.many(text, |reader, text| reader.many(text, Self::point)),
            _ => self.many(text, |reader, text| reader.geometry(text, kind == 7, depth + 1)),
        }
    }

    fn many(&mut self, text: &mut String, mut one: impl FnMut(&mut Self, &mut String) -> Option<()>) -> Option<()> {
        let count = self.u32()?;
        if count == 0 {
            text.push_str(" EMPTY");
            return Some(());
        }
        text.push('(');
        for at in 0..count {
            if at > 0 {
                text.push(',');
            }
            one(self, text)?;
        }
        text.push(')');
        Some(())
    }

    fn point(&mut self, text: &mut String) -> Option<()> {
        let (x, y) = (self.f64()?, self.f64()?);
        write!(text, "{x} {y}").ok()
    }

    fn u32(&mut self) -> Option<u32> {
        let bytes = self.take()?;
        Some(if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn f64(&mut self) -> Option<f64> {
        let bytes = self.take()?;
        Some(if self.big { f64::from_be_bytes(bytes) } else { f64::from_le_bytes(bytes) })
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(order: u8) -> Vec<u8> {
        let mut bytes = vec![order];
        let (kind, x, y) = (1_u32, 1.5_f64, -2_f64);
        if order == 0 {
            bytes.extend([&kind.to_be_bytes()[..], &x.to_be_bytes(), &y.to_be_bytes()].concat());
        } else {
            bytes.extend([&kind.to_le_bytes()[..], &x.to_le_bytes(), &y.to_le_bytes()].concat());
        }
        bytes
    }

    fn with_srid(srid: u32, geometry: &[u8]) -> Vec<u8> {
        [&srid.to_le_bytes()[..], geometry].concat()
    }

    #[test]
    fn both_orders_of_bytes_and_a_reference_system_are_read() {
        assert_eq!(text(&with_srid(0, &point(1))).unwrap(), "POINT(1.5 -2)");
        assert_eq!(text(&with_srid(4326, &point(0))).unwrap(), "SRID=4326;POINT(1.5 -2)");
    }

    #[test]
    fn what_is_cut_or_lies_about_its_size_is_no_geometry() {
        let whole = with_srid(0, &point(1));
        for length in 0..whole.len() {
            assert_eq!(text(&whole[..length]), None, "{length}");
        }
        assert_eq!(text(&[&whole[..], &[0]].concat()), None);
        // A line of four billion points.
        assert_eq!(text(&with_srid(0, &[1, 2, 0, 0, 0, 255, 255, 255, 255])), None);
        let nested: Vec<u8> = [1_u8, 7, 0, 0, 0, 1, 0, 0, 0].repeat(100_000);
        assert_eq!(text(&with_srid(0, &nested)), None);
    }
}
