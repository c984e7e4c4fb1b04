//! From the parser's tree to [`Line`]. What the tree can hold and a [`Line`] cannot is refused.

use brush_parser::{
    ParserOptions, Token,
    ast::{
        self, CommandPrefixOrSuffixItem as Item, IoFileRedirectKind as Kind, IoFileRedirectTarget as Target,
        SourceLocation,
    },
};

use super::{
    Line, LineCommand, LineRedirect, LineStep, Span, Word,
    screen::{Text, nothing_to_run, refuse},
    word,
};
use crate::{plan::When, rules::Denial};

/// Commands in one line.
const MAX_COMMANDS: usize = 100;

pub(super) fn lower(tokens: &[Token], text: &Text) -> Result<Line, Denial> {
    let options = ParserOptions {
        enable_extended_globbing: false,
        tilde_expansion_at_word_start: false,
        ..ParserOptions::default()
    };
    let program = brush_parser::parse_tokens(tokens, &options).map_err(|_| {
        Denial::new("the line is not a valid command line").hint("check quotes, operators and redirections")
    })?;
    let mut steps = Vec::new();
    for ast::CompoundListItem(and_or, separator) in program.complete_commands.iter().flat_map(|list| &list.0) {
        if matches!(separator, ast::SeparatorOperator::Async) {
            let hint = "use start_command for long work";
            return Err(refuse("running in the background with `&`", hint, span_of(and_or, text)));
        }
        steps.push(step(When::Always, &and_or.first, text)?);
        for next in &and_or.additional {
            steps.push(match next {
                ast::AndOr::And(pipeline) => step(When::IfSucceeded, pipeline, text)?,
                ast::AndOr::Or(pipeline) => step(When::IfFailed, pipeline, text)?,
            });
        }
    }
    if steps.is_empty() {
        return Err(nothing_to_run());
    }
    if steps.iter().map(|step| step.pipeline.len()).sum::<usize>() > MAX_COMMANDS {
        return Err(
            Denial::new(format!("the line has more than {MAX_COMMANDS} commands")).hint("run them in several calls")
        );
    }
    Ok(Line { steps })
}

fn step(when: When, pipeline: &ast::Pipeline, text: &Text) -> Result<LineStep, Denial> {
    if pipeline.timed.is_some() {
        let hint = "leave it out: every answer carries the duration";
        return Err(refuse("`time`", hint, span_of(pipeline, text)));
    }
    let commands: Vec<_> = pipeline.seq.iter().map(|part| command(part, text)).collect::<Result<_, _>>()?;
    if commands.is_empty() {
        return Err(nothing_to_run());
    }
    Ok(LineStep { when, negated: pipeline.bang, pipeline: commands })
}

fn command(command: &ast::Command, text: &Text) -> Result<LineCommand, Denial> {
    let span = span_of(command, text);
    let ast::Command::Simple(simple) = command else {
        return Err(refuse("a compound command", "run the commands one by one, each in its own call", span));
    };
    let mut words = Vec::new();
    let mut redirects = Vec::new();
    for item in simple.prefix.iter().flat_map(|prefix| &prefix.0) {
        match item {
            Item::IoRedirect(redirect) => push_redirect(&mut redirects, redirect, text, span)?,
            _ => {
                let hint = "give variables in the call's `env`";
                return Err(refuse("an assignment before a command", hint, span));
            }
        }
    }
    let name = simple.word_or_name.as_ref().ok_or_else(nothing_to_run)?;
    words.push(read(name, text, span)?);
    for item in simple.suffix.iter().flat_map(|suffix| &suffix.0) {
        match item {
            Item::IoRedirect(redirect) => push_redirect(&mut redirects, redirect, text, span)?,
            Item::Word(word) | Item::AssignmentWord(_, word) => words.push(read(word, text, span)?),
            Item::ProcessSubstitution(..) => return Err(process_substitution(span)),
        }
    }
    Ok(LineCommand { words, redirects, span })
}

fn push_redirect(
    into: &mut Vec<LineRedirect>,
    redirect: &ast::IoRedirect,
    text: &Text,
    span: Span,
) -> Result<(), Denial> {
    let word = |word: &ast::Word| read(word, text, span);
    match redirect {
        ast::IoRedirect::File(fd, kind, Target::Filename(target)) => into.push(match (kind, fd) {
            (Kind::Read, None | Some(0)) => LineRedirect::Read { from: word(target)? },
            (Kind::Write | Kind::Clobber, _) => {
                LineRedirect::Write { fd: output(*fd, span)?, to: word(target)?, append: false }
            }
            (Kind::Append, _) => LineRedirect::Write { fd: output(*fd, span)?, to: word(target)?, append: true },
            _ => return Err(other_descriptor(span)),
        }),
        ast::IoRedirect::File(fd, Kind::DuplicateOutput, Target::Fd(from)) => {
            into.push(LineRedirect::Duplicate { fd: output(*fd, span)?, from: output(Some(*from), span)? });
        }
        ast::IoRedirect::File(fd, Kind::DuplicateOutput, Target::Duplicate(from)) => {
            let from = match word(from)?.as_literal().as_deref() {
                Some("1") => 1,
                Some("2") => 2,
                _ => return Err(other_descriptor(span)),
            };
            into.push(LineRedirect::Duplicate { fd: output(*fd, span)?, from });
        }
        ast::IoRedirect::OutputAndError(target, append) => {
            into.push(LineRedirect::Write { fd: 1, to: word(target)?, append: *append });
            into.push(LineRedirect::Duplicate { fd: 2, from: 1 });
        }
        ast::IoRedirect::File(_, _, Target::ProcessSubstitution(..)) => return Err(process_substitution(span)),
        ast::IoRedirect::HereDocument(..) | ast::IoRedirect::HereString(..) => {
            return Err(refuse("a here-document", "give the text as standard input (`stdin`)", span));
        }
        ast::IoRedirect::File(..) => return Err(other_descriptor(span)),
    }
    Ok(())
}

fn output(fd: Option<i32>, span: Span) -> Result<u8, Denial> {
    match fd {
        None | Some(1) => Ok(1),
        Some(2) => Ok(2),
        _ => Err(other_descriptor(span)),
    }
}

fn other_descriptor(span: Span) -> Denial {
    refuse("this redirection", "only `<`, `>`, `>>`, `2>`, `2>>`, `&>`, `2>&1` and `1>&2` are known", span)
}

fn process_substitution(span: Span) -> Denial {
    refuse("process substitution", "run the inner command on its own first", span)
}

fn read(source: &ast::Word, text: &Text, command: Span) -> Result<Word, Denial> {
    let span = source.loc.as_ref().map_or(command, |loc| text.span(loc.start.index, loc.end.index));
    word::read(&source.value, span)
}

fn span_of(node: &impl SourceLocation, text: &Text) -> Span {
    node.location().map_or(text.whole(), |loc| text.span(loc.start.index, loc.end.index))
}
