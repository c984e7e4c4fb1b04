//! Reads the tree into the settings types. The errors are data: what is wrong, and the path to it.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{
        self, DeserializeSeed, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected, VariantAccess,
        Visitor, value::StrDeserializer,
    },
    forward_to_deserialize_any,
};

use crate::node::{Entry, Node, Path, Step, Value};

/// What is wrong with one value.
#[derive(Debug)]
pub(crate) enum Issue {
    UnknownKey { key: String, known: &'static [&'static str] },
    UnknownChoice { given: String, known: &'static [&'static str] },
    WrongType { found: Found, expected: String },
    Missing(&'static str),
    Said(String),
}

/// What was found, with and without its content: a secret in the wrong place must not be repeated.
#[derive(Debug)]
pub(crate) struct Found {
    pub shown: String,
    pub hidden: &'static str,
}

/// An [`Issue`] on its way up the tree.
#[derive(Debug)]
pub(crate) struct Fault {
    pub issue: Issue,
    /// Innermost step first.
    trail: Vec<Step>,
    /// The key is at fault, not its value.
    pub at_key: bool,
}

impl Fault {
    fn new(issue: Issue) -> Self {
        Self { issue, trail: Vec::new(), at_key: false }
    }

    fn under(mut self, step: Step) -> Self {
        self.trail.push(step);
        self
    }

    pub fn path(&self) -> Path {
        Path(self.trail.iter().rev().cloned().collect())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.issue)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Issue::Said(message.to_string()))
    }

    fn invalid_type(found: Unexpected, expected: &dyn Expected) -> Self {
        Self::new(Issue::WrongType { found: Found::from(found), expected: expected.to_string() })
    }

    fn invalid_value(found: Unexpected, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Self::new(Issue::UnknownKey { key: key.into(), known })
    }

    fn unknown_variant(given: &str, known: &'static [&'static str]) -> Self {
        Self::new(Issue::UnknownChoice { given: given.into(), known })
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(Issue::Missing(key))
    }
}

impl From<Unexpected<'_>> for Found {
    fn from(found: Unexpected<'_>) -> Self {
        let (shown, hidden) = match found {
            Unexpected::Str(text) => (format!("`{text}`"), "text"),
            Unexpected::Bool(value) => (format!("`{value}`"), "true or false"),
            Unexpected::Unsigned(value) => (format!("`{value}`"), "a number"),
            Unexpected::Signed(value) => (format!("`{value}`"), "a number"),
            Unexpected::Float(value) => (format!("`{value}`"), "a number"),
            Unexpected::Seq => ("a list".into(), "a list"),
            Unexpected::Map => ("a section of keys".into(), "a section of keys"),
            Unexpected::Unit | Unexpected::Option => ("nothing".into(), "nothing"),
            other => (other.to_string(), "something else"),
        };
        Self { shown, hidden }
    }
}

/// Reads `tree` into a `T`; stops at the first fault.
pub(crate) fn read<'de, T: Deserialize<'de>>(tree: &'de Node) -> Result<T, Fault> {
    T::deserialize(tree)
}

macro_rules! numbers {
    ($($method:ident)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match &self.value {
                Value::Loose(text) => match text.trim().parse::<i128>() {
                    Ok(number) => integer(number, visitor),
                    Err(_) => self.deserialize_any(visitor),
                },
                _ => self.deserialize_any(visitor),
            }
        }
    )* };
}

fn integer<'de, V: Visitor<'de>>(number: i128, visitor: V) -> Result<V::Value, Fault> {
    if let Ok(number) = u64::try_from(number) {
        visitor.visit_u64(number)
    } else if let Ok(number) = i64::try_from(number) {
        visitor.visit_i64(number)
    } else {
        visitor.visit_i128(number)
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.value {
            Value::Null | Value::Removed => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Integer(value) => integer(*value, visitor),
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Text(text) | Value::Loose(text) => visitor.visit_borrowed_str(text),
            Value::List(items) => visitor.visit_seq(Items { items: items.iter().enumerate() }),
            Value::Map(entries) => visitor.visit_map(Entries { entries: entries.iter(), value: None }),
        }
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.value {
            Value::Loose(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => visitor.visit_bool(true),
                "false" | "0" | "no" | "off" => visitor.visit_bool(false),
                _ => self.deserialize_any(visitor),
            },
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.value {
            Value::Loose(text) => match text.trim().parse() {
                Ok(number) => visitor.visit_f64(number),
                Err(_) => self.deserialize_any(visitor),
            },
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null | Value::Removed => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// A list in a variable is written with commas.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.value {
            Value::Loose(text) => visitor.visit_seq(Words(text.split(','))),
            _ => self.deserialize_any(visitor),
        }
    }

    /// A section whose keys are all commented out is an empty section.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null | Value::Removed => visitor.visit_map(Entries { entries: [].iter(), value: None }),
            // Derived types would take a list as their fields in order.
            Value::List(_) => Err(de::Error::invalid_type(Unexpected::Seq, &"a map")),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.value {
            Value::Text(text) | Value::Loose(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            Value::Map(entries) => match entries.as_slice() {
                [entry] => visitor.visit_enum(Choice(entry)),
                _ => Err(de::Error::invalid_type(Unexpected::Map, &"one of the choices")),
            },
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple tuple_struct map identifier ignored_any
    }
}

struct Items<'de> {
    items: std::iter::Enumerate<std::slice::Iter<'de, Node>>,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        match self.items.find(|(_, node)| !matches!(node.value, Value::Removed)) {
            Some((index, node)) => seed.deserialize(node).map(Some).map_err(|fault| fault.under(Step::Index(index))),
            None => Ok(None),
        }
    }
}

struct Words<'de>(std::str::Split<'de, char>);

impl<'de> SeqAccess<'de> for Words<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        match self.0.by_ref().map(str::trim).find(|word| !word.is_empty()) {
            Some(word) => seed.deserialize(StrDeserializer::new(word)).map(Some),
            None => Ok(None),
        }
    }
}

struct Entries<'de> {
    entries: std::slice::Iter<'de, Entry>,
    value: Option<&'de Entry>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some(entry) = self.entries.find(|entry| !matches!(entry.node.value, Value::Removed)) else {
            return Ok(None);
        };
        self.value = Some(entry);
        seed.deserialize(StrDeserializer::new(&entry.key))
            .map(Some)
            .map_err(|fault: Fault| Fault { at_key: true, ..fault.under(Step::Key(entry.key.clone())) })
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        let Some(entry) = self.value.take() else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        seed.deserialize(&entry.node).map_err(|fault| fault.under(Step::Key(entry.key.clone())))
    }
}

/// `choice: content`, an enum's variant with something inside.
struct Choice<'de>(&'de Entry);

impl<'de> EnumAccess<'de> for Choice<'de> {
    type Error = Fault;
    type Variant = &'de Node;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, &'de Node), Fault> {
        let variant = seed.deserialize(StrDeserializer::new(&self.0.key))?;
        Ok((variant, &self.0.node))
    }
}

impl<'de> VariantAccess<'de> for &'de Node {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        <()>::deserialize(self)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_any(visitor)
    }
}
