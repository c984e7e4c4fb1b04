//! Programs that have no business starting others. Their flags are checked, but a configuration file, a script or a hole
//! in the checks may still make one of them try; where the kernel has Landlock, it then finds nothing it may start.

use std::{
    ffi::OsStr,
    fs::File,
    os::unix::{ffi::OsStrExt, fs::FileExt},
    path::{Path, PathBuf},
};

use crate::{plan::Command, rules::program};

/// Each does its work itself.
#[rustfmt::skip] // Packed by hand: one name a line would fill a page.
const ALONE: &[&str] = &[
    "b2sum", "base32", "base64", "basename", "cat", "cksum", "cmp", "comm", "cp", "cut", "date", "diff", "dirname",
    "du", "echo", "egrep", "expand", "fgrep", "find", "fold", "grep", "head", "hostname", "id", "join", "jq", "ln", "ls",
    "md5sum", "mkdir", "mv", "nl", "od", "paste", "printf", "ps", "pwd", "readlink", "realpath", "rm", "rmdir", "sed",
    "seq", "sha1sum", "sha256sum", "sha512sum", "shuf", "sort", "stat", "sum", "tac", "tail", "tee", "touch", "tr", "tree",
    "true", "uname", "unexpand", "uniq", "uptime", "wc", "whoami",
];

/// Subcommands of git that speak to other repositories, for which it has helpers and takes a shell. The rest is git alone.
const REMOTE: &[&str] = &["clone", "fetch", "ls-remote", "pull", "push", "remote"];

/// What a sealed run may execute, beside the programs of its plan.
#[derive(Debug, Default)]
pub(crate) struct Sealed(pub Vec<PathBuf>);

impl Sealed {
    /// `None` where one of the commands may have to start another program.
    pub(crate) fn of<'a>(commands: impl Iterator<Item = &'a Command>) -> Option<Self> {
        let mut paths = Vec::new();
        for command in commands {
            let names = program::names_of(command.program.file_name()?.to_str()?);
            let is_git = names.iter().any(|name| name == "git");
            let subcommand = command.argv.iter().skip(1).find(|argument| !argument.starts_with('-'));
            let alone = if is_git {
                subcommand.is_some_and(|name| !REMOTE.contains(&name.as_str()))
            } else {
                names.iter().any(|name| ALONE.contains(&name.as_str()))
            };
            if !alone {
                return None;
            }
            paths.extend(loader(&command.program)?);
            if is_git {
                // It starts itself for submodules, from where its parts are.
                let root = command.program.canonicalize().ok()?.parent()?.parent()?.to_path_buf();
                paths.extend(["libexec/git-core", "lib/git-core"].map(|parts| root.join(parts)));
            }
        }
        Some(Self(paths))
    }
}

/// The loader an executable names, none where it is linked statically. Outer `None`: no ELF file of 64 bits, perhaps a
/// script, and those need their interpreter.
fn loader(program: &Path) -> Option<Option<PathBuf>> {
    const INTERPRETER: u64 = 3;
    let file = File::open(program).ok()?;
    let read = |at: u64, length: usize| {
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, at).ok().map(|()| bytes)
    };
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let head = read(0, 64)?;
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (table, size, count) = (number(&head[32..40]), number(&head[54..56]), number(&head[56..58]));
    for index in 0..count {
        let entry = read(table.checked_add(index * size)?, 56)?;
        if number(&entry[..4]) == INTERPRETER {
            let name = read(number(&entry[8..16]), usize::try_from(number(&entry[32..40]).min(4096)).ok()?)?;
            let name = name.split(|byte| *byte == 0).next()?;
            return Some(Some(PathBuf::from(OsStr::from_bytes(name))));
        }
    }
    Some(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(words: &[&str]) -> bool {
        let program = ["/usr/bin", "/bin"].iter().map(|dir| Path::new(dir).join(words[0])).find(|path| path.exists());
        let command = Command {
            program: program.unwrap(),
            argv: words.iter().map(|word| (*word).to_owned()).collect(),
            redirects: Vec::new(),
            environment: Vec::new(),
            rule: String::new(),
        };
        Sealed::of(std::iter::once(&command)).is_some()
    }

    #[test]
    fn what_starts_others_is_not_sealed() {
        assert!(sealed(&["cat", "x"]));
        assert!(!sealed(&["tar", "xzf", "x"]));
        assert!(!sealed(&["ldd", "x"]), "a script");
    }

    #[test]
    fn an_executable_names_its_loader() {
        let test = std::env::current_exe().unwrap();
        assert!(loader(&test).unwrap().is_none_or(|loader| loader.exists()));
        assert!(loader(Path::new("/etc/passwd")).is_none());
    }
}
