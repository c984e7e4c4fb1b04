use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// A program found once, when the rules were compiled.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// The name it was asked for by.
    pub name: String,
    /// Where it was found: absolute.
    pub path: PathBuf,
    /// What that is in the end, symbolic links resolved.
    pub real: PathBuf,
}

/// Binaries that are many programs and go by the name they are called with: that name says what they are.
const MULTI_CALL: [&str; 4] = ["busybox", "toybox", "coreutils", "rustup"];

impl Program {
    /// Finds `asked` (a name or an absolute path) in `path`. `Ok(None)` when it is not installed.
    pub(crate) fn find(asked: &str, path: &[PathBuf]) -> Result<Option<Self>, String> {
        let found = if asked.contains('/') {
            let file = PathBuf::from(asked);
            if !file.is_absolute() {
                return Err("a program is a name or an absolute path".into());
            }
            Some(file)
        } else {
            path.iter().map(|dir| dir.join(asked)).find(|file| is_executable(file))
        };
        let Some(path) = found.filter(|file| is_executable(file)) else { return Ok(None) };
        let real = path.canonicalize().map_err(|error| format!("cannot be resolved: {error}"))?;
        for file in [&path, &real] {
            refuse_writable(file)?;
        }
        let name = path.file_name().and_then(|name| name.to_str()).ok_or("the name is not UTF-8")?.to_owned();
        Ok(Some(Self { name, path, real }))
    }

    /// Whether a caller who wrote `asked` means this program. A path counts only where the rule found the program, under
    /// the same name: multi-call binaries are what they are called.
    pub(crate) fn is_meant_by(&self, asked: &str, path: &[PathBuf]) -> bool {
        if !asked.contains('/') {
            return asked == self.name;
        }
        let file = Path::new(asked);
        file == self.path
            || (file.file_name().is_some_and(|name| name == self.name.as_str())
                && file.parent().is_some_and(|dir| path.iter().any(|known| known == dir))
                && file.canonicalize().is_ok_and(|real| real == self.real))
    }

    /// The names under which the built-in rules may know it: as called, and as what it really is (`awk` is `mawk`,
    /// `python3.12` is `python`).
    pub(crate) fn names(&self) -> Vec<String> {
        let real = self.real.file_name().and_then(|name| name.to_str()).filter(|real| !MULTI_CALL.contains(real));
        let mut names = names_of(&self.name);
        names.extend(real.map(names_of).into_iter().flatten());
        names.sort();
        names.dedup();
        names
    }
}

/// A name, and the same without a version.
pub(crate) fn names_of(name: &str) -> Vec<String> {
    vec![name.to_owned(), without_version(name).to_owned()]
}

/// `python3.12` -> `python`, `vim.basic` -> `vim`, `clang-18` -> `clang`, `x86_64-linux-gnu-gcc-13` -> `gcc`.
fn without_version(name: &str) -> &str {
    let name = name.split_once("-linux-gnu-").map_or(name, |(_, tool)| tool);
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '_'));
    ["basic", "tiny", "nox", "gtk3", "openbsd", "traditional", "gnu"]
        .iter()
        .find_map(|flavour| name.strip_suffix(flavour)?.strip_suffix(['.', '-']))
        .unwrap_or(name)
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// A program anybody can replace is no program anybody approved.
fn refuse_writable(file: &Path) -> Result<(), String> {
    for place in [Some(file), file.parent()].into_iter().flatten() {
        let mode = place.metadata().map_err(|error| format!("cannot be read: {error}"))?.permissions().mode();
        if mode & 0o002 != 0 {
            return Err(format!("{} can be changed by every user", place.display()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_flavours_are_not_part_of_a_name() {
        for (name, plain) in [
            ("python3.12", "python"),
            ("vim.basic", "vim"),
            ("nc.openbsd", "nc"),
            ("clang-18", "clang"),
            ("x86_64-linux-gnu-gcc-13", "gcc"),
            ("ls", "ls"),
            ("perl5.38.2", "perl"),
        ] {
            assert_eq!(without_version(name), plain);
        }
    }

    #[test]
    fn a_program_others_can_write_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tool");
        std::fs::write(&file, "#!/bin/true\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o757)).unwrap();
        let path = [dir.path().to_path_buf()];
        assert!(Program::find("tool", &path).unwrap_err().contains("every user"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        let program = Program::find("tool", &path).unwrap().unwrap();
        assert!(program.is_meant_by("tool", &path));
        assert!(program.is_meant_by(file.to_str().unwrap(), &path));
        assert!(!program.is_meant_by("./tool", &path));
        assert!(!program.is_meant_by("/elsewhere/tool", &path));
        assert!(Program::find("missing", &path).unwrap().is_none());
        assert!(Program::find("bin/tool", &path).is_err());
    }
}
