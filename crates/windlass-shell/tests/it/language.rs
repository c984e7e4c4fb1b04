//! Properties of reading a line: nothing crashes, what is planned is what was checked, and quoting means what it means
//! to a shell.

use std::process::Command;

use proptest::prelude::*;
use windlass_shell::{explain::explain, plan::Plan};

use crate::fixture::{Fixture, argvs, quoted};

/// Pieces nasty lines are made of.
const PIECES: &[&str] = &[
    "ls",
    "cat",
    "echo",
    "git",
    "find",
    "rm",
    "tar",
    "sed",
    "id",
    "sh",
    " ",
    " ",
    " ",
    "\t",
    "\n",
    ";",
    "&",
    "&&",
    "|",
    "||",
    "|&",
    "(",
    ")",
    "{",
    "}",
    "<",
    ">",
    ">>",
    "<<",
    "<<<",
    "<>",
    ">&",
    "<&",
    "&>",
    ">|",
    "2>&1",
    "1",
    "2",
    "99999999999",
    "'",
    "\"",
    "\\",
    "`",
    "$",
    "$(",
    "${",
    "$((",
    "$[",
    "))",
    "$'",
    "$\"",
    "$GREETING",
    "${GREETING}",
    "$IFS",
    "*",
    "?",
    "[",
    "]",
    "[a-",
    "~",
    "#",
    "!",
    "=",
    "A=1 ",
    ",",
    "..",
    "/",
    "../",
    "/etc/passwd",
    "/dev/null",
    "-",
    "--",
    "-exec",
    "-c",
    "sub/a.txt",
    "leak",
    "if ",
    "then ",
    "fi",
    "for ",
    "do ",
    "done",
    "case ",
    "esac",
    "function ",
    "coproc ",
    "time ",
    "[[ ",
    "]]",
    "\0",
    "\r",
    "\u{a0}",
    "\u{202e}",
    "é",
    "🦀",
    "EOF",
    "EOF\n",
    "x",
    "0",
];

fn nasty() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::collection::vec(prop::sample::select(PIECES), 0..24).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
    ]
}

/// What every plan must satisfy, whatever line it came from.
fn check_plan(fixture: &Fixture, rules: &str, plan: &Plan) {
    let rules = fixture.rules(rules);
    let programs: Vec<_> = rules.list().into_iter().filter_map(|rule| rule.path).collect();
    assert!(!plan.steps.is_empty());
    for command in plan.steps.iter().flat_map(|step| &step.pipeline) {
        assert!(programs.contains(&command.program), "{command:?}");
        let again = rules.plan_argv(&command.argv, &fixture.root).unwrap();
        assert_eq!((again.steps.len(), again.steps[0].pipeline.len()), (1, 1));
        let replanned = &again.steps[0].pipeline[0];
        assert_eq!(
            (&replanned.argv, &replanned.program, &replanned.environment),
            (&command.argv, &command.program, &command.environment)
        );
        let line = command.argv.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        assert_eq!(rules.plan_line(&line, &fixture.root).unwrap(), again, "{line}");
    }
}

#[test]
fn what_is_explained_is_what_is_planned_is_what_was_checked() {
    let fixture = Fixture::new();
    let config = ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(line in nasty(), generous in any::<bool>())| {
        let rules = if generous { "generous" } else { "strict" };
        let explained = explain(fixture.rules(rules), &line, &fixture.root);
        match fixture.plan(rules, &line) {
            Ok(plan) => {
                check_plan(&fixture, rules, &plan);
                prop_assert!(explained.allowed);
                let words: Vec<_> = explained.commands.into_iter().map(|command| command.argv).collect();
                prop_assert_eq!(words, argvs(&plan));
            }
            Err(denial) => {
                prop_assert!(!explained.allowed);
                prop_assert!(!denial.reason.is_empty());
                if let Some((start, end)) = denial.span {
                    prop_assert!(line.get(start..end).is_some());
                }
            }
        }
    });
}

/// One argument as somebody might write it.
fn written() -> impl Strategy<Value = String> {
    let text = "[a-z $`\"\\\\;|&<>(){}*?!#~é=,.-]{0,8}";
    prop_oneof![
        text.prop_map(|text| quoted(&text)),
        "[a-z ;|&<>(){}*?!#~é=,.'-]{0,8}".prop_map(|text| format!("\"{text}\"")),
        text.prop_map(|text| text.chars().map(|c| format!("\\{c}")).collect()),
        "[a-zé=,.%+:@^-]{1,8}",
    ]
}

#[test]
fn quoting_means_what_it_means_to_a_shell() {
    let fixture = Fixture::new();
    let words = prop::collection::vec(prop::collection::vec(written(), 1..4).prop_map(|parts| parts.concat()), 1..8);
    let lines = prop::collection::vec(words, 120..=120);
    let config = ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(lines in lines)| {
        // One shell reads all the lines of a case: each prints its arguments, ended by null bytes, then a mark.
        let mut script = String::new();
        let mut ours = Vec::new();
        for words in &lines {
            let line = words.join(" ");
            let Ok(plan) = fixture.plan("strict", &format!("echo {line}")) else { continue };
            script.push_str(&format!("printf '%s\\0' {line} END\n"));
            ours.extend(argvs(&plan).remove(0).into_iter().skip(1));
            ours.push("END".to_owned());
        }
        let output = Command::new("/bin/sh").arg("-c").arg(&script).env_clear().output().unwrap();
        let theirs: Vec<_> = String::from_utf8(output.stdout).unwrap().split_terminator('\0').map(str::to_owned).collect();
        prop_assert!(ours.iter().filter(|word| *word == "END").count() > 60, "too few lines are allowed to compare");
        prop_assert_eq!(ours, theirs);
    });
}

#[test]
fn nesting_costs_neither_stack_nor_time() {
    let fixture = Fixture::new();
    let pieces = [
        "$(",
        "${a:-",
        "$((",
        "$[",
        "(",
        "{ ",
        "`",
        "((",
        "if ",
        "coproc ",
        "! ",
        "case x in ",
        "\"$(",
        "<(",
        "f() ",
        "function f ",
        "[[ ( ",
        "a=(",
        "a ",
        "a;",
        "a|",
        "<a ",
        ">&1 ",
        "\\\n",
        "\"\"",
        "'' ",
        "{,",
        "[",
        "*",
        "~",
        "<<a ",
    ];
    for piece in pieces {
        for count in [30, 40, 1000, 10_000] {
            for line in [piece.repeat(count), format!("echo {}", piece.repeat(count))] {
                let started = std::time::Instant::now();
                let _ = fixture.plan("generous", &line);
                assert!(started.elapsed().as_secs() < 5, "{count} times {piece:?}: {:?}", started.elapsed());
            }
        }
    }
}
