//! The parser has a lexer of its own. Only where it found the same words, texts and comments as ours is what it parsed
//! what the server will run.

use sqlparser::{
    dialect::Dialect,
    tokenizer::{Location, Span, Token as Parsed, TokenWithSpan, Tokenizer, Whitespace},
};

use super::{
    Refusal,
    lex::{Lexed, TokenKind},
};

/// What a character belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paint {
    /// Blanks, comments, and everything that is not named below.
    Rest,
    /// Operators, numbers, placeholders.
    Mark,
    WordStart,
    Word,
    Quoted,
    Text,
}

/// The parser's tokens of `chars`, which may have blanks where the statement has something else.
pub(super) fn tokens(sql: &str, lexed: &Lexed, dialect: &dyn Dialect) -> Result<Vec<TokenWithSpan>, Refusal> {
    let differ = || {
        Refusal::new(
            "the statement can be read in more than one way",
            "write it plainly: no comments, quotes doubled within quotes, blanks around operators",
        )
    };
    let mut tokens = Tokenizer::new(dialect, sql).tokenize_with_location().map_err(|_| differ())?;
    if let Some(end) = tokens.iter().position(|token| token.token == Parsed::SemiColon) {
        tokens.truncate(end);
    }
    let places = Places::new(&lexed.chars);
    let mut theirs = vec![Paint::Rest; lexed.chars.len()];
    for token in &tokens {
        let (start, end) = places.range(token.span).ok_or_else(differ)?;
        let paint = match &token.token {
            Parsed::Whitespace(Whitespace::Space | Whitespace::Tab | Whitespace::Newline) => Paint::Rest,
            Parsed::Whitespace(_) | Parsed::EOF => Paint::Rest,
            Parsed::Word(word) if word.quote_style.is_some() => Paint::Quoted,
            Parsed::Word(_) => Paint::Word,
            Parsed::SingleQuotedString(_)
            | Parsed::DoubleQuotedString(_)
            | Parsed::DollarQuotedString(_)
            | Parsed::SingleQuotedByteStringLiteral(_)
            | Parsed::NationalStringLiteral(_)
            | Parsed::EscapedStringLiteral(_) => Paint::Text,
            Parsed::HexStringLiteral(_) if lexed.chars.get(start) != Some(&'0') => Paint::Text,
            _ => Paint::Mark,
        };
        fill(&mut theirs, start, end, paint);
    }
    let mut ours = vec![Paint::Rest; lexed.chars.len()];
    for token in &lexed.tokens {
        let paint = match token.kind {
            TokenKind::Word => Paint::Word,
            TokenKind::Quoted => Paint::Quoted,
            TokenKind::Text => Paint::Text,
            TokenKind::Number | TokenKind::Placeholder | TokenKind::Mark(_) => Paint::Mark,
        };
        fill(&mut ours, token.start, token.end, paint);
    }
    if ours == theirs { Ok(tokens) } else { Err(differ()) }
}

fn fill(paints: &mut [Paint], start: usize, end: usize, paint: Paint) {
    paints[start..end].fill(paint);
    if paint == Paint::Word && start < end {
        paints[start] = Paint::WordStart;
    }
}

/// Lines and columns as places in the text.
pub(super) struct Places {
    lines: Vec<usize>,
    length: usize,
}

impl Places {
    pub fn new(chars: &[char]) -> Self {
        let starts = chars.iter().enumerate().filter(|(_, here)| **here == '\n').map(|(at, _)| at + 1);
        Self { lines: std::iter::once(0).chain(starts).collect(), length: chars.len() }
    }

    /// The character there, counted from 0.
    pub fn of(&self, location: Location) -> Option<usize> {
        let line = usize::try_from(location.line).ok()?.checked_sub(1)?;
        let column = usize::try_from(location.column).ok()?.checked_sub(1)?;
        let at = self.lines.get(line)? + column;
        (at <= self.length).then_some(at)
    }

    fn range(&self, span: Span) -> Option<(usize, usize)> {
        let (start, end) = (self.of(span.start)?, self.of(span.end)?);
        (start <= end).then_some((start, end))
    }
}
