//! Rules as an operator writes them, and what they let through.

use std::{collections::BTreeMap, path::Path};

use windlass_config::settings::ShellSettings;
use windlass_shell::{explain::explain, rules::Rules};

use crate::fixture::Fixture;

fn settings(json: serde_json::Value) -> ShellSettings {
    serde_json::from_value(json).unwrap()
}

fn compile(json: serde_json::Value, base: &Path) -> Rules {
    Rules::compile(&settings(json), base).unwrap_or_else(|error| panic!("{error}"))
}

fn problems(json: serde_json::Value) -> String {
    let dir = tempfile::tempdir().unwrap();
    Rules::compile(&settings(json), dir.path())
        .unwrap_err()
        .to_string()
        .replace(&dir.path().display().to_string(), "DIR")
}

/// Checks which lines pass: those before `|` do, those after do not.
fn check(rules: &Rules, allowed: &[&str], denied: &[&str]) {
    let cwd = rules.check_directory(None).unwrap();
    for line in allowed {
        rules.plan_line(line, &cwd).unwrap_or_else(|denial| panic!("{line}: {} {:?}", denial.reason, denial.hint));
    }
    for line in denied {
        assert!(rules.plan_line(line, &cwd).is_err(), "{line}");
    }
}

#[test]
fn every_problem_is_named() {
    insta::assert_snapshot!(problems(serde_json::json!({
        "roots": ["missing"],
        "path": ["bin"],
        "commands": [
            "python3",
            "bash",
            "env",
            { "program": "ls", "shell": true },
            { "program": "ls", "flags": { "deny": ["verbose"] } },
            { "program": "./ls" },
            { "program": "" },
        ],
        "deny": [{ "program": "rm", "flags": ["r"] }],
        "allow_environment": ["LD_PRELOAD", "a b"],
        "variables": ["NOWHERE"],
    })), @r"
    shell.roots: `missing` is not a directory that can be used: No such file or directory (os error 2)
    shell.path: every entry must be an absolute directory
    shell.allow_environment: `LD_PRELOAD` changes which code commands run; set it in shell.environment if it must be
    shell: `a b` cannot be the name of a variable
    shell.variables: `NOWHERE` has no value; give it one in shell.environment
    shell.commands[0] `python3`: it is an interpreter: its arguments are a program; say `interpreter: true` if callers may run any code the sandbox lets pass
    shell.commands[1] `bash`: a shell runs whatever its argument says; approve the programs themselves, or grant shell strings with `shell: true`
    shell.commands[2] `env`: it runs the command in its arguments; say `interpreter: true` if callers may run any code the sandbox lets pass
    shell.commands[3] `ls`: `shell: true` is for shells; for other interpreters say `interpreter: true`
    shell.commands[4] `ls`: `verbose` is not a flag: it should look like -x, --name or -x|--name
    shell.commands[5] `./ls`: a program is a name or an absolute path
    shell.commands[6] ``: a rule needs a program
    shell.deny[0]: `r` is not a flag: it should look like -x, --name or -x|--name
    ");
}

#[test]
fn programs_that_run_code_need_the_word_interpreter() {
    for name in [
        "python3",
        "perl",
        "node",
        "awk",
        "env",
        "xargs",
        "sudo",
        "nohup",
        "timeout",
        "nice",
        "vim",
        "less",
        "man",
        "make",
        "docker",
        "ssh",
        "gdb",
        "nc",
        "socat",
        "sqlite3",
        "cargo",
        "npm",
        "watch",
        "time",
        "openssl",
        "ftp",
        "ed",
        "script",
        "flock",
        "setsid",
        "strace",
        "ruby",
        "php",
        "lua",
        "expect",
        "emacs",
        "tmux",
        "screen",
        "pip3",
        "go",
        "kubectl",
        "journalctl",
        "psql",
        "nmap",
    ] {
        let told = problems(serde_json::json!({ "commands": [name] }));
        assert!(told.contains("interpreter: true"), "{name}: {told}");
    }
    for name in ["sh", "bash", "dash", "zsh", "busybox", "fish"] {
        let told = problems(serde_json::json!({ "commands": [name] }));
        assert!(told.contains("shell: true"), "{name}: {told}");
        let told = problems(serde_json::json!({ "commands": [{ "program": name, "interpreter": true }] }));
        assert!(told.contains("shell: true"), "{name}: {told}");
    }
}

#[test]
fn an_interpreter_hides_behind_no_other_name() {
    let dir = tempfile::tempdir().unwrap();
    let bin = dir.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink("/bin/sh", bin.join("report")).unwrap();
    let json = serde_json::json!({ "path": [bin], "commands": ["report"] });
    let error = Rules::compile(&settings(json), dir.path()).unwrap_err().to_string();
    assert!(error.contains("a shell runs whatever"), "{error}");
}

#[test]
fn subcommands_arguments_and_flags() {
    let dir = tempfile::tempdir().unwrap();
    let rules = compile(
        serde_json::json!({ "commands": [
            "git status",
            { "program": "git", "subcommands": ["log", "remote show"], "flags": { "deny": ["-p|--patch"] } },
            { "program": "ls", "flags": { "allow": ["-l", "-a", "--color"] } },
            { "program": "echo", "arguments": ["build", "--jobs=?"] },
            { "program": "wc", "paths": "none" },
            { "program": "cat", "paths": "any" },
        ]}),
        dir.path(),
    );
    check(
        &rules,
        &[
            "git status",
            "git status --short",
            "git log -n 3",
            "git remote show origin",
            "git --no-pager log",
            "ls -la",
            "ls --color=never",
            "ls -- x",
            "echo build --jobs=4",
            "wc -l",
            "cat /etc/hostname",
        ],
        &[
            "git",
            "git push",
            "git remote",
            "git remote add x",
            "git log -p",
            "git log --pat",
            "git log -np",
            "ls -lR",
            "ls --all",
            "ls --colo",
            "echo build --jobs=12",
            "echo other",
            "wc ./x",
            "wc ..",
            "cat /proc/1/environ",
            "ls /",
            "git status /etc",
        ],
    );
}

#[test]
fn a_rule_may_grant_more_or_less_than_the_section() {
    let dir = tempfile::tempdir().unwrap();
    let rules = compile(
        serde_json::json!({
            "operators": ["pipe"],
            "commands": ["ls", "sort", { "program": "rm", "operators": [] }, { "program": "echo", "redirects": true, "operators": ["pipe", "and"] }],
        }),
        dir.path(),
    );
    check(
        &rules,
        &["ls | sort", "echo x > out", "echo x && echo y", "rm x"],
        &["ls && echo x", "ls > out", "rm x | sort", "echo x | rm y", "ls; ls"],
    );
}

#[test]
fn granted_shell_strings_run_and_nothing_else_changes() {
    let dir = tempfile::tempdir().unwrap();
    let rules = compile(serde_json::json!({ "commands": ["ls", { "program": "/bin/sh", "shell": true }] }), dir.path());
    check(
        &rules,
        &["sh -c 'id; cat /etc/passwd | wc -l'", "/bin/sh -c id", "ls"],
        &["ls; id", "bash -c id", "ls $(id)", "./sh -c id"],
    );
    assert_eq!(rules.unchecked(), ["/bin/sh"]);
    let cwd = rules.check_directory(None).unwrap();
    let plan = rules.plan_line("sh -c 'id; ls'", &cwd).unwrap();
    assert_eq!(plan.steps[0].pipeline[0].argv, ["sh", "-c", "id; ls"]);
}

#[test]
fn arguments_given_one_by_one_are_no_syntax_but_checked_alike() {
    let fixture = Fixture::new();
    let plan = |argv: &[&str]| {
        let argv: Vec<_> = argv.iter().map(|word| (*word).to_owned()).collect();
        fixture.generous.plan_argv(&argv, &fixture.root)
    };
    let planned = plan(&["echo", "$(id); `id` | x > y *", "$GREETING", "~", "{a,b}"]).unwrap();
    assert_eq!(planned.steps[0].pipeline[0].argv, ["echo", "$(id); `id` | x > y *", "$GREETING", "~", "{a,b}"]);
    for argv in [
        &["cat", "/etc/passwd"][..],
        &["find", ".", "-exec", "id", ";"],
        &["id"],
        &[],
        &["ls\0"],
        &["echo", "a\0b"],
        &["ls -la"],
    ] {
        assert!(plan(argv).is_err(), "{argv:?}");
    }
}

#[test]
fn the_working_directory_stays_inside() {
    let fixture = Fixture::new();
    let rules = &fixture.strict;
    assert_eq!(rules.check_directory(None).unwrap(), fixture.root);
    assert_eq!(rules.check_directory(Some("sub")).unwrap(), fixture.root.join("sub"));
    for dir in ["..", "/", "/etc", "sub/up", "missing", "asphalt.txt", "leak", "/proc/self", "a\0b", "loop"] {
        assert!(rules.check_directory(Some(dir)).is_err(), "{dir}");
    }
    // From a directory further down, `..` may lead up to the root and no further.
    let sub = fixture.root.join("sub");
    assert!(rules.plan_line("ls ..", &sub).is_ok());
    assert!(rules.plan_line("ls ../..", &sub).is_err());
}

#[test]
fn callers_set_only_what_is_named_and_harmless() {
    let dir = tempfile::tempdir().unwrap();
    let rules = compile(serde_json::json!({ "commands": ["ls"], "allow_environment": ["TZ", "CI"] }), dir.path());
    let check =
        |name: &str, value: &str| rules.check_environment(&BTreeMap::from([(name.to_owned(), value.to_owned())]));
    assert!(check("TZ", "UTC").is_ok());
    for (name, value) in [
        ("PATH", "/tmp/x"),
        ("LD_PRELOAD", "./x.so"),
        ("LANG", "C"),
        ("tz", "UTC"),
        ("TZ", "a\0b"),
        ("TZ=x", "y"),
        ("", "x"),
        ("BASH_ENV", "x"),
        ("GIT_SSH_COMMAND", "id"),
        ("TZ\n", "x"),
    ] {
        assert!(check(name, value).is_err(), "{name}");
    }
}

#[test]
fn redirections_hold_real_paths() {
    let fixture = Fixture::new();
    let plan = fixture.plan("generous", "sort < sub/../sub/a.txt 2>&1 >> sub/out.txt 2>/dev/null").unwrap();
    let seen = serde_json::to_string(&plan.steps[0].pipeline[0].redirects).unwrap();
    insta::assert_snapshot!(seen.replace(fixture.root.to_str().unwrap(), "ROOT"), @r#"[{"kind":"read","path":"ROOT/sub/a.txt"},{"kind":"duplicate","fd":2,"from":1},{"kind":"write","fd":1,"path":"ROOT/sub/out.txt","append":true},{"kind":"null","fd":2}]"#);
}

#[test]
fn write_roots_bound_redirections() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("out")).unwrap();
    let rules = compile(
        serde_json::json!({ "commands": ["echo", "cat"], "redirects": true, "write_roots": ["out"] }),
        dir.path(),
    );
    check(&rules, &["echo x > out/a", "cat < a"], &["echo x > a", "echo x > out/../a"]);
}

#[test]
fn git_is_kept_from_running_what_its_configuration_says() {
    let fixture = Fixture::new();
    let plan = fixture.plan("strict", "git status").unwrap();
    let environment: BTreeMap<_, _> = plan.steps[0].pipeline[0].environment.clone().into_iter().collect();
    let count: usize = environment["GIT_CONFIG_COUNT"].parse().unwrap();
    let keys: Vec<_> = (0..count).map(|n| environment[&format!("GIT_CONFIG_KEY_{n}")].as_str()).collect();
    assert!(keys.contains(&"core.fsmonitor") && keys.contains(&"core.hooksPath"), "{keys:?}");
    assert!(!environment.contains_key(&format!("GIT_CONFIG_KEY_{count}")));
}

#[test]
fn no_program_follows_the_links_it_finds_below_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/etc", dir.path().join("out")).unwrap();
    let rules =
        compile(serde_json::json!({ "commands": ["grep", "find", "ls", "du", "cp", "tar", "diff"] }), dir.path());
    check(
        &rules,
        &["grep -rn root ."],
        &[
            "grep -R root .",
            "grep -nR root .",
            "grep --deref x .",
            "find -L .",
            "find . -follow",
            "ls -RL",
            "ls --deref .",
        ],
    );
    check(
        &rules,
        &[
            "find . -name x",
            "ls -lR .",
            "du -sh .",
            "cp -r a b",
            "tar cf x.tar a",
            "tar czf x.tar a",
            "diff -r --no-dereference a b",
            "diff a b",
        ],
        &["du -L .", "cp -rL a b", "tar chf x.tar a", "tar -cf x.tar --deref a", "diff -r a b", "diff -ur a b"],
    );
}

#[test]
fn what_git_runs_is_not_written_by_others() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join(".git/hooks")).unwrap();
    std::os::unix::fs::symlink(".git", dir.path().join("innocent")).unwrap();
    let rules = compile(
        serde_json::json!({ "commands": ["cat", "ls", "cp", "tee", "sort", "sed", "dd", "echo", "mv"], "redirects": true }),
        dir.path(),
    );
    check(
        &rules,
        &["cat .git/config", "ls .git", "cp a .gitignore", "tee .github/x", "echo .git/config", "echo x > .gitignore"],
        &[
            "cp a .git/config",
            "tee .git/hooks/pre-commit",
            "tee innocent/config",
            "tee sub/../.git/config",
            "tee .GIT/config",
            "sort -o .git/config a",
            "sort --output=.git/config a",
            "sed -i s/a/b/ .git/config",
            "dd of=.git/config",
            "mv a .git",
            "echo x > .git/config",
            "echo x >> innocent/config",
        ],
    );
}

#[test]
fn a_program_that_is_not_installed_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let rules = compile(serde_json::json!({ "commands": ["ls", "no-such-program"] }), dir.path());
    assert_eq!(rules.missing(), ["no-such-program"]);
    let denial = rules.plan_line("no-such-program", dir.path()).unwrap_err();
    assert!(denial.reason.contains("not installed"), "{}", denial.reason);
}

#[test]
fn what_a_model_reads() {
    let fixture = Fixture::new();
    let told = |line: &str| {
        explain(&fixture.strict, line, &fixture.root).to_string().replace(fixture.root.to_str().unwrap(), "ROOT")
    };
    let lines =
        ["ls; id", "echo $(id)", "cat /etc/passwd", "find . -exec id {} +", "cd sub", "ls *.txt", "echo 'a b' c"];
    insta::assert_snapshot!(lines.map(told).join("\n\n"), @r#"
    denied
    - ls
      denied: `;` or a new line between commands is not granted together with `ls` (rule `ls`)
      hint: run the commands one by one, each in its own call
    - id
      denied: no rule allows `id`
      hint: list_commands shows what is allowed

    denied
      denied: command substitution `$(...)` is not available: the line is run without a shell
      hint: run the inner command on its own first

    denied
    - cat /etc/passwd
      denied: the path `/etc/passwd` leads outside the allowed directories (rule `cat`)
      hint: stay inside `ROOT`

    denied
    - find . -exec id {} +
      denied: `find` is not allowed with these arguments: `-exec` is refused (rule `find`)
      hint: leave that argument out; these rules come with the server

    denied
    - cd sub
      denied: no rule allows `cd`
      hint: use the call's `working_directory`

    denied
    - ls *.txt
      denied: a wildcard (`*`, `?`, `[...]`) outside quotes is not available: the line is run without a shell (rule `ls`)
      hint: quote it if it is text, or name the files

    allowed
    - echo 'a b' c
      runs /usr/bin/echo with ["a b", "c"] under the rule `echo`
    "#);
}

#[test]
fn what_list_commands_shows() {
    let dir = tempfile::tempdir().unwrap();
    let rules = compile(
        serde_json::json!({
            "operators": ["pipe", "and"], "globs": true,
            "commands": ["ls", { "program": "git", "subcommands": ["log", "diff"], "flags": { "deny": ["-p"] } }, { "program": "cat", "paths": "none", "operators": [] }],
        }),
        dir.path(),
    );
    let lines: Vec<_> = rules
        .list()
        .iter()
        .map(|rule| format!("{}: {} [{}]", rule.rule, rule.arguments.join("; "), rule.grants.join(" ")))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    ls: paths inside the allowed directories; nothing that makes it run other programs [| && globs]
    git log|diff: begins with log or diff; not the flags -p; paths inside the allowed directories; nothing that makes it run other programs [| && globs]
    cat: no paths; nothing that makes it run other programs [globs]
    ");
}

#[test]
fn the_documented_section_compiles() {
    let page = include_str!("../../../../docs/toolsets/shell-rules.md");
    let yaml = page.split("```").find_map(|block| block.strip_prefix("yaml\n")).unwrap();
    let settings: windlass_config::Settings = serde_saphyr::from_str(yaml).unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("build")).unwrap();
    let rules = Rules::compile(&settings.shell.unwrap(), dir.path()).unwrap();
    check(
        &rules,
        &["ls | wc -l", "git status", "git log && ls"],
        &["ls; ls", "git push", "git log -p", "wc ./x", "rm x"],
    );
}

#[test]
fn a_short_line_makes_little_work() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..900 {
        std::fs::write(dir.path().join(format!("f{number}")), "").unwrap();
    }
    let rules = compile(
        serde_json::json!({ "commands": ["ls", "grep", "cat"], "globs": true, "operators": ["sequence"] }),
        dir.path(),
    );
    let start = std::time::Instant::now();
    let refusal = |line: &str| rules.plan_line(line, dir.path()).unwrap_err().reason;
    assert!(refusal(&format!("ls {}", "* ".repeat(5000))).contains("more than 4000 arguments"));
    assert!(refusal(&"ls *;".repeat(3000)).contains("more than 100 commands"));
    assert!(refusal(&format!("cat {}{}", ":".repeat(4000), "/a".repeat(4000))).contains("too many paths"));
    let words = |count| [vec!["grep".to_owned()], vec!["a".to_owned(); count]].concat();
    assert!(rules.plan_argv(&words(8000), dir.path()).is_ok());
    assert!(rules.plan_argv(&words(9000), dir.path()).unwrap_err().reason.contains("words"));
    assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
}
