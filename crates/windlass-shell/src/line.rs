//! A command line, read. Tokens and grammar are brush-parser's; what a line may contain is decided here, and everything
//! that is not a plain command, a granted operator or a redirection is refused by name.
//!
//! No shell reads the line after this: the executor starts exactly the words that came out. Where this reading and some
//! shell's differ, the result is a command that does something else than its author meant, never one that was not checked.

mod expand;
mod lower;
mod screen;
mod word;

use windlass_config::settings::Operator;

use crate::{plan::When, rules::Denial};

pub(crate) use expand::{Expansion, expand, expand_target};
pub(crate) use word::{Part, Word};

/// Bytes of the line, first and one past the last.
pub(crate) type Span = (usize, usize);

/// A line as written: nothing expanded, nothing checked against a rule.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub steps: Vec<LineStep>,
}

/// A pipeline as written.
#[derive(Debug, Clone)]
pub(crate) struct LineStep {
    pub when: When,
    pub negated: bool,
    pub pipeline: Vec<LineCommand>,
}

/// A command as written.
#[derive(Debug, Clone)]
pub(crate) struct LineCommand {
    /// Program and arguments; never empty.
    pub words: Vec<Word>,
    pub redirects: Vec<LineRedirect>,
    pub span: Span,
}

/// A redirection as written.
#[derive(Debug, Clone)]
pub(crate) enum LineRedirect {
    Read { from: Word },
    Write { fd: u8, to: Word, append: bool },
    Duplicate { fd: u8, from: u8 },
}

impl Line {
    /// One command whose arguments are given, not written: nothing in them is syntax.
    pub(crate) fn of_argv(argv: &[String]) -> Result<Self, Denial> {
        if argv.is_empty() {
            return Err(screen::nothing_to_run());
        }
        screen::amount(argv.iter().map(String::len).sum(), argv.len())?;
        for argument in argv {
            screen::characters(argument).map_err(|denial| Denial { span: None, ..denial })?;
        }
        let words = argv.iter().map(|text| Word::literal(text)).collect();
        let command = LineCommand { words, redirects: Vec::new(), span: (0, 0) };
        Ok(Self { steps: vec![LineStep { when: When::Always, negated: false, pipeline: vec![command] }] })
    }

    /// The operators the line uses, each with the span of the command after it.
    pub(crate) fn operators(&self) -> Vec<(Operator, Span)> {
        let mut used = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            let at = step.pipeline[0].span;
            match step.when {
                When::Always if index == 0 => {}
                When::Always => used.push((Operator::Sequence, at)),
                When::IfSucceeded => used.push((Operator::And, at)),
                When::IfFailed => used.push((Operator::Or, at)),
            }
            if step.negated {
                used.push((Operator::Not, at));
            }
            used.extend(step.pipeline.iter().skip(1).map(|command| (Operator::Pipe, command.span)));
        }
        used
    }
}

/// Reads a line.
pub(crate) fn parse(text: &str) -> Result<Line, Denial> {
    screen::characters(text)?;
    let text = screen::Text::new(text);
    let tokens = screen::tokens(&text)?;
    lower::lower(&tokens, &text)
}
