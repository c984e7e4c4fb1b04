//! DOCX as text: headings with `#`, lists with `-`, tables with `|`.

mod archive;
mod body;
mod style;
mod xml;

use time::Date;

use crate::{
    Document, Limits, Refused,
    date::date,
    outline::{tags_of, tidy},
};

use archive::Archive;
use body::Body;
use xml::{Event, Xml};

/// XML says little with many words.
const XML_PER_TEXT: usize = 4;
/// An encrypted one is no archive but a container of Microsoft's older kind.
const OLE: [u8; 4] = [0xd0, 0xcf, 0x11, 0xe0];

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, Refused> {
    if bytes.starts_with(&OLE) {
        return Err(Refused::Encrypted("it needs a password, or is of Word before 2007".to_owned()));
    }
    let archive = Archive::open(bytes)?;
    let most = limits.text_bytes.saturating_mul(XML_PER_TEXT);
    let body = archive.read("word/document.xml", most)?;
    let body = body.ok_or_else(|| Refused::Broken("there is no word/document.xml in it".to_owned()))?;
    let styles = match archive.read("word/styles.xml", most)? {
        Some(xml) => style::levels(&xml)?,
        None => style::Levels::default(),
    };
    let about = match archive.read("docProps/core.xml", most)? {
        Some(xml) => about(&xml)?,
        None => About::default(),
    };
    let document = Body::read(&body, &styles, limits)?;
    Ok(Document { title: about.title.or(document.title), tags: about.tags, date: about.date, ..document })
}

/// What a document says of itself.
#[derive(Default)]
struct About {
    title: Option<String>,
    tags: Vec<String>,
    date: Option<Date>,
}

fn about(xml: &[u8]) -> Result<About, Refused> {
    let mut about = About::default();
    let mut words = String::new();
    let mut xml = Xml::new(xml);
    while let Some(event) = xml.next()? {
        match event {
            Event::Start(..) => words.clear(),
            Event::Text(text) if words.len() < 4096 => words.push_str(&text),
            Event::Text(_) => {}
            Event::End(name) => match name.as_str() {
                "title" => about.title = Some(tidy(&words)).filter(|title| !title.is_empty()),
                "keywords" => about.tags = tags_of(&words),
                "modified" => about.date = date(&words).or(about.date),
                "created" => about.date = about.date.or_else(|| date(&words)),
                _ => {}
            },
        }
    }
    Ok(about)
}
