//! What is refused before the grammar sees it. Besides giving a construct its name in the refusal, this keeps input away
//! from the parser on which it would recurse without bound, take exponential time or panic.

use brush_parser::{Token, TokenizerError, TokenizerOptions};

use super::Span;
use crate::rules::Denial;

/// Longest line read.
const MAX_LINE: usize = 32 << 10;
/// Words, and bytes in all of them, taken from a caller who gives them one by one: about what a line can hold.
const MAX_WORDS: usize = 8 << 10;
const MAX_WORDS_BYTES: usize = 128 << 10;
/// Each nesting of `$(`, `${` or `$[` is a stack frame of the tokenizer, whether or not it is refused later.
const MAX_NESTING: usize = 40;

/// Words that are syntax where a command could stand.
const RESERVED: [&str; 23] = [
    "!",
    "{",
    "}",
    "[[",
    "]]",
    "case",
    "coproc",
    "do",
    "done",
    "elif",
    "else",
    "esac",
    "fi",
    "for",
    "function",
    "if",
    "in",
    "select",
    "then",
    "time",
    "until",
    "while",
    "namespace",
];

pub(super) fn nothing_to_run() -> Denial {
    Denial::new("there is no command to run")
}

/// Refuses a construct by name.
pub(super) fn refuse(construct: &str, hint: &str, span: Span) -> Denial {
    Denial::new(format!("{construct} is not available: the line is run without a shell")).hint(hint).at(span)
}

/// Refuses text that holds characters no command needs and that hide what a line does.
pub(super) fn characters(text: &str) -> Result<(), Denial> {
    if text.len() > MAX_LINE {
        return Err(Denial::new(format!("the command is longer than {MAX_LINE} bytes"))
            .hint("put long text into a file or give it as standard input"));
    }
    for (at, c) in text.char_indices() {
        let what = match c {
            '\0' => "a null byte",
            '\t' | '\n' => continue,
            c if c.is_control() => "a control character",
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => "a character that reverses the direction of text",
            _ => continue,
        };
        return Err(
            Denial::new(format!("the command contains {what} (U+{:04X})", c as u32)).at((at, at + c.len_utf8()))
        );
    }
    Ok(())
}

/// Refuses more words than a person or model writes: each is checked against every rule before anything runs.
pub(super) fn amount(bytes: usize, words: usize) -> Result<(), Denial> {
    if words > MAX_WORDS || bytes > MAX_WORDS_BYTES {
        let limit = format!("the command has more than {MAX_WORDS} words or {MAX_WORDS_BYTES} bytes");
        return Err(Denial::new(limit).hint("put long text into a file or give it as standard input"));
    }
    Ok(())
}

/// Tokens of a line, all of them of kinds a plain command is made of.
pub(super) fn tokens(line: &Text) -> Result<Vec<Token>, Denial> {
    let text = line.text;
    let nesting = text.matches("$(").count() + text.matches("${").count() + text.matches("$[").count();
    if nesting > MAX_NESTING {
        return Err(Denial::new("the command nests too deeply").hint("write it without expansions"));
    }
    if text.contains("<<") && !only_quoted(text, "<<") {
        return Err(refuse("a here-document", "give the text as standard input (`stdin`)", line.whole()));
    }
    let options = TokenizerOptions { enable_extended_globbing: false, posix_mode: false, sh_mode: false };
    let tokens = brush_parser::uncached_tokenize_str(text, &options).map_err(|error| unreadable(&error))?;
    let mut starts_command = true;
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Token::Operator(operator, _) => {
                let refused = operator_refused(operator);
                if let Some((construct, hint)) = refused {
                    return Err(refuse(construct, hint, line.token(token)));
                }
                starts_command = !operator.starts_with(['<', '>']) && !operator.starts_with("&>");
            }
            Token::Word(word, _) => {
                // The parser would panic on a number that does not fit a descriptor.
                let is_number = word.len() > 1 && word.bytes().all(|b| b.is_ascii_digit());
                if is_number && is_descriptor(token, tokens.get(index + 1)) {
                    let span = line.token(token);
                    return Err(refuse("a redirection of another descriptor than 0, 1 or 2", "leave it out", span));
                }
                if starts_command && RESERVED.contains(&word.as_str()) && word != "!" {
                    let span = line.token(token);
                    let construct = format!("`{word}` (shell syntax)");
                    return Err(refuse(&construct, "run the commands one by one, each in its own call", span));
                }
                starts_command = starts_command && word == "!";
            }
        }
    }
    Ok(tokens)
}

/// Whether `what` stands in quotes wherever it stands. The tokenizer never returns from some here-documents (`<<""`), so it
/// must not see one: where quotes could be read in more than one way, the answer is no.
fn only_quoted(text: &str, what: &str) -> bool {
    if ["$(", "${", "$[", "$'", "`", "#"].iter().any(|unclear| text.contains(unclear)) {
        return false;
    }
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (None | Some('"'), '\\') => {
                chars.next();
            }
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, _) if text[at..].starts_with(what) => return false,
            _ => {}
        }
    }
    true
}

/// Whether a redirection follows the token without a blank between.
fn is_descriptor(token: &Token, next: Option<&Token>) -> bool {
    let Some(Token::Operator(operator, place)) = next else { return false };
    operator.starts_with(['<', '>']) && token.location().end.index >= place.start.index
}

fn operator_refused(operator: &str) -> Option<(&'static str, &'static str)> {
    Some(match operator {
        "|" | "|&" | "&&" | "||" | ";" | "\n" | "<" | ">" | ">>" | ">|" | ">&" | "&>" | "&>>" => return None,
        "&" => ("running in the background with `&`", "use start_command for long work"),
        "(" | ")" => ("a parenthesis outside quotes (subshell, function or pattern)", "quote it if it is text"),
        "<<" | "<<-" => ("a here-document", "give the text as standard input (`stdin`)"),
        "<<<" => ("a here-string", "give the text as standard input (`stdin`)"),
        "<>" => ("opening a file for reading and writing with `<>`", "use `<` or `>`"),
        "<&" => ("duplicating an input descriptor", "leave it out"),
        _ => ("this operator", "run the commands one by one, each in its own call"),
    })
}

fn unreadable(error: &TokenizerError) -> Denial {
    let (what, hint) = match error {
        TokenizerError::UnterminatedSingleQuote(_)
        | TokenizerError::UnterminatedDoubleQuote(_)
        | TokenizerError::UnterminatedAnsiCQuote(_) => {
            ("a quote is opened and not closed", "close it, or escape it with `\\`")
        }
        TokenizerError::UnterminatedEscapeSequence => ("the line ends in a backslash", "remove it"),
        TokenizerError::UnterminatedBackquote(_) | TokenizerError::UnterminatedCommandSubstitution => {
            ("command substitution is not available", "run the inner command on its own first")
        }
        TokenizerError::UnterminatedHereDocuments(..)
        | TokenizerError::MissingHereTag(_)
        | TokenizerError::MissingHereTagForDocumentBody => {
            ("a here-document is not available", "give the text as standard input (`stdin`)")
        }
        _ => ("the line cannot be read", "check quotes and brackets"),
    };
    Denial::new(what).hint(hint)
}

/// A line whose characters, which the parser counts, can be found among its bytes.
pub(super) struct Text<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, starts: text.char_indices().map(|(at, _)| at).collect() }
    }

    /// The bytes of the characters from `start` to before `end`.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        let byte = |index: usize| self.starts.get(index).copied().unwrap_or(self.text.len());
        let (start, end) = (byte(start), byte(end));
        (start.min(end), end)
    }

    /// The bytes of all of it.
    pub(super) fn whole(&self) -> Span {
        (0, self.text.len())
    }

    fn token(&self, token: &Token) -> Span {
        self.span(token.location().start.index, token.location().end.index)
    }
}
