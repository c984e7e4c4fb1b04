//! HTML as text: headings with `#`, lists with `-`, tables with `|`, preformatted text in fences.
//!
//! A page is hostile until shown otherwise, so no tree is built of it: its tokens are looked at once, in order, and the
//! only thing that nests here are a few counters.

mod roles;
mod table;
mod writer;

use std::{cell::RefCell, time::Instant};

use html5ever::{
    buffer_queue::BufferQueue,
    tendril::StrTendril,
    tokenizer::{Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts, states::RawKind},
};

use crate::{Document, Limits, Refused, date::date, decode, outline::tags_of};

use roles::{Role, role};
use writer::Writer;

/// A page's text is fed in pieces so that the clock and the length of the text can be looked at in between.
const PIECE: usize = 4096;
/// Attributes of a long tag that are looked at: what a page says of itself stands in short ones.
const MAX_ATTRIBUTES: usize = 64;

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, Refused> {
    // The file may be longer than its text.
    let room = Limits { text_bytes: limits.bytes.saturating_mul(3), ..*limits };
    let html = decode::decode(bytes, &room)?;
    let deadline = Instant::now() + limits.time;
    let tokenizer = Tokenizer::new(Page { state: RefCell::new(State::new(limits)) }, TokenizerOpts::default());
    let input = BufferQueue::default();
    let mut rest = html.as_str();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE));
        rest = after;
        input.push_back(StrTendril::from_slice(piece));
        // The result only tells of scripts to run. There are none to run here.
        while !matches!(tokenizer.feed(&input), html5ever::TokenizerResult::Done) {}
        limits.text(tokenizer.sink.state.borrow().writer.len())?;
        if Instant::now() > deadline {
            return Err(Refused::TooSlow("its markup".to_owned()));
        }
    }
    tokenizer.end();
    let state = tokenizer.sink.state.into_inner();
    let mut document = state.writer.done(limits)?;
    document.title = Some(crate::outline::tidy(&state.title)).filter(|title| !title.is_empty()).or(document.title);
    Ok(Document { tags: state.tags, date: state.date, ..document })
}

struct Page {
    state: RefCell<State>,
}

struct State {
    writer: Writer,
    title: String,
    in_title: bool,
    tags: Vec<String>,
    date: Option<time::Date>,
    /// The element whose content is dropped, and how often it was opened inside itself.
    skipping: Option<(String, usize)>,
}

impl State {
    fn new(limits: &Limits) -> Self {
        Self {
            writer: Writer::new(limits),
            title: String::new(),
            in_title: false,
            tags: Vec::new(),
            date: None,
            skipping: None,
        }
    }

    fn start(&mut self, tag: &Tag) {
        let name: &str = &tag.name;
        if let Some((skipped, depth)) = &mut self.skipping {
            *depth += usize::from(skipped == name && !tag.self_closing);
            return;
        }
        match role(name) {
            Role::Skipped if tag.self_closing && matches!(name, "svg" | "math") => {}
            Role::Skipped => self.skipping = Some((name.to_owned(), 1)),
            Role::Title => self.in_title = self.title.is_empty(),
            Role::Meta => self.meta(tag),
            role => self.writer.start(role),
        }
    }

    fn end(&mut self, name: &str) {
        if let Some((skipped, depth)) = &mut self.skipping {
            *depth -= usize::from(skipped == name);
            if *depth == 0 {
                self.skipping = None;
            }
            return;
        }
        match role(name) {
            Role::Title => self.in_title = false,
            Role::Skipped | Role::Meta => {}
            role => self.writer.end(role),
        }
    }

    fn meta(&mut self, tag: &Tag) {
        let attribute = |name: &str| {
            let mut attributes = tag.attrs.iter().take(MAX_ATTRIBUTES);
            attributes.find(|attribute| &*attribute.name.local == name).map(|attribute| attribute.value.to_string())
        };
        let Some(content) = attribute("content").or_else(|| attribute("datetime")) else { return };
        let name = ["name", "property", "itemprop", "http-equiv"].into_iter().find_map(attribute);
        match name.unwrap_or_default().to_lowercase().as_str() {
            "keywords" | "news_keywords" | "article:tag" if self.tags.len() < 50 => {
                for tag in tags_of(&content) {
                    if !self.tags.contains(&tag) {
                        self.tags.push(tag);
                    }
                }
            }
            "date"
            | "dcterms.date"
            | "dc.date"
            | "article:published_time"
            | "article:modified_time"
            | "last-modified"
            | "datepublished"
            | "datemodified"
            | "dcterms.modified" => self.date = self.date.or_else(|| date(&content)),
            "og:title" if self.title.is_empty() => self.title = crate::outline::tidy(&content),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.skipping.is_some() {
            return;
        }
        if self.in_title {
            let room = 1000_usize.saturating_sub(self.title.len());
            self.title.push_str(&text[..text.floor_char_boundary(room)]);
        } else {
            self.writer.text(text);
        }
    }
}

impl TokenSink for Page {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut state = self.state.borrow_mut();
        match token {
            Token::CharacterTokens(text) => state.text(&text),
            Token::TagToken(tag) if tag.kind == TagKind::EndTag => state.end(&tag.name),
            Token::TagToken(tag) => {
                state.start(&tag);
                return content_of(&tag.name);
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// How the tokenizer must read what follows a start tag.
fn content_of(name: &str) -> TokenSinkResult<()> {
    match name {
        "script" => TokenSinkResult::RawData(RawKind::ScriptData),
        "style" | "xmp" | "iframe" | "noembed" | "noframes" => TokenSinkResult::RawData(RawKind::Rawtext),
        "title" | "textarea" => TokenSinkResult::RawData(RawKind::Rcdata),
        "plaintext" => TokenSinkResult::Plaintext,
        _ => TokenSinkResult::Continue,
    }
}
