//! Texts and names in quotes.

use super::{Lexer, REWRITE, TokenKind, glued, is_odd, odd};
use crate::guard::Refusal;

impl Lexer {
    /// A name in quotes.
    pub(super) fn name(&mut self, close: char) -> Result<TokenKind, Refusal> {
        let start = self.at;
        self.at = self.closing(close, false)?;
        let inner = &self.chars[start + 1..self.at - 1];
        if inner.is_empty() {
            return Err(Refusal::new("an empty name", "name what you mean"));
        }
        if let Some(odd_one) = inner.iter().find(|here| is_odd(**here)) {
            return Err(odd(*odd_one));
        }
        // SQL Server doubles the bracket, SQLite ends at the first.
        if close == ']' && inner.iter().any(|here| matches!(here, '[' | ']')) {
            return Err(Refusal::new("a bracket within brackets", "use double quotes"));
        }
        Ok(TokenKind::Quoted)
    }

    /// A text, up to its closing quote. Whether a backslash hides a quote is what the engines set in their sessions: in all
    /// texts of MySQL, in those of PostgreSQL with an `E` in front, and nowhere else.
    pub(super) fn text(&mut self, close: char, escapes: bool) -> Result<TokenKind, Refusal> {
        self.at = self.closing(close, escapes)?;
        Ok(TokenKind::Text)
    }

    /// The place behind the closing quote.
    fn closing(&self, close: char, escapes: bool) -> Result<usize, Refusal> {
        let mut at = self.at + 1;
        loop {
            match self.chars.get(at) {
                None => return Err(not_closed()),
                Some('\\') if escapes => at += 2,
                Some(here) if *here == close && self.chars.get(at + 1) == Some(&close) => at += 2,
                Some(here) if *here == close => return Ok(at + 1),
                Some(_) => at += 1,
            }
        }
    }

    /// `$1`, `$$text$$`, `$tag$text$tag$`.
    pub(super) fn dollar(&mut self) -> Result<TokenKind, Refusal> {
        let start = self.at;
        self.at += 1;
        if self.peek(0).is_some_and(|here| here.is_ascii_digit()) {
            self.digits();
            return match self.peek(0) {
                Some(here) if self.in_word(here) => Err(glued()),
                _ => Ok(TokenKind::Placeholder),
            };
        }
        while self.peek(0).is_some_and(|here| here.is_ascii_alphanumeric() || here == '_') {
            self.at += 1;
        }
        if self.peek(0) != Some('$') {
            return Err(Refusal::new("a `$` outside of quotes", REWRITE));
        }
        self.at += 1;
        let tag = self.chars[start..self.at].to_vec();
        while self.at < self.chars.len() {
            if self.chars[self.at..].starts_with(&tag) {
                self.at += tag.len();
                return Ok(TokenKind::Text);
            }
            self.at += 1;
        }
        Err(not_closed())
    }
}

fn not_closed() -> Refusal {
    Refusal::new("a quote that is not closed", "close it")
}
