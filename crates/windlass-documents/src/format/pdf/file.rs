//! A file's objects, each read when it is asked for.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use lopdf::{DecompressError, Dictionary, Error, Object, Stream};

use crate::{Refused, limits::size};

use super::{budget::Budget, lexer::Lexer, rebuild, xref};

/// Bytes that one stream may unfold to.
const MAX_STREAM: usize = 32 << 20;
/// References that lead to references, and lengths of streams that are in streams.
const MAX_HOPS: usize = 16;
/// Streams of objects that are kept unfolded.
const MAX_KEPT: usize = 4;

/// Where an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is gone.
    Free,
    /// At this byte.
    At(usize),
    /// In a stream of objects: the number of that, and which one in it.
    In(u32, usize),
}

pub(super) struct File<'a> {
    pub bytes: &'a [u8],
    pub budget: &'a Budget,
    pub trailer: Dictionary,
    pub places: HashMap<u32, Place>,
    kept: RefCell<Vec<(u32, Rc<Unfolded>)>>,
}

/// A stream of objects.
struct Unfolded {
    data: Vec<u8>,
    first: usize,
}

impl<'a> File<'a> {
    pub fn open(bytes: &'a [u8], budget: &'a Budget) -> Result<Self, Refused> {
        let start = bytes.windows(5).take(1024).position(|window| window == b"%PDF-");
        let start = start.ok_or_else(|| Refused::Broken("PDF: it does not begin as one".to_owned()))?;
        let bytes = &bytes[start..];
        let mut file =
            Self { bytes, budget, trailer: Dictionary::new(), places: HashMap::new(), kept: RefCell::new(Vec::new()) };
        let read = xref::read(&mut file);
        if let Err(refused @ (Refused::TooSlow(_) | Refused::TooLarge(_))) = read {
            return Err(refused);
        }
        if read.is_err() || (!file.encrypted() && !file.has_pages()?) {
            file.kept.borrow_mut().clear();
            rebuild::rebuild(&mut file)?;
        }
        if file.encrypted() {
            return Err(Refused::Encrypted("PDF: it is protected by a password or by rights".to_owned()));
        }
        if !file.has_pages()? {
            return Err(Refused::Broken("PDF: it has no pages that can be found".to_owned()));
        }
        Ok(file)
    }

    fn encrypted(&self) -> bool {
        self.trailer.get(b"Encrypt").is_ok_and(|value| !matches!(value, Object::Null))
    }

    fn has_pages(&self) -> Result<bool, Refused> {
        Ok(self.pages_root()?.is_some())
    }

    /// The root of the tree of pages.
    pub fn pages_root(&self) -> Result<Option<Object>, Refused> {
        let Ok(root) = self.trailer.get(b"Root") else { return Ok(None) };
        let Object::Dictionary(catalog) = self.resolve(root)? else { return Ok(None) };
        let Ok(pages) = catalog.get(b"Pages") else { return Ok(None) };
        Ok(matches!(self.resolve(pages)?, Object::Dictionary(_)).then(|| pages.clone()))
    }

    /// What an object stands for: itself, or what it refers to. What is not there is null.
    pub fn resolve(&self, object: &Object) -> Result<Object, Refused> {
        if !matches!(object, Object::Reference(_)) {
            self.budget.spend(weight(object))?;
        }
        let mut object = object.clone();
        for _ in 0..MAX_HOPS {
            let Object::Reference((number, _)) = object else { return Ok(object) };
            object = self.get(number, MAX_HOPS)?;
        }
        Ok(Object::Null)
    }

    /// A value of a dictionary, resolved.
    pub fn value(&self, dictionary: &Dictionary, key: &[u8]) -> Result<Object, Refused> {
        dictionary.get(key).map_or(Ok(Object::Null), |value| self.resolve(value))
    }

    fn get(&self, number: u32, hops: usize) -> Result<Object, Refused> {
        self.budget.spend(4)?;
        let Some(hops) = hops.checked_sub(1) else { return Ok(Object::Null) };
        match self.places.get(&number) {
            None | Some(Place::Free) => Ok(Object::Null),
            Some(&Place::At(at)) => {
                let read = self.object_at(at, hops)?;
                Ok(read.filter(|(found, _)| *found == number).map_or(Object::Null, |(_, object)| object))
            }
            Some(&Place::In(container, index)) => self.object_in(container, index, number, hops),
        }
    }

    /// The object that is written at a byte, with its number.
    pub fn object_at(&self, at: usize, hops: usize) -> Result<Option<(u32, Object)>, Refused> {
        if at >= self.bytes.len() {
            return Ok(None);
        }
        let mut lexer = Lexer::new(self.bytes, at, self.budget);
        let (Some(number), Some(_)) = (lexer.number(), lexer.number()) else { return Ok(None) };
        let Some(number) = u32::try_from(number).ok().filter(|_| lexer.word(b"obj")) else { return Ok(None) };
        let Some(object) = lexer.object()? else { return Ok(Some((number, Object::Null))) };
        let Object::Dictionary(dictionary) = object else { return Ok(Some((number, object))) };
        if !lexer.word(b"stream") {
            return Ok(Some((number, Object::Dictionary(dictionary))));
        }
        let start = lexer.at;
        let start = match self.bytes.get(start..) {
            Some([b'\r', b'\n', ..]) => start + 2,
            Some([b'\r' | b'\n', ..]) => start + 1,
            _ => start,
        };
        let end = self.stream_end(&dictionary, start, hops)?;
        self.budget.bytes(end - start)?;
        Ok(Some((number, Object::Stream(Stream::new(dictionary, self.bytes[start..end].to_vec())))))
    }

    /// Where the data of a stream ends: where its length says, if that is the end of one.
    fn stream_end(&self, dictionary: &Dictionary, start: usize, hops: usize) -> Result<usize, Refused> {
        let length = match dictionary.get(b"Length") {
            Ok(Object::Reference((number, _))) => self.get(*number, hops)?,
            Ok(length) => length.clone(),
            Err(_) => Object::Null,
        };
        let end = length.as_i64().ok().and_then(|length| start.checked_add(usize::try_from(length).ok()?));
        if let Some(end) = end.filter(|end| *end <= self.bytes.len()) {
            let mut lexer = Lexer::new(self.bytes, end, self.budget);
            if lexer.word(b"endstream") {
                return Ok(end);
            }
        }
        let rest = &self.bytes[start..];
        let found = find(rest, b"endstream").unwrap_or(rest.len());
        self.budget.bytes(found)?;
        Ok(start + found)
    }

    fn object_in(&self, container: u32, index: usize, number: u32, hops: usize) -> Result<Object, Refused> {
        let Some(unfolded) = self.unfolded(container, hops)? else { return Ok(Object::Null) };
        // Numbers and where they begin, in pairs.
        let mut lexer = Lexer::new(&unfolded.data, 0, self.budget);
        let mut place = None;
        for position in 0..=unfolded.first {
            let (Some(found), Some(offset)) = (lexer.number(), lexer.number()) else { break };
            self.budget.spend(1)?;
            if lexer.at > unfolded.first {
                break;
            }
            if found == i64::from(number) {
                place = Some(offset);
                if position == index {
                    break;
                }
            }
        }
        let at = place.and_then(|offset| unfolded.first.checked_add(usize::try_from(offset).ok()?));
        let Some(at) = at else { return Ok(Object::Null) };
        Ok(Lexer::new(&unfolded.data, at, self.budget).object()?.unwrap_or(Object::Null))
    }

    fn unfolded(&self, container: u32, hops: usize) -> Result<Option<Rc<Unfolded>>, Refused> {
        if let Some((_, kept)) = self.kept.borrow().iter().find(|(number, _)| *number == container) {
            return Ok(Some(Rc::clone(kept)));
        }
        // A stream of objects is never in another one.
        let Some(&Place::At(at)) = self.places.get(&container) else { return Ok(None) };
        let Some((found, Object::Stream(stream))) = self.object_at(at, hops)? else { return Ok(None) };
        let first =
            stream.dict.get(b"First").and_then(Object::as_i64).ok().and_then(|first| usize::try_from(first).ok());
        let (Some(first), true) = (first, found == container) else { return Ok(None) };
        let Some(data) = self.data(&stream)? else { return Ok(None) };
        let unfolded = Rc::new(Unfolded { data, first });
        let mut kept = self.kept.borrow_mut();
        if kept.len() >= MAX_KEPT {
            kept.remove(0);
        }
        kept.push((container, Rc::clone(&unfolded)));
        Ok(Some(unfolded))
    }

    /// The numbers of the objects in a stream of objects.
    pub fn numbers_in(&self, container: u32) -> Result<Vec<u32>, Refused> {
        let Some(unfolded) = self.unfolded(container, MAX_HOPS)? else { return Ok(Vec::new()) };
        let mut lexer = Lexer::new(&unfolded.data, 0, self.budget);
        let mut numbers = Vec::new();
        while let (Some(number), Some(_)) = (lexer.number(), lexer.number()) {
            self.budget.spend(1)?;
            if lexer.at > unfolded.first {
                break;
            }
            numbers.extend(u32::try_from(number));
        }
        Ok(numbers)
    }

    /// The data of a stream, unfolded. None where it is packed in a way that no text is.
    pub fn data(&self, stream: &Stream) -> Result<Option<Vec<u8>>, Refused> {
        let mut dictionary = Dictionary::new();
        for key in [&b"Filter"[..], b"DecodeParms"] {
            match self.value(&stream.dict, key)? {
                Object::Null => {}
                Object::Array(values) => {
                    let values = values.iter().take(Stream::MAX_FILTERS).map(|value| self.resolve(value));
                    dictionary.set(key, Object::Array(values.collect::<Result<_, _>>()?));
                }
                value => dictionary.set(key, value),
            }
        }
        self.budget.bytes(stream.content.len())?;
        let stream = Stream::new(dictionary, stream.content.clone());
        let filters = stream.filters().map_or(0, |filters| filters.len());
        match stream.decompressed_content_with_limit(MAX_STREAM) {
            Ok(data) => {
                self.budget.bytes(data.len() * filters.max(1))?;
                Ok(Some(data))
            }
            Err(Error::Decompress(DecompressError::MemoryLimitExceeded { .. })) => {
                Err(Refused::TooLarge(format!("PDF: a stream unfolds to more than {}", size(MAX_STREAM))))
            }
            Err(_) => Ok(None),
        }
    }
}

/// What a copy costs.
fn weight(object: &Object) -> u64 {
    match object {
        Object::Array(values) => values.iter().map(weight).sum::<u64>() + 1,
        Object::Dictionary(dictionary) => dictionary.iter().map(|(_, value)| weight(value)).sum::<u64>() + 1,
        Object::String(bytes, _) => bytes.len() as u64 / 10 + 1,
        Object::Stream(stream) => stream.content.len() as u64 / 10 + 1,
        _ => 1,
    }
}

/// Where `wanted` begins.
pub(super) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    while let Some(position) = bytes.get(from..)?.iter().position(|byte| *byte == first) {
        let at = from + position;
        if bytes[at..].starts_with(wanted) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}
