use std::path::Path as FilePath;

use super::Checker;
use crate::{
    mask,
    node::Path,
    settings::{CommandRule, ShellSettings},
};

/// Places and spans. The rules themselves are compiled, and so checked, by the toolset.
pub(super) fn check(checker: &mut Checker, shell: Option<&ShellSettings>) {
    let Some(shell) = shell else { return };
    let path = Path::dotted("shell");
    directory(checker, &path.clone().key("directory"), &shell.directory);
    let lists = [("roots", Some(&shell.roots)), ("write_roots", shell.write_roots.as_ref())];
    for (key, roots) in lists {
        for (index, root) in roots.into_iter().flatten().enumerate() {
            directory(checker, &path.clone().key(key).index(index), root);
        }
    }
    for (index, folder) in shell.path.iter().enumerate() {
        if !folder.is_absolute() {
            checker.refuse(
                &path.clone().key("path").index(index),
                "programs looked up from a relative directory depend on where the server was started",
                "write an absolute path",
            );
        }
    }
    if shell.timeout > shell.max_timeout {
        checker.refuse(
            &path.clone().key("timeout"),
            format!("{} is more than `max_timeout`, {}", shell.timeout, shell.max_timeout),
            "raise `max_timeout` or lower `timeout`",
        );
    }
    if shell.commands.is_empty() {
        checker.notice(&path.clone().key("commands"), "none are approved, so no command runs");
    }
    environment(checker, path.clone().key("environment"), shell.environment.keys());
    for (index, rule) in shell.commands.iter().enumerate() {
        if let CommandRule::Full(rule) = rule {
            let path = path.clone().key("commands").index(index).key("environment");
            environment(checker, path, rule.environment.keys());
        }
    }
}

fn directory(checker: &mut Checker, path: &Path, directory: &FilePath) {
    let full = checker.base.join(directory);
    if !full.is_dir() {
        let message = format!("there is no directory {}", full.display());
        checker.refuse(path, message, "make it first; relative paths start from the directory of windlass.yaml");
    }
}

/// Commands see their environment, and so does whoever may run one.
fn environment<'a>(checker: &mut Checker, path: Path, names: impl Iterator<Item = &'a String>) {
    for name in names.filter(|name| mask::is_secret(name)) {
        checker.notice(&path.clone().key(name), "looks like a secret; whoever may run a command can print it");
    }
}
