//! Settings that are either a text or a section. Derived `untagged` enums would read the same, but could only say that
//! "no variant matched"; read like this, a mistake inside the section keeps its place and its words.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::shell::{CommandRule, DenyRule};

trait ShortForm: Sized {
    type Section: for<'de> Deserialize<'de>;
    const EXPECTED: &'static str;

    fn short(text: &str) -> Self;
    fn section(section: Self::Section) -> Self;
}

struct Either<T>(PhantomData<T>);

impl<'de, T: ShortForm> Visitor<'de> for Either<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        Ok(T::short(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::Section::deserialize(MapAccessDeserializer::new(map)).map(T::section)
    }
}

impl ShortForm for CommandRule {
    type Section = super::CommandSettings;
    const EXPECTED: &'static str = "a command such as `git status`, or a section with `program`";

    fn short(text: &str) -> Self {
        Self::Short(text.into())
    }

    fn section(section: Self::Section) -> Self {
        Self::Full(Box::new(section))
    }
}

impl ShortForm for DenyRule {
    type Section = super::DenySettings;
    const EXPECTED: &'static str = "a program's name, or a section with `program`";

    fn short(text: &str) -> Self {
        Self::Program(text.into())
    }

    fn section(section: Self::Section) -> Self {
        Self::Full(section)
    }
}

impl<'de> Deserialize<'de> for CommandRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl<'de> Deserialize<'de> for DenyRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either(PhantomData))
    }
}
