//! Seed 4's lists (`MCP_ALLOWED_COMMANDS`, `MCP_BLOCKED_COMMANDS`) as rules on arguments. There, the allow list was a list
//! of prefixes of the line and the block list one of pieces of it, and the line went to a shell. Here an entry approves a
//! program, with the first arguments it names. Every difference a user could meet is named in the notes.

use std::path::Path;

use windlass_config::settings::{CommandRule, DenyRule, DenySettings, ShellSettings};

use crate::rules::{Pattern, Rules};

/// Rules made from the lists, and what is different now.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The settings; everything but `commands` and `deny` is at its default.
    pub settings: ShellSettings,
    /// One sentence for each difference, for the log at start.
    pub notes: Vec<String>,
}

/// Imports the lists: comma-separated, as the variables hold them. `base` is the directory commands will run in.
pub fn import(allowed: Option<&str>, blocked: Option<&str>, base: &Path) -> Imported {
    let mut imported = Imported { settings: ShellSettings::default(), notes: Vec::new() };
    let allowed = entries(allowed);
    if allowed.is_empty() {
        imported
            .note("MCP_ALLOWED_COMMANDS is empty: that allowed everything, and now allows nothing. Name the programs");
    } else {
        imported
            .note("MCP_ALLOWED_COMMANDS: an entry is now a program, not a prefix: `ls` no longer lets `lsof` through");
        imported.note("commands run one at a time and without a shell: `;`, `&&`, `|`, `>`, `$(...)`, `$NAME` and `*` are refused. Grant operators, redirects, variables and globs in windlass.yaml");
        imported.note(format!("path arguments must lie inside {}: set shell.roots to allow more", base.display()));
    }
    for entry in allowed {
        imported.allow(entry, base);
    }
    for entry in entries(blocked) {
        imported.block(entry);
    }
    imported
}

fn entries(list: Option<&str>) -> Vec<&str> {
    list.unwrap_or_default().split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect()
}

impl Imported {
    fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    fn allow(&mut self, entry: &str, base: &Path) {
        let rule = CommandRule::Short(entry.to_owned());
        if self.settings.commands.contains(&rule) {
            return;
        }
        let alone = ShellSettings { commands: vec![rule.clone()], ..ShellSettings::default() };
        match Rules::compile(&alone, base) {
            Ok(rules) => {
                if !rules.missing().is_empty() {
                    self.note(format!(
                        "MCP_ALLOWED_COMMANDS `{entry}`: not installed in /usr/local/bin, /usr/bin or /bin"
                    ));
                }
                self.settings.commands.push(rule);
            }
            Err(error) => {
                let problem = error
                    .problems
                    .iter()
                    .find_map(|problem| problem.split_once("`: "))
                    .map_or_else(|| error.to_string(), |(_, problem)| problem.to_owned());
                self.note(format!("MCP_ALLOWED_COMMANDS `{entry}` is left out: {problem}"));
            }
        }
    }

    fn block(&mut self, entry: &str) {
        let mut words = entry.split_whitespace();
        let Some(program) = words.next() else { return };
        if !program.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '+')) {
            self.note(format!(
                "MCP_BLOCKED_COMMANDS `{entry}`: shell syntax, which is never run; nothing to carry over"
            ));
            return;
        }
        let mut rule = DenySettings { program: program.to_owned(), ..DenySettings::default() };
        for word in words {
            match word.strip_prefix('-') {
                Some(letters) if !letters.is_empty() && !letters.starts_with('-') => {
                    rule.flags.extend(letters.chars().map(|letter| spellings(program, letter)));
                }
                Some(long) if long.len() > 1 => rule.flags.push(word.to_owned()),
                _ if word.ends_with('=') => rule.arguments.push(format!("{}*", Pattern::escape(word))),
                _ => rule.arguments.push(Pattern::escape(word)),
            }
        }
        if !self.is_approved(program) {
            self.note(format!("MCP_BLOCKED_COMMANDS `{entry}`: `{program}` is not allowed in the first place"));
        } else if rule.flags.is_empty() && rule.arguments.is_empty() {
            self.note(format!("MCP_BLOCKED_COMMANDS `{entry}`: now blocks the program `{program}`, no longer every line with that text in it"));
        } else {
            self.note(format!(
                "MCP_BLOCKED_COMMANDS `{entry}`: now blocks `{program}` when it has all of these arguments, in any order and spelling; no longer lines that only begin like it"
            ));
        }
        self.settings.deny.push(match (rule.flags.is_empty(), rule.arguments.is_empty()) {
            (true, true) => DenyRule::Program(rule.program),
            _ => DenyRule::Full(rule),
        });
    }

    fn is_approved(&self, program: &str) -> bool {
        self.settings.commands.iter().any(|rule| {
            let CommandRule::Short(name) = rule else { return false };
            name.split_whitespace().next().is_some_and(|name| name.rsplit('/').next() == Some(program))
        })
    }
}

/// A short flag with the long one that means the same, for the programs block lists are about.
fn spellings(program: &str, letter: char) -> String {
    match (program, letter) {
        ("rm", 'r' | 'R') => "-r|-R|--recursive".into(),
        ("rm", 'f') => "-f|--force".into(),
        ("chmod" | "chown" | "chgrp", 'R') => "-R|--recursive".into(),
        _ => format!("-{letter}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED_BLOCKED: &str =
        "rm -rf /,rm -rf /*,mkfs,dd if=,:(){:|:&};:,chmod -R 777 /,chown -R,> /dev/sda,shutdown,reboot,halt";

    fn compiled(allowed: &str, base: &Path) -> Rules {
        Rules::compile(&import(Some(allowed), Some(SEED_BLOCKED), base).settings, base).unwrap()
    }

    #[test]
    fn the_documented_list_still_works() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("asphalt.txt"), "x").unwrap();
        let rules = compiled("ls,cat,grep,find,echo,pwd,whoami", dir.path());
        let cwd = rules.check_directory(None).unwrap();
        for line in [
            "ls -la",
            "cat asphalt.txt",
            "grep x asphalt.txt",
            "find . -name '*.txt'",
            "echo hello world",
            "pwd",
            "whoami",
        ] {
            rules.plan_line(line, &cwd).unwrap_or_else(|denial| panic!("{line}: {}", denial.reason));
        }
        for line in ["lsof", "ls; id", "ls $(id)", "cat /etc/passwd", "find . -exec id ;", "echo $MCP_AUTH_TOKEN"] {
            assert!(rules.plan_line(line, &cwd).is_err(), "{line}");
        }
    }

    #[test]
    fn blocked_entries_look_at_arguments_not_at_text() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("x")).unwrap();
        let rules = compiled("rm,git,cat,dd,chmod", dir.path());
        let cwd = rules.check_directory(None).unwrap();
        let inside = format!("rm -rf {}/x", cwd.display());
        for line in ["git add .", "rm -rf x", &inside, "cat asphalt.txt", "chmod 600 x", "chmod -R 700 x"] {
            rules.plan_line(line, &cwd).unwrap_or_else(|denial| panic!("{line}: {}", denial.reason));
        }
        for line in
            ["rm -rf /", "rm -fr /", "rm -r -f //", "rm --recursive --force /", "dd if=x of=y", "chmod -R 777 /"]
        {
            assert!(rules.plan_line(line, &cwd).is_err(), "{line}");
        }
    }

    #[test]
    fn every_difference_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let imported = import(Some("ls,python3,git status"), Some("rm -rf /,:(){:|:&};:"), dir.path());
        let notes = imported.notes.join("\n").replace(&dir.path().display().to_string(), "DIR");
        insta::assert_snapshot!(notes, @r"
    MCP_ALLOWED_COMMANDS: an entry is now a program, not a prefix: `ls` no longer lets `lsof` through
    commands run one at a time and without a shell: `;`, `&&`, `|`, `>`, `$(...)`, `$NAME` and `*` are refused. Grant operators, redirects, variables and globs in windlass.yaml
    path arguments must lie inside DIR: set shell.roots to allow more
    MCP_ALLOWED_COMMANDS `python3` is left out: it is an interpreter: its arguments are a program; say `interpreter: true` if callers may run any code the sandbox lets pass
    MCP_BLOCKED_COMMANDS `rm -rf /`: `rm` is not allowed in the first place
    MCP_BLOCKED_COMMANDS `:(){:|:&};:`: shell syntax, which is never run; nothing to carry over
    ");
        assert_eq!(imported.settings.commands.len(), 2);
        let nothing = import(None, None, dir.path());
        assert!(nothing.settings.commands.is_empty());
        assert!(nothing.notes[0].contains("now allows nothing"));
    }
}
