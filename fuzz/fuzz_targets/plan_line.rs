//! Feeds arbitrary text to the reading and the rules of command lines. Whatever comes out as a plan must be made of
//! approved programs only, and must survive being checked again: as words, and as a line in which every word is quoted.

#![no_main]

use std::{path::PathBuf, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use windlass_config::settings::{CommandRule, Operator, ShellSettings};
use windlass_shell::{explain::explain, rules::Rules};

struct Fixed {
    /// Grants nothing but plain commands.
    strict: Rules,
    /// Grants all there is to grant.
    generous: Rules,
    cwd: PathBuf,
}

static FIXED: LazyLock<Fixed> = LazyLock::new(|| {
    let root = std::env::temp_dir().join(format!("windlass-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(root.join("sub")).expect("a temporary directory can be made");
    for file in ["a.txt", "-rf", "sub/b.txt"] {
        std::fs::write(root.join(file), "x").expect("a temporary file can be written");
    }
    let programs = ["ls", "cat", "grep", "find", "echo", "rm", "tar", "sed", "sort", "git", "date"];
    let strict = ShellSettings {
        commands: programs.map(|name| CommandRule::Short(name.into())).to_vec(),
        ..ShellSettings::default()
    };
    let generous = ShellSettings {
        operators: [Operator::Pipe, Operator::And, Operator::Or, Operator::Sequence, Operator::Not].into(),
        redirects: true,
        globs: true,
        variables: ["A".to_owned()].into(),
        environment: [("A".to_owned(), "x y; id".to_owned())].into(),
        ..strict.clone()
    };
    let compile = |settings: &ShellSettings| Rules::compile(settings, &root).expect("the rules compile");
    let (strict, generous) = (compile(&strict), compile(&generous));
    let cwd = strict.check_directory(None).expect("the root is its own directory");
    Fixed { strict, generous, cwd }
});

fuzz_target!(|line: &str| {
    check(&FIXED.strict, line);
    check(&FIXED.generous, line);
});

fn check(rules: &Rules, line: &str) {
    let cwd = &FIXED.cwd;
    let explained = explain(rules, line, cwd);
    let plan = match rules.plan_line(line, cwd) {
        Ok(plan) => plan,
        Err(denial) => {
            assert!(!explained.allowed);
            assert!(denial.span.is_none_or(|(start, end)| line.get(start..end).is_some()));
            return;
        }
    };
    assert!(explained.allowed);
    let planned: Vec<_> = plan.steps.iter().flat_map(|step| &step.pipeline).collect();
    assert_eq!(planned.len(), explained.commands.len());
    let programs: Vec<_> = rules.list().into_iter().filter_map(|rule| rule.path).collect();
    for (command, explained) in planned.into_iter().zip(explained.commands) {
        assert_eq!(command.argv, explained.argv);
        assert!(programs.contains(&command.program));
        let again = rules.plan_argv(&command.argv, cwd).expect("what was planned is allowed as words");
        assert_eq!(again.steps[0].pipeline[0].argv, command.argv);
        assert_eq!(again.steps[0].pipeline[0].program, command.program);
        let line: Vec<_> = command.argv.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
        // Quoting may push a long line over the limit; nothing else may refuse it.
        match rules.plan_line(&line.join(" "), cwd) {
            Ok(quoted) => assert_eq!(quoted, again),
            Err(denial) => assert!(denial.reason.contains("longer than"), "{}", denial.reason),
        }
    }
}
