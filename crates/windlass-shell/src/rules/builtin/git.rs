//! git, whose configuration is code. What a rule lets through is a list of subcommands, each without the flags that run
//! programs; what the repository's own configuration could run is switched off through the environment.

use super::{Builtin, KNOWN, Verdict};
use crate::rules::flags::{Flag, Spelling};

pub(super) const TABLE: &[Builtin] = &[Builtin {
    names: &["git"],
    verdict: Verdict::Without(&[]),
    operands: &[
        "ext::*",
        "fd::*",
        "*=ext::*",
        "*=fd::*",
        "--upload-pack*",
        "--upload-p*",
        "--receive-pack*",
        "--receive-p*",
    ],
    leading: &["--no-pager", "-P", "--no-optional-locks", "--literal-pathspecs"],
    environment: &[
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_PAGER", "cat"),
        ("GIT_EDITOR", "false"),
        ("GIT_SEQUENCE_EDITOR", "false"),
        ("GIT_ASKPASS", "false"),
        ("GIT_ALLOW_PROTOCOL", "file:git:http:https"),
        ("GIT_CONFIG_COUNT", "7"),
        ("GIT_CONFIG_KEY_0", "core.fsmonitor"),
        ("GIT_CONFIG_VALUE_0", "false"),
        ("GIT_CONFIG_KEY_1", "core.hooksPath"),
        ("GIT_CONFIG_VALUE_1", "/dev/null"),
        ("GIT_CONFIG_KEY_2", "gpg.program"),
        ("GIT_CONFIG_VALUE_2", "false"),
        ("GIT_CONFIG_KEY_3", "core.alternateRefsCommand"),
        ("GIT_CONFIG_VALUE_3", "false"),
        ("GIT_CONFIG_KEY_4", "gc.auto"),
        ("GIT_CONFIG_VALUE_4", "0"),
        ("GIT_CONFIG_KEY_5", "core.sshCommand"),
        ("GIT_CONFIG_VALUE_5", "false"),
        // A directory somebody filled with `config`, `HEAD` and `objects` is not taken for a repository.
        ("GIT_CONFIG_KEY_6", "safe.bareRepository"),
        ("GIT_CONFIG_VALUE_6", "explicit"),
    ],
    check: Some(subcommand),
    ..KNOWN
}];

/// Flags before the subcommand that are harmless. The rest (`-c`, `--exec-path`, `--config-env`, `-p`, ...) is not.
const GLOBAL: &[&str] =
    &["--no-pager", "-P", "--no-optional-locks", "--literal-pathspecs", "--version", "--no-replace-objects", "-v"];

/// Subcommands, with the flags of each that run programs or reach past the path rules.
const SUBCOMMANDS: &[(&[&str], &[&str])] = &[
    (
        &[
            "status",
            "ls-files",
            "ls-tree",
            "rev-parse",
            "rev-list",
            "describe",
            "name-rev",
            "merge-base",
            "show-ref",
            "for-each-ref",
            "count-objects",
            "fsck",
            "reflog",
            "cherry",
            "var",
            "version",
            "check-ignore",
            "check-attr",
            "check-ref-format",
            "shortlog",
            "symbolic-ref",
            "show-branch",
            "verify-pack",
            "diff-tree",
            "diff-index",
            "diff-files",
            "patch-id",
            "stripspace",
        ],
        &["--ext-diff", "--textconv", "--exec", "--run"],
    ),
    (
        &["log", "show", "diff", "whatchanged", "blame", "annotate", "range-diff"],
        &["--ext-diff", "--textconv", "--no-index"],
    ),
    (&["cat-file"], &["--textconv", "--filters"]),
    (&["grep"], &["-O|--open-files-in-pager", "--textconv", "--no-index", "--ext-grep"]),
    (
        &["add", "rm", "mv", "restore", "checkout", "switch", "stage"],
        &["-i|--interactive", "-p|--patch", "-e|--edit", "--pathspec-from-file"],
    ),
    (
        &["commit"],
        &[
            "-e|--edit",
            "-t|--template",
            "-p|--patch",
            "--interactive",
            "--pathspec-from-file",
            "-S|--gpg-sign",
            "--trailer",
        ],
    ),
    (&["branch"], &["--edit-description"]),
    (&["tag"], &["-s|--sign", "-u|--local-user", "-v|--verify", "-e|--edit"]),
    (&["merge", "cherry-pick", "revert"], &["-s|--strategy", "-S|--gpg-sign", "-e|--edit", "--verify-signatures"]),
    (&["rebase"], &["-x|--exec", "-i|--interactive", "-s|--strategy", "--edit-todo", "-S|--gpg-sign"]),
    (&["reset", "stash"], &["-p|--patch", "--pathspec-from-file"]),
    (&["clean"], &["-i|--interactive"]),
    (
        &["worktree", "notes", "sparse-checkout", "remote", "hash-object", "gc", "prune", "repack"],
        &["--filters", "--detach"],
    ),
    (&["init"], &["--template", "--separate-git-dir"]),
    (
        &["clone"],
        &[
            "-u",
            "-c|--config",
            "--template",
            "--separate-git-dir",
            "--recurse-submodules",
            "--recursive",
            "--bundle-uri",
            "--reference*",
        ],
    ),
    (
        &["fetch", "pull", "push", "ls-remote"],
        &["--exec", "-u", "-s|--strategy", "--recurse-submodules", "-S|--gpg-sign", "--verify-signatures"],
    ),
    (&["format-patch", "archive"], &["--remote", "--exec", "--ext-diff", "--textconv"]),
    (&["apply"], &["--unsafe-paths"]),
];

fn subcommand(arguments: &[String]) -> Result<(), String> {
    let mut rest = arguments.iter();
    let name = loop {
        match rest.next().map(String::as_str) {
            None => return Ok(()),
            // A directory is checked as a path like any other.
            Some("-C") => {
                rest.next();
            }
            Some(flag) if GLOBAL.contains(&flag) => {}
            Some(flag) if flag.starts_with('-') => {
                return Err(format!("`{flag}` before git's subcommand can change what git runs"));
            }
            Some(name) => break name,
        }
    };
    let Some((_, refused)) = SUBCOMMANDS.iter().find(|(names, _)| names.contains(&name)) else {
        return Err(format!("`git {name}` is not among the subcommands known to run nothing else"));
    };
    // For push, `-u` sets the upstream; it is --upload-pack only for clone and its like.
    let refused = refused.iter().filter(|flag| !(**flag == "-u" && matches!(name, "push" | "pull" | "fetch")));
    // Whatever can show a diff or a log can also write it, with any content (`--format`), over any file: the repository's
    // own configuration, which is code, among them. For `archive` a file is the purpose.
    let refused = refused.chain((name != "archive").then_some(&"--output"));
    let rest: Vec<_> = rest.collect();
    for flag in refused {
        let flag = Flag::new(flag)?;
        let spelling = Spelling { values: values_of(name), ..Spelling::GNU };
        if let Some(argument) = rest.iter().find(|text| flag.is_in(text, 1, spelling)) {
            return Err(flag.found_in(argument));
        }
    }
    Ok(())
}

/// Short flags that take the rest of their bundle, where text follows that would be taken for flags.
fn values_of(subcommand: &str) -> &'static str {
    match subcommand {
        "commit" => "mFCc",
        "log" | "show" | "diff" => "SGLnUOM",
        "tag" => "mF",
        "merge" => "mX",
        "grep" => "eABCmf",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Known, *};

    fn allowed(line: &str) -> bool {
        let arguments: Vec<_> = line.split(' ').map(str::to_owned).collect();
        Known::new(&TABLE[0]).unwrap().check(&arguments).is_ok()
    }

    #[test]
    fn git_is_git_and_nothing_else() {
        for line in [
            "status",
            "status --short",
            "--no-pager log --oneline",
            "-C sub log -p",
            "add .",
            "add -A",
            "commit -m message",
            "commit -am fix",
            "push -u origin main",
            "diff HEAD~1 -- src",
            "log -Sneedle",
            "diff --output-indicator-new=+",
            "archive --output=x.tar HEAD",
            "show HEAD:file",
            "rebase main",
            "clone https://example.com/x.git",
        ] {
            assert!(allowed(line), "{line}");
        }
        for line in [
            "-c core.pager=sh log",
            "-ccore.pager=sh log",
            "--exec-path=/tmp log",
            "--config-env=a=B log",
            "-p log",
            "--paginate log",
            "config core.pager sh",
            "bisect run sh",
            "rebase -x id main",
            "rebase --exec=id main",
            "rebase --ex id",
            "rebase -ix id",
            "grep -Osh x",
            "grep --open-files-in-pager=sh x",
            "clone ext::sh",
            "clone --upload-pack=sh x",
            "clone -u sh x",
            "clone -c a=b x",
            "ls-remote --upload-pack=id x",
            "fetch --upload-pa=id x",
            "push --receive-pack=id x",
            "push --exec=id x",
            "diff --no-index a b",
            "submodule foreach id",
            "difftool -x id",
            "help -a",
            "filter-branch x",
            "archive --remote=x --exec=id",
            "daemon",
            "-C x -c a=b log",
            "log --ext-diff",
            "log -1 --format=tformat:[filter] --output=.git/config",
            "diff --output .git/config",
            "show --outp=x",
            "stash show -p --output=x",
            "shortlog --output=x",
            "merge -s evil x",
            "commit --interactive",
            "fetch ext::sh",
            "alias-of-something",
            "commit --template=x",
        ] {
            assert!(!allowed(line), "{line}");
        }
    }
}
