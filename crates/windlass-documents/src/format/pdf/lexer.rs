//! The syntax of objects and of contents, which are the same but for references.

use lopdf::{Dictionary, Object, StringFormat};

use crate::Refused;

use super::budget::Budget;

/// Arrays and dictionaries within each other.
const MAX_DEPTH: usize = 64;
/// Values in one object, all levels together, or in all the operands of one operator. Each takes some hundred bytes of
/// memory.
const MAX_VALUES: usize = 200_000;

/// What is next.
#[derive(Debug)]
pub(super) enum Item {
    Object(Object),
    /// A word: `obj`, `stream`, an operator.
    Word(Vec<u8>),
    End,
}

pub(super) struct Lexer<'a> {
    pub data: &'a [u8],
    pub at: usize,
    budget: &'a Budget,
    /// Whether `1 0 R` is one object: not in contents.
    references: bool,
    values: usize,
}

enum Raw {
    Object(Object),
    Word(Vec<u8>),
    ArrayEnd,
    DictionaryEnd,
    End,
}

impl<'a> Lexer<'a> {
    pub fn new(data: &'a [u8], at: usize, budget: &'a Budget) -> Self {
        Self { data, at, budget, references: true, values: 0 }
    }

    pub fn contents(data: &'a [u8], budget: &'a Budget) -> Self {
        Self { references: false, ..Self::new(data, 0, budget) }
    }

    /// The next object or word. Brackets without a beginning are passed over.
    pub fn next(&mut self) -> Result<Item, Refused> {
        loop {
            match self.raw(MAX_DEPTH)? {
                Raw::Object(object) => return Ok(Item::Object(object)),
                Raw::Word(word) => return Ok(Item::Word(word)),
                Raw::End => return Ok(Item::End),
                Raw::ArrayEnd | Raw::DictionaryEnd => {}
            }
        }
    }

    /// What was read so far has been dealt with.
    pub fn fresh(&mut self) {
        self.values = 0;
    }

    /// The next object, if that is what is next.
    pub fn object(&mut self) -> Result<Option<Object>, Refused> {
        Ok(match self.next()? {
            Item::Object(object) => Some(object),
            Item::Word(_) | Item::End => None,
        })
    }

    /// A whole number, if that is what is next; else nothing is taken.
    pub fn number(&mut self) -> Option<i64> {
        self.space();
        let start = self.at;
        let digits = self.data.get(start..)?.iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
        let number = std::str::from_utf8(self.data.get(start..start + digits)?).ok()?.parse().ok()?;
        self.at += digits;
        Some(number)
    }

    /// Takes `word` if it is next.
    pub fn word(&mut self, word: &[u8]) -> bool {
        self.space();
        let found = self.data.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        if found {
            self.at += word.len();
        }
        found
    }

    pub fn space(&mut self) {
        while let Some(&byte) = self.data.get(self.at) {
            if byte == b'%' {
                while self.data.get(self.at).is_some_and(|byte| !matches!(byte, b'\r' | b'\n')) {
                    self.at += 1;
                }
            } else if is_space(byte) {
                self.at += 1;
            } else {
                break;
            }
        }
    }

    fn raw(&mut self, depth: usize) -> Result<Raw, Refused> {
        let before = self.at;
        self.space();
        let Some(&byte) = self.data.get(self.at) else { return Ok(Raw::End) };
        let raw = match byte {
            b'/' => Raw::Object(Object::Name(self.name())),
            b'(' => Raw::Object(Object::String(self.literal(), StringFormat::Literal)),
            b'[' => {
                self.at += 1;
                Raw::Object(Object::Array(self.array(depth)?))
            }
            b']' => {
                self.at += 1;
                Raw::ArrayEnd
            }
            b'<' if self.data.get(self.at + 1) == Some(&b'<') => {
                self.at += 2;
                Raw::Object(Object::Dictionary(self.dictionary(depth)?))
            }
            b'<' => Raw::Object(Object::String(self.hexadecimal(), StringFormat::Hexadecimal)),
            b'>' => {
                self.at += if self.data.get(self.at + 1) == Some(&b'>') { 2 } else { 1 };
                Raw::DictionaryEnd
            }
            b'0'..=b'9' | b'+' | b'-' | b'.' => Raw::Object(self.numeric()),
            b'{' | b'}' | b')' => {
                self.at += 1;
                Raw::Word(vec![byte])
            }
            _ => {
                let length = self.data[self.at..].iter().take_while(|byte| is_regular(**byte)).count();
                let word = self.data[self.at..self.at + length].to_vec();
                self.at += length;
                match word.as_slice() {
                    b"true" => Raw::Object(Object::Boolean(true)),
                    b"false" => Raw::Object(Object::Boolean(false)),
                    b"null" => Raw::Object(Object::Null),
                    _ => Raw::Word(word),
                }
            }
        };
        // What is inside has been counted where it was read.
        let nested = matches!(raw, Raw::Object(Object::Array(_) | Object::Dictionary(_)));
        self.budget.bytes(if nested { 1 } else { self.at - before })?;
        Ok(raw)
    }

    fn deeper(&mut self, depth: usize) -> Result<usize, Refused> {
        depth
            .checked_sub(1)
            .ok_or_else(|| Refused::Broken(format!("PDF: more than {MAX_DEPTH} arrays within each other")))
    }

    fn count(&mut self) -> Result<(), Refused> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(Refused::TooLarge(format!("PDF: an object of more than {MAX_VALUES} values")));
        }
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Object>, Refused> {
        let depth = self.deeper(depth)?;
        let mut values = Vec::new();
        loop {
            match self.raw(depth)? {
                Raw::Object(object) => {
                    self.count()?;
                    values.push(object);
                }
                Raw::ArrayEnd | Raw::End => return Ok(values),
                // A word that is none of ours ends a damaged array as well as anything.
                Raw::Word(word) if word == b"endobj" || word == b"stream" => return Ok(values),
                Raw::Word(_) | Raw::DictionaryEnd => {}
            }
        }
    }

    fn dictionary(&mut self, depth: usize) -> Result<Dictionary, Refused> {
        let depth = self.deeper(depth)?;
        let mut dictionary = Dictionary::new();
        let mut key = None;
        loop {
            match (self.raw(depth)?, key.take()) {
                (Raw::Object(Object::Name(name)), None) => key = Some(name),
                (Raw::Object(object), Some(name)) => {
                    self.count()?;
                    dictionary.set(name, object);
                }
                (Raw::DictionaryEnd | Raw::End, _) => return Ok(dictionary),
                (Raw::Word(word), _) if word == b"endobj" || word == b"stream" => return Ok(dictionary),
                (Raw::Object(_) | Raw::Word(_) | Raw::ArrayEnd, _) => {}
            }
        }
    }

    fn name(&mut self) -> Vec<u8> {
        self.at += 1;
        let mut name = Vec::new();
        while let Some(&byte) = self.data.get(self.at).filter(|byte| is_regular(**byte)) {
            let escaped = self
                .data
                .get(self.at + 1..self.at + 3)
                .filter(|_| byte == b'#')
                .and_then(|pair| Some((hexadecimal(pair[0])? << 4) | hexadecimal(pair[1])?));
            name.push(escaped.unwrap_or(byte));
            self.at += if escaped.is_some() { 3 } else { 1 };
        }
        name
    }

    fn numeric(&mut self) -> Object {
        let length = self.data[self.at..].iter().take_while(|byte| is_regular(**byte)).count();
        let text = std::str::from_utf8(&self.data[self.at..self.at + length.min(64)]).unwrap_or_default();
        self.at += length.max(1);
        let Ok(number) = text.parse::<i64>() else {
            // `1.-2`, `--3` and `1e5` come from broken programs; a number is better than none.
            let plain: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
            let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
            return Object::Real(sign * plain.parse::<f32>().unwrap_or(0.0));
        };
        self.reference(number).unwrap_or(Object::Integer(number))
    }

    /// `0 R` behind a number.
    fn reference(&mut self, number: i64) -> Option<Object> {
        let id = u32::try_from(number).ok().filter(|_| self.references)?;
        let mut ahead = Lexer { data: self.data, at: self.at, budget: self.budget, references: false, values: 0 };
        if !self.data.get(ahead.at).is_some_and(|byte| is_space(*byte)) {
            return None;
        }
        let generation = u16::try_from(ahead.number()?).ok()?;
        let ends = ahead.word(b"R") && self.data.get(ahead.at).is_none_or(|byte| !is_regular(*byte));
        ends.then(|| {
            self.at = ahead.at;
            Object::Reference((id, generation))
        })
    }

    fn hexadecimal(&mut self) -> Vec<u8> {
        self.at += 1;
        let mut bytes = Vec::new();
        let mut half = None;
        while let Some(&byte) = self.data.get(self.at) {
            self.at += 1;
            if byte == b'>' {
                break;
            }
            let Some(digit) = hexadecimal(byte) else { continue };
            match half.take() {
                None => half = Some(digit << 4),
                Some(high) => bytes.push(high | digit),
            }
        }
        bytes.extend(half);
        bytes
    }

    fn literal(&mut self) -> Vec<u8> {
        self.at += 1;
        let mut bytes = Vec::new();
        let mut depth = 0_usize;
        while let Some(&byte) = self.data.get(self.at) {
            self.at += 1;
            match byte {
                b'(' => depth += 1,
                b')' if depth == 0 => break,
                b')' => depth -= 1,
                b'\\' => {
                    self.escape(&mut bytes);
                    continue;
                }
                _ => {}
            }
            bytes.push(byte);
        }
        bytes
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) {
        let Some(&byte) = self.data.get(self.at) else { return };
        self.at += 1;
        match byte {
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'b' => bytes.push(8),
            b'f' => bytes.push(12),
            b'0'..=b'7' => {
                let mut code = u32::from(byte - b'0');
                for _ in 0..2 {
                    let Some(&digit) = self.data.get(self.at).filter(|byte| (b'0'..=b'7').contains(byte)) else {
                        break;
                    };
                    code = code * 8 + u32::from(digit - b'0');
                    self.at += 1;
                }
                bytes.push((code & 0xff) as u8);
            }
            b'\r' => self.at += usize::from(self.data.get(self.at) == Some(&b'\n')),
            b'\n' => {}
            other => bytes.push(other),
        }
    }
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0 | 12)
}

fn is_regular(byte: u8) -> bool {
    !is_space(byte) && !matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

fn hexadecimal(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    #[test]
    fn objects_are_read_as_they_are_written() {
        let budget = Budget::new(&Limits::default());
        let data = br"<< /A#42 [1 -2.5 .5 (a\(b\)\101(c)) <4 1 4> 3 0 R true] % comment
            /B << /C null >> >> 7 0 obj";
        let mut lexer = Lexer::new(data, 0, &budget);
        let Some(Object::Dictionary(read)) = lexer.object().unwrap() else { panic!() };
        let array = read.get(b"AB").unwrap().as_array().unwrap();
        assert_eq!(array[0], Object::Integer(1));
        assert_eq!(array[1], Object::Real(-2.5));
        assert_eq!(array[3].as_str().unwrap(), b"a(b)A(c)");
        assert_eq!(array[4].as_str().unwrap(), b"A@");
        assert_eq!(array[5], Object::Reference((3, 0)));
        assert_eq!(lexer.number(), Some(7));
        assert_eq!(lexer.number(), Some(0));
        assert!(lexer.word(b"obj"));
        assert!(matches!(lexer.next().unwrap(), Item::End));
    }

    #[test]
    fn nesting_ends_in_an_error() {
        let budget = Budget::new(&Limits::default());
        let data = [b"[".repeat(100_000), b"<<".repeat(100_000)].concat();
        assert!(matches!(Lexer::new(&data, 0, &budget).next(), Err(Refused::Broken(_))));
    }
}
