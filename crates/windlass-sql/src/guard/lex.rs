//! Where words, texts and comments begin and end, by rules on which the server, its settings and the parser cannot
//! differ. What could be read in two ways is refused here: it is not worth guessing which way is taken.

mod quotes;

use windlass_config::settings::SourceKind;

use super::Refusal;

/// A piece of a statement. Comments and blanks are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: TokenKind,
    /// Its first character, counted from 0.
    pub start: usize,
    /// The character after its last.
    pub end: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A keyword or a name without quotes.
    Word,
    /// A name in quotes.
    Quoted,
    /// A string literal.
    Text,
    Number,
    /// `?`, `?1`, `$1`: what a value is bound to.
    Placeholder,
    /// Anything else, a character at a time.
    Mark(char),
}

/// The tokens of one statement, without the semicolon at its end.
pub(super) struct Lexed {
    pub chars: Vec<char>,
    pub tokens: Vec<Token>,
}

impl Lexed {
    /// A keyword in capitals; names in quotes are none.
    pub fn keyword(&self, index: usize) -> Option<String> {
        let token = self.tokens.get(index).filter(|token| token.kind == TokenKind::Word)?;
        Some(self.text(*token).to_ascii_uppercase())
    }

    /// Whether the token at `index` is this character.
    pub fn is(&self, index: usize, mark: char) -> bool {
        self.tokens.get(index).is_some_and(|token| token.kind == TokenKind::Mark(mark))
    }

    pub fn text(&self, token: Token) -> String {
        self.chars[token.start..token.end].iter().collect()
    }

    /// What a name means: without its quotes, and in the case the server would take it in.
    pub fn name(&self, index: usize) -> Option<String> {
        let token = *self.tokens.get(index)?;
        match token.kind {
            TokenKind::Word => Some(self.text(token).to_ascii_lowercase()),
            TokenKind::Quoted => {
                let close = self.chars[token.end - 1];
                let inner: String = self.chars[token.start + 1..token.end - 1].iter().collect();
                Some(inner.replace(&format!("{close}{close}"), &close.to_string()))
            }
            _ => None,
        }
    }
}

/// Splits one statement.
pub(super) fn lex(sql: &str, kind: SourceKind) -> Result<Lexed, Refusal> {
    let mut lexer = Lexer { chars: sql.chars().collect(), at: 0, kind, tokens: Vec::new() };
    lexer.run()?;
    Ok(Lexed { chars: lexer.chars, tokens: lexer.tokens })
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    kind: SourceKind,
    tokens: Vec<Token>,
}

impl Lexer {
    fn run(&mut self) -> Result<(), Refusal> {
        let mut ended = false;
        while let Some(here) = self.peek(0) {
            if self.skip_blank()? {
                continue;
            }
            if ended {
                return Err(Refusal::new(
                    "there is more than one statement",
                    "send one statement at a time, without a `;` before its end",
                ));
            }
            if here == ';' {
                self.at += 1;
                ended = true;
                continue;
            }
            let start = self.at;
            let kind = self.token(here)?;
            self.tokens.push(Token { kind, start, end: self.at });
        }
        Ok(())
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    /// Whether there was a blank or a comment, which is then skipped.
    fn skip_blank(&mut self) -> Result<bool, Refusal> {
        match (self.peek(0), self.peek(1)) {
            (Some(' ' | '\t' | '\n'), _) => self.at += 1,
            (Some('\r'), Some('\n')) => self.at += 2,
            (Some('-'), Some('-')) => {
                // To MySQL, `--1` is twice a minus.
                if self.kind == SourceKind::Mysql && !matches!(self.peek(2), None | Some(' ' | '\t' | '\n' | '\r')) {
                    return Err(Refusal::new("`--` without a blank behind it", "put a blank between or behind them"));
                }
                self.line_comment()?;
            }
            (Some('#'), _) if self.kind == SourceKind::Mysql => self.line_comment()?,
            (Some('/'), Some('*')) => self.block_comment()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn line_comment(&mut self) -> Result<(), Refusal> {
        while let Some(here) = self.peek(0) {
            match here {
                '\n' => break,
                // Some servers end the line here.
                '\r' if self.peek(1) != Some('\n') => return Err(odd(here)),
                '\r' | '\t' => {}
                _ if is_odd(here) => return Err(odd(here)),
                _ => {}
            }
            self.at += 1;
        }
        Ok(())
    }

    fn block_comment(&mut self) -> Result<(), Refusal> {
        const PLAIN: &str = "leave the comment out";
        match (self.peek(2), self.peek(3)) {
            (Some('!'), _) | (Some('M' | 'm'), Some('!')) => {
                return Err(Refusal::new("a comment that the server executes (`/*!`)", PLAIN));
            }
            (Some('+'), _) => return Err(Refusal::new("a comment that is a hint to the optimizer (`/*+`)", PLAIN)),
            _ => {}
        }
        self.at += 2;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some('*'), Some('/')) => break self.at += 2,
                // PostgreSQL and SQL Server nest them, the others do not.
                (Some('/'), Some('*')) => return Err(Refusal::new("a comment within a comment", PLAIN)),
                (Some('\r'), Some('\n')) | (Some('\n' | '\t'), _) => self.at += 1,
                (Some(here), _) if is_odd(here) => return Err(odd(here)),
                (Some(_), _) => self.at += 1,
                (None, _) => return Err(Refusal::new("a comment that does not end", "end it with `*/`")),
            }
        }
        Ok(())
    }

    fn token(&mut self, here: char) -> Result<TokenKind, Refusal> {
        use SourceKind::{Mssql, Mysql, Postgres, Sqlite};
        let next = self.peek(1);
        match here {
            '\'' if self.is_behind_escapes() => {
                Err(Refusal::new("a text right behind one with an `E`", "join them with `||`"))
            }
            '\'' => self.text('\'', self.kind == Mysql),
            '"' if self.kind == Mysql => self.text('"', true),
            '"' => self.name('"'),
            '`' if matches!(self.kind, Mysql | Sqlite) => self.name('`'),
            '[' if matches!(self.kind, Mssql | Sqlite) => self.name(']'),
            '0'..='9' => self.number(),
            '$' if self.kind == Postgres => self.dollar(),
            '?' if self.kind != Postgres => {
                self.at += 1;
                self.digits();
                Ok(TokenKind::Placeholder)
            }
            _ if self.starts_word(here) => self.word(),
            '\\' => Err(Refusal::new("a `\\` outside of quotes", "there are no commands of a client here, only SQL")),
            '{' | '}' | '`' | '$' => Err(Refusal::new(format!("a `{here}` outside of quotes"), REWRITE)),
            ':' if self.kind == Mysql && next == Some('=') => {
                Err(Refusal::new("`:=` sets a variable", "use a window function or a WITH query"))
            }
            ':' if self.kind != Postgres => Err(Refusal::new("a `:` outside of quotes", REWRITE)),
            // An operator could swallow the beginning of a comment: `*/*`. Harmless, but read in two ways.
            '/' if next == Some('/') => Err(Refusal::new("a `//`", REWRITE)),
            ' '..='~' => {
                self.at += 1;
                Ok(TokenKind::Mark(here))
            }
            _ => Err(odd(here)),
        }
    }

    /// Behind the end of a line, PostgreSQL goes on with such a text as it began it.
    fn is_behind_escapes(&self) -> bool {
        let begins = |token: &Token| token.kind == TokenKind::Text && matches!(self.chars[token.start], 'e' | 'E');
        self.kind == SourceKind::Postgres && self.tokens.last().is_some_and(begins)
    }

    fn starts_word(&self, here: char) -> bool {
        here.is_alphabetic()
            || here == '_'
            || match self.kind {
                SourceKind::Mssql => matches!(here, '@' | '#'),
                SourceKind::Mysql => here == '@',
                SourceKind::Postgres | SourceKind::Sqlite => false,
            }
    }

    fn in_word(&self, here: char) -> bool {
        here.is_alphanumeric()
            || matches!(here, '_' | '$')
            || (self.kind == SourceKind::Mssql && matches!(here, '@' | '#'))
    }

    fn word(&mut self) -> Result<TokenKind, Refusal> {
        let start = self.at;
        if self.kind == SourceKind::Mysql {
            while self.peek(0) == Some('@') {
                self.at += 1;
            }
        }
        while self.peek(0).is_some_and(|here| self.in_word(here)) {
            self.at += 1;
        }
        let word = &self.chars[start..self.at];
        let after = self.peek(0);
        if word.iter().all(|here| *here == '@') || (self.kind == SourceKind::Mysql && after == Some('@')) {
            return Err(Refusal::new("an `@` that does not begin a variable", REWRITE));
        }
        match after {
            Some('\'') => {
                let prefixes: &[char] = match self.kind {
                    SourceKind::Postgres => &['e', 'b', 'x', 'n'],
                    SourceKind::Mysql => &['b', 'x', 'n'],
                    SourceKind::Sqlite => &['x'],
                    SourceKind::Mssql => &['n'],
                };
                let prefix = word.len() == 1 && prefixes.contains(&word[0].to_ascii_lowercase());
                let introducer: String = word.iter().collect::<String>().to_ascii_lowercase();
                if prefix {
                    return self.text('\'', self.kind == SourceKind::Mysql || matches!(word[0], 'e' | 'E'));
                }
                if self.kind == SourceKind::Mysql
                    && matches!(introducer.as_str(), "_utf8mb4" | "_utf8" | "_latin1" | "_binary" | "_ascii")
                {
                    return Ok(TokenKind::Word);
                }
                Err(glued())
            }
            Some('"' | '`' | '$') => Err(glued()),
            Some('&') if word.len() == 1 && matches!(word[0], 'u' | 'U') => match self.peek(1) {
                Some('\'' | '"') => {
                    Err(Refusal::new("a text or name with Unicode escapes (`U&`)", "write the characters"))
                }
                _ => Ok(TokenKind::Word),
            },
            Some('[') if matches!(self.kind, SourceKind::Mssql | SourceKind::Sqlite) => Err(glued()),
            _ => Ok(TokenKind::Word),
        }
    }

    fn digits(&mut self) {
        while self.peek(0).is_some_and(|here| here.is_ascii_digit()) {
            self.at += 1;
        }
    }

    /// A number must not touch a word: `1DELETE` is two tokens to some servers and one to others.
    fn number(&mut self) -> Result<TokenKind, Refusal> {
        if self.peek(0) == Some('0') && matches!(self.peek(1), Some('x' | 'X')) {
            self.at += 2;
            while self.peek(0).is_some_and(|here| here.is_ascii_hexdigit()) {
                self.at += 1;
            }
        } else {
            self.digits();
            if self.peek(0) == Some('.') && self.peek(1).is_some_and(|here| here.is_ascii_digit()) {
                self.at += 1;
                self.digits();
            }
            if matches!(self.peek(0), Some('e' | 'E')) {
                let signed = usize::from(matches!(self.peek(1), Some('+' | '-')));
                if self.peek(1 + signed).is_some_and(|here| here.is_ascii_digit()) {
                    self.at += 1 + signed;
                    self.digits();
                }
            }
        }
        match self.peek(0) {
            Some(here) if self.in_word(here) || matches!(here, '\'' | '"' | '`') => {
                Err(Refusal::new("a number and a word without a blank between them", "put a blank between them"))
            }
            _ => Ok(TokenKind::Number),
        }
    }
}

const REWRITE: &str = "write it without";

fn glued() -> Refusal {
    Refusal::new("a word and a quote without a blank between them", "put a blank between them")
}

/// Control characters, and blanks and line ends that not everybody takes for such.
fn is_odd(here: char) -> bool {
    here.is_control()
        || (here.is_whitespace() && here != ' ')
        || matches!(here, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn odd(here: char) -> Refusal {
    Refusal::new(
        format!("the character {}", here.escape_unicode()),
        "use plain blanks, and quotes around unusual names",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: SourceKind, sql: &str, expected: &str) {
        let lexed = lex(sql, kind).expect("it can be read");
        let words: Vec<_> = lexed.tokens.iter().map(|token| lexed.text(*token)).collect();
        assert_eq!(words.join("|"), expected);
    }

    #[test]
    fn tokens_are_what_the_server_takes_for_such() {
        check(SourceKind::Postgres, "select E'a', $$b'$$, $x$c$$x$ -- d", "select|E'a'|,|$$b'$$|,|$x$c$$x$");
        check(SourceKind::Postgres, "a[1:2]::int /* b */ ;", "a|[|1|:|2|]|:|:|int");
        check(
            SourceKind::Mysql,
            "select `a``b`, \"c\" # d\n, @@global.e -1.5e3",
            "select|`a``b`|,|\"c\"|,|@@global|.|e|-|1.5e3",
        );
        check(SourceKind::Sqlite, "select [a b], ?1, 0x1f", "select|[a b]|,|?1|,|0x1f");
        check(SourceKind::Mssql, "select @p1, #t.x, N'é' as größe", "select|@p1|,|#t|.|x|,|N'é'|as|größe");
    }

    #[test]
    fn a_name_is_what_the_server_makes_of_it() {
        let lexed = lex(r#"select PG_Sleep, "PG""x""#, SourceKind::Postgres).expect("it can be read");
        assert_eq!(lexed.name(1).as_deref(), Some("pg_sleep"));
        assert_eq!(lexed.name(3).as_deref(), Some("PG\"x"));
    }
}
