//! XML as Word writes it: elements and text, nothing that unfolds.

use quick_xml::{Reader, events::BytesStart};

use crate::Refused;

/// Elements within each other. What is deeper was not written by a word processor.
const MAX_DEPTH: usize = 2_000;

pub(super) enum Event {
    /// An element begins: its name without prefix, and the attribute `val`, if it has one.
    Start(String, Option<String>),
    /// An element ends; an empty one too.
    End(String),
    Text(String),
}

pub(super) struct Xml<'a> {
    reader: Reader<&'a [u8]>,
    buffer: Vec<u8>,
    /// The end of an element that had no content.
    pending: Option<String>,
    depth: usize,
    /// The attribute `styleId` of the last element that had one.
    pub style_id: Option<String>,
}

impl<'a> Xml<'a> {
    pub fn new(xml: &'a [u8]) -> Self {
        let mut reader = Reader::from_reader(xml);
        reader.config_mut().check_end_names = false;
        reader.config_mut().allow_unmatched_ends = true;
        reader.config_mut().allow_dangling_amp = true;
        Self { reader, buffer: Vec::new(), pending: None, depth: 0, style_id: None }
    }

    /// What is next; none at the end.
    pub fn next(&mut self) -> Result<Option<Event>, Refused> {
        use quick_xml::events::Event as Raw;
        if let Some(name) = self.pending.take() {
            return Ok(Some(Event::End(name)));
        }
        loop {
            self.buffer.clear();
            let event = self.reader.read_event_into(&mut self.buffer);
            return Ok(Some(match event.map_err(|error| Refused::Broken(format!("XML: {error}")))? {
                Raw::Start(element) => {
                    self.depth += 1;
                    if self.depth > MAX_DEPTH {
                        return Err(Refused::Broken(format!("more than {MAX_DEPTH} elements within each other")));
                    }
                    start(&element, &mut self.style_id)
                }
                Raw::Empty(element) => {
                    self.pending = Some(element.local_name().as_ref().to_owned());
                    start(&element, &mut self.style_id)
                }
                Raw::End(element) => {
                    self.depth = self.depth.saturating_sub(1);
                    Event::End(element.local_name().as_ref().to_owned())
                }
                Raw::Text(text) => Event::Text(text.into_inner().into_owned()),
                Raw::CData(text) => Event::Text(text.into_inner().into_owned()),
                Raw::GeneralRef(entity) => match entity.resolve_char_ref() {
                    Ok(Some(character)) => Event::Text(character.to_string()),
                    _ => Event::Text(predefined(&entity.into_inner()).to_owned()),
                },
                Raw::DocType(_) => {
                    return Err(Refused::Broken("it declares entities, which no word processor does".to_owned()));
                }
                Raw::Eof => return Ok(None),
                Raw::Comment(_) | Raw::Decl(_) | Raw::PI(_) => continue,
            }));
        }
    }
}

/// Attributes of an element that are looked at.
const MAX_ATTRIBUTES: usize = 64;

fn start(element: &BytesStart, style_id: &mut Option<String>) -> Event {
    let mut attributes = element.attributes();
    let mut val = None;
    // Looking for doubles takes time that grows with the square of their number.
    for attribute in attributes.with_checks(false).flatten().take(MAX_ATTRIBUTES) {
        match attribute.key.local_name().as_ref() {
            "val" => val = Some(attribute.value.into_owned()),
            "styleId" => *style_id = Some(attribute.value.into_owned()),
            _ => {}
        }
    }
    Event::Start(element.local_name().as_ref().to_owned(), val)
}

/// The entities that need no declaration. There are no others: nothing unfolds here.
fn predefined(name: &str) -> &'static str {
    match name {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => "",
    }
}
