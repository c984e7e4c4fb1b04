use std::{
    cell::RefCell,
    fmt::Write,
    time::{Duration, Instant},
};

use html5ever::{
    buffer_queue::BufferQueue,
    tendril::StrTendril,
    tokenizer::{Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts, states::RawKind},
};
use url::Url;

use super::{
    Converted,
    elements::{Role, role},
    write::{attribute, collapse, escaped},
};

/// Deeper elements lose their tags and keep their text. Markdown has no use for more, and it bounds every recursion that
/// follows.
const MAX_DEPTH: usize = 48;
/// Lists and quotations within each other. Each indents all of its lines, so depth multiplies size.
const MAX_INDENT: usize = 8;
const PRE_OPEN: &str = "<pre><code>";
/// A page's text is fed in pieces so that the clock can be looked at in between.
const PIECE: usize = 4096;
const MAX_HREF: usize = 2048;
const MAX_TITLE: usize = 300;

/// Writes a page anew from its tokens: strictly nested, shallow, only known elements, only known attributes.
pub(super) struct Tidy {
    state: RefCell<State>,
}

struct State {
    out: String,
    /// `None`: plain text is wanted.
    base: Option<Url>,
    open: Vec<Open>,
    /// Inline elements that were opened and have no text yet. They are written when text comes, so that a link around a
    /// heading becomes a link inside it.
    pending: Vec<Open>,
    skipping: Option<(String, usize)>,
    in_title: bool,
    title: String,
    pre: usize,
}

#[derive(Debug, Clone)]
struct Open {
    role: Role,
    name: &'static str,
    href: Option<String>,
}

impl Open {
    fn indents(&self) -> bool {
        matches!(self.role, Role::List(_)) || self.name == "blockquote"
    }
}

impl Tidy {
    pub fn markup(base: &Url) -> Self {
        Self::new(Some(base.clone()))
    }

    pub fn plain() -> Self {
        Self::new(None)
    }

    fn new(base: Option<Url>) -> Self {
        let state = State {
            out: String::new(),
            base,
            open: Vec::new(),
            pending: Vec::new(),
            skipping: None,
            in_title: false,
            title: String::new(),
            pre: 0,
        };
        Self { state: RefCell::new(state) }
    }

    pub fn run(self, html: &str, budget: Duration) -> Converted {
        let deadline = Instant::now() + budget;
        let tokenizer = Tokenizer::new(self, TokenizerOpts::default());
        let input = BufferQueue::default();
        let mut rest = html;
        let mut incomplete = false;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE));
            rest = after;
            input.push_back(StrTendril::from_slice(piece));
            // The result only tells of scripts to run. There are none to run here.
            while !matches!(tokenizer.feed(&input), html5ever::TokenizerResult::Done) {}
            if Instant::now() > deadline {
                incomplete = true;
                break;
            }
        }
        tokenizer.end();
        let mut state = tokenizer.sink.state.into_inner();
        state.close_down_to(0);
        let title = state.title.split_whitespace().collect::<Vec<_>>().join(" ");
        let title = title.chars().take(MAX_TITLE).collect::<String>();
        Converted { title: Some(title).filter(|title| !title.is_empty()), text: state.out, incomplete }
    }
}

impl TokenSink for Tidy {
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

impl State {
    fn start(&mut self, tag: &Tag) {
        let name: &str = &tag.name;
        if let Some((skipped, depth)) = &mut self.skipping {
            if skipped == name && !tag.self_closing {
                *depth += 1;
            }
            return;
        }
        match role(name) {
            Role::Skipped if tag.self_closing && matches!(name, "svg" | "math") => {}
            Role::Skipped => self.skipping = Some((name.to_owned(), 1)),
            Role::Title if self.title.is_empty() => self.in_title = true,
            Role::Title => self.skipping = Some((name.to_owned(), 1)),
            Role::Transparent => {}
            Role::Void(void) => self.void(void, tag),
            Role::Inline(name) => self.start_inline(name, tag),
            other => self.start_block(other),
        }
    }

    fn end(&mut self, name: &str) {
        if let Some((skipped, depth)) = &mut self.skipping {
            if skipped == name {
                *depth -= 1;
                if *depth == 0 {
                    self.skipping = None;
                }
            }
            return;
        }
        match role(name) {
            Role::Title => self.in_title = false,
            Role::Skipped | Role::Transparent | Role::Void(_) => {}
            Role::Inline(name) => {
                if let Some(index) = self.pending.iter().rposition(|open| open.name == name) {
                    self.pending.truncate(index);
                } else {
                    self.close(|open| open.name == name, |open| !matches!(open.role, Role::Inline(_)));
                }
            }
            wanted @ (Role::Table | Role::Row | Role::Cell(_)) => {
                self.close(|open| open.role == wanted, |open| open.role == Role::Table)
            }
            wanted => self.close(|open| open.role == wanted, |open| matches!(open.role, Role::Cell(_))),
        }
    }

    fn start_inline(&mut self, name: &'static str, tag: &Tag) {
        if self.pre > 0 {
            return self.name_language(tag);
        }
        let within = self.open.iter().chain(&self.pending).any(|open| open.name == name);
        if within && name != "a" {
            return;
        }
        if name == "a" {
            // A link in a link is a link that was not closed.
            self.end("a");
        }
        let href = (name == "a").then(|| self.resolve(attribute(tag, "href"))).flatten();
        if name == "a" && href.is_none() {
            return;
        }
        self.pending.push(Open { role: Role::Inline(name), name, href });
    }

    /// `<pre><code class="language-rust">`: the fence should say so.
    fn name_language(&mut self, tag: &Tag) {
        let class = attribute(tag, "class").unwrap_or_default();
        let language = class.split_whitespace().find_map(|class| class.strip_prefix("language-"));
        let plausible =
            |name: &&str| name.len() <= 20 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '+' || c == '-');
        if let (Some(language), true) = (language.filter(plausible), self.out.ends_with(PRE_OPEN)) {
            self.out.truncate(self.out.len() - 1);
            let _ = write!(self.out, " class=\"language-{language}\">");
        }
    }

    fn start_block(&mut self, role: Role) {
        let is_box = |open: &Open| !matches!(open.role, Role::Inline(_) | Role::Paragraph(_) | Role::Preformatted);
        let keep = self.open.iter().rposition(is_box).map_or(0, |index| index + 1);
        self.close_down_to(keep);
        let top = |state: &Self| state.open.last().map(|open| open.role);
        match role {
            Role::Item => {
                self.close(|open| open.role == Role::Item, |open| matches!(open.role, Role::List(_) | Role::Cell(_)))
            }
            Role::Row => {
                self.close(|open| open.role == Role::Row, |open| open.role == Role::Table);
                if top(self) != Some(Role::Table) {
                    return;
                }
            }
            Role::Cell(_) => {
                self.close(
                    |open| matches!(open.role, Role::Cell(_)),
                    |open| matches!(open.role, Role::Row | Role::Table),
                );
                if top(self) != Some(Role::Row) {
                    return;
                }
            }
            _ => self.enter_table_cell(),
        }
        let name = match role {
            Role::Block(name) | Role::Paragraph(name) | Role::List(name) | Role::Cell(name) => name,
            Role::Item if matches!(top(self), Some(Role::List(_))) => "li",
            // Outside of a list it is a box like any other.
            Role::Item => "div",
            Role::Table => "table",
            Role::Row => "tr",
            Role::Preformatted => "pre",
            Role::Inline(_) | Role::Void(_) | Role::Skipped | Role::Title | Role::Transparent => return,
        };
        self.open(Open { role, name, href: None });
    }

    /// What stands in a table outside of its cells would be moved out of the table by a parser. It gets a cell.
    fn enter_table_cell(&mut self) {
        if self.open.last().is_some_and(|open| open.role == Role::Table) {
            self.open(Open { role: Role::Row, name: "tr", href: None });
        }
        if self.open.last().is_some_and(|open| open.role == Role::Row) {
            self.open(Open { role: Role::Cell("td"), name: "td", href: None });
        }
    }

    fn void(&mut self, name: &'static str, tag: &Tag) {
        if self.base.is_none() {
            self.out.push('\n');
        } else if name == "img" {
            let alt = attribute(tag, "alt").unwrap_or_default().trim();
            if let (false, Some(src)) = (alt.is_empty(), self.resolve(attribute(tag, "src"))) {
                self.write_pending();
                let _ = write!(self.out, "<img src=\"{}\" alt=\"{}\">", escaped(&src), escaped(alt));
            }
        } else if self.pre > 0 {
            self.out.push('\n');
        } else if name == "hr" {
            self.start_block(Role::Block("div"));
            self.out.push_str("<hr>");
        } else {
            self.out.push_str("<br>");
        }
    }

    fn text(&mut self, text: &str) {
        if self.skipping.is_some() {
            return;
        }
        if self.in_title {
            let room = (MAX_TITLE * 4).saturating_sub(self.title.len());
            self.title.push_str(&text[..text.floor_char_boundary(room.min(text.len()))]);
            return;
        }
        if self.pre == 0 && text.chars().all(char::is_whitespace) {
            // Between boxes it means nothing, between inline elements it is a space. Either way it opens nothing.
            if !self.out.is_empty() && !self.out.ends_with(char::is_whitespace) {
                self.out.push(' ');
            }
            return;
        }
        self.write_pending();
        match &self.base {
            Some(_) => self.out.push_str(&escaped(text)),
            None if self.pre > 0 => self.out.push_str(text),
            None => collapse(&mut self.out, text),
        }
    }

    fn write_pending(&mut self) {
        self.enter_table_cell();
        for open in std::mem::take(&mut self.pending) {
            self.open(open);
        }
    }

    fn open(&mut self, open: Open) {
        let indenting = || self.open.iter().filter(|open| open.indents()).count();
        if self.open.len() >= MAX_DEPTH || (open.indents() && indenting() >= MAX_INDENT) {
            return;
        }
        match (&self.base, &open.href) {
            (None, _) => self.break_line(&open, false),
            (Some(_), Some(href)) => {
                let _ = write!(self.out, "<a href=\"{}\">", escaped(href));
            }
            (Some(_), None) => self.write_open(&open),
        }
        self.pre += usize::from(open.role == Role::Preformatted);
        self.open.push(open);
    }

    fn write_open(&mut self, open: &Open) {
        let closing = format!("</{}>", open.name);
        if matches!(open.role, Role::Inline(_)) && self.out.ends_with(&closing) {
            // `<b>a</b><b>b</b>` is `<b>ab</b>`. The converter would find out too, at quadratic cost.
            self.out.truncate(self.out.len() - closing.len());
        } else if open.role == Role::Preformatted {
            self.out.push_str(PRE_OPEN);
        } else {
            let _ = write!(self.out, "<{}>", open.name);
        }
    }

    fn resolve(&self, reference: Option<&str>) -> Option<String> {
        let reference = reference?.trim();
        if reference.is_empty() || reference.starts_with('#') || reference.len() > MAX_HREF {
            return None;
        }
        let url = self.base.as_ref()?.join(reference).ok()?;
        matches!(url.scheme(), "http" | "https" | "mailto").then(|| url.into())
    }

    /// Closes the innermost open element that is `wanted`, with all that is inside, unless a `boundary` comes first.
    fn close(&mut self, wanted: impl Fn(&Open) -> bool, boundary: impl Fn(&Open) -> bool) {
        for index in (0..self.open.len()).rev() {
            if wanted(&self.open[index]) {
                return self.close_down_to(index);
            }
            if boundary(&self.open[index]) {
                return;
            }
        }
    }

    fn close_down_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            let Some(open) = self.open.pop() else { return };
            let preformatted = open.role == Role::Preformatted;
            self.pre -= usize::from(preformatted);
            if self.base.is_none() {
                self.break_line(&open, true);
            } else if preformatted {
                self.out.push_str("</code></pre>");
            } else {
                let _ = write!(self.out, "</{}>", open.name);
            }
        }
    }

    /// The mark that the edge of `open` leaves in plain text.
    fn break_line(&mut self, open: &Open, closing: bool) {
        match (open.role, closing) {
            (Role::Inline(_), _) | (Role::Item | Role::Row, true) | (Role::Cell(_), false) => {}
            (Role::Cell(_), true) => self.out.push('\t'),
            (Role::Item | Role::Row, false) => self.out.push('\n'),
            _ => self.out.push_str("\n\n"),
        }
    }
}
