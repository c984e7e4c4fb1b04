//! Finds the placeholders of a statement.

use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};
use windlass_config::settings::SourceKind;

use super::{Piece, Place, TemplateError};
use crate::guard;

/// The pieces of `statement`, without a semicolon at its end and what is behind it.
pub(super) fn pieces(
    statement: &str,
    kind: SourceKind,
    parameters: &[&str],
    identifiers: &[&str],
) -> Result<Vec<Piece>, TemplateError> {
    let mut scan = Scan {
        statement,
        kind,
        parameters,
        identifiers,
        tokens: tokens(statement, kind)?,
        pieces: Vec::new(),
        written: Cursor::default(),
        reached: Cursor::default(),
    };
    scan.run()?;
    Ok(scan.pieces)
}

/// The tokens of a statement, each beginning where the last ends.
pub(crate) fn tokens(statement: &str, kind: SourceKind) -> Result<Vec<TokenWithSpan>, TemplateError> {
    let tokens = Tokenizer::new(guard::dialect(kind), statement)
        .tokenize_with_location()
        .map_err(|error| unreadable(&error.message).at(place(error.location)))?;
    // Comments that MySQL executes are taken apart by the tokenizer, and no longer say where they were.
    let gap = tokens.windows(2).find(|pair| pair[0].span.end != pair[1].span.start);
    match gap {
        None => Ok(tokens),
        Some(pair) => Err(unreadable("a comment that is executed (`/*!`)").at(place(pair[0].span.start))),
    }
}

struct Scan<'a> {
    statement: &'a str,
    kind: SourceKind,
    parameters: &'a [&'a str],
    identifiers: &'a [&'a str],
    tokens: Vec<TokenWithSpan>,
    pieces: Vec<Piece>,
    /// What is in pieces already.
    written: Cursor,
    /// How far places have been looked up.
    reached: Cursor,
}

/// A place in the text, in every way it is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor {
    pub byte: usize,
    line: u64,
    column: u64,
}

impl Default for Cursor {
    fn default() -> Self {
        Self { byte: 0, line: 1, column: 1 }
    }
}

impl Cursor {
    /// The place of a location that is not before this one.
    pub fn advance(mut self, text: &str, location: Location) -> Self {
        for here in text[self.byte..].chars() {
            if (self.line, self.column) >= (location.line, location.column) {
                break;
            }
            self.byte += here.len_utf8();
            if here == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self
    }
}

impl Scan<'_> {
    fn run(&mut self) -> Result<(), TemplateError> {
        let mut brackets = 0_usize;
        let mut at = 0;
        let mut end = None;
        while let Some(token) = self.tokens.get(at).cloned() {
            let next = self.tokens.get(at + 1).cloned();
            at += 1;
            if end.is_some() && !matches!(token.token, Token::Whitespace(_) | Token::EOF) {
                let several = TemplateError::new("there is more than one statement", "make a tool of each statement");
                return Err(several.at(place(token.span.start)));
            }
            match (&token.token, next.as_ref().map(|next| &next.token)) {
                (Token::SemiColon, _) => end = Some(self.reach(token.span.start)),
                (Token::LBracket, _) => brackets += 1,
                (Token::RBracket, _) => brackets = brackets.saturating_sub(1),
                (Token::Placeholder(_), _) => return Err(self.foreign(&token, &token)),
                (Token::Word(word), _) if self.kind == SourceKind::Mssql && is_mssql_placeholder(&word.value) => {
                    return Err(self.foreign(&token, &token));
                }
                // `:'name'` and `:"name"` are of psql.
                (Token::Colon, Some(Token::SingleQuotedString(_) | Token::DoubleQuotedString(_))) if brackets == 0 => {
                    let next = next.unwrap_or_else(|| token.clone());
                    return Err(self.foreign(&token, &next));
                }
                (Token::Colon, Some(Token::Word(word))) => {
                    let Some(next) = &next else { continue };
                    let name = word.value.clone();
                    if word.quote_style.is_some() && brackets == 0 {
                        return Err(self.foreign(&token, next));
                    }
                    if self.placeholder(&token, next, &name, brackets > 0)? {
                        at += 1;
                    }
                }
                _ => {}
            }
        }
        let end = end.unwrap_or(Cursor { byte: self.statement.len(), ..self.reached });
        self.text_up_to(end);
        Ok(())
    }

    /// Whether `:name` is a placeholder, which is then a piece. Within brackets it may be the end of a slice.
    fn placeholder(
        &mut self,
        colon: &TokenWithSpan,
        word: &TokenWithSpan,
        name: &str,
        in_brackets: bool,
    ) -> Result<bool, TemplateError> {
        let piece = if self.identifiers.contains(&name) {
            Piece::Identifier(name.to_owned())
        } else if let Some(index) = self.parameters.iter().position(|known| *known == name) {
            Piece::Value(index)
        } else if in_brackets {
            return Ok(false);
        } else {
            let declared = self.parameters.iter().chain(self.identifiers).copied();
            let hint = match nearest(name, declared) {
                Some(near) => format!("did you mean `:{near}`?"),
                None => format!("declare a parameter `{name}`"),
            };
            let message = format!("the statement uses `:{name}`, which is no parameter of this tool");
            return Err(TemplateError::new(message, hint).at(place(colon.span.start)));
        };
        let start = self.reach(colon.span.start);
        self.text_up_to(start);
        self.pieces.push(piece);
        self.written = self.reach(word.span.end);
        Ok(true)
    }

    fn text_up_to(&mut self, end: Cursor) {
        if self.written.byte < end.byte {
            let text = self.statement[self.written.byte..end.byte].to_owned();
            self.pieces.push(Piece::Text(text));
        }
        self.written = end;
    }

    /// The place of a location that is not before the last one.
    fn reach(&mut self, location: Location) -> Cursor {
        self.reached = self.reached.advance(self.statement, location);
        self.reached
    }

    fn foreign(&mut self, from: &TokenWithSpan, to: &TokenWithSpan) -> TemplateError {
        let (start, end) = (self.reach(from.span.start), self.reach(to.span.end));
        let text = &self.statement[start.byte..end.byte];
        TemplateError::new(
            format!("the statement uses the placeholder `{text}`"),
            "write `:name`, with the name of a parameter",
        )
        .at(place(from.span.start))
    }
}

fn unreadable(why: &str) -> TemplateError {
    TemplateError::new(format!("the statement cannot be read: {why}"), "are all quotes and comments closed?")
}

/// `@P1` and its like would be taken for what stands for a parameter.
fn is_mssql_placeholder(word: &str) -> bool {
    let digits = word.strip_prefix("@P").or_else(|| word.strip_prefix("@p"));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()))
}

fn place(location: Location) -> Place {
    let number = |number| usize::try_from(number).unwrap_or(usize::MAX);
    Place { line: number(location.line), column: number(location.column) }
}

/// The candidate that is a slip of the pen away from `given`.
fn nearest<'a>(given: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (distance(given, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many characters have to be changed, left out or put in.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, here) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, there) in b.iter().enumerate() {
            let kept = diagonal + usize::from(here != *there);
            diagonal = row[j + 1];
            row[j + 1] = kept.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}
