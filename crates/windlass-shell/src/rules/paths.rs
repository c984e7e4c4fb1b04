//! Where path arguments lead. What is checked here can change before the program opens it; that race is Landlock's to
//! win, and this check's to explain.

use std::{
    collections::VecDeque,
    ffi::OsString,
    io::ErrorKind,
    path::{Component, Path, PathBuf},
};

use super::Denial;

/// Links followed before a path is given up.
const MAX_LINKS: usize = 40;
/// Flags looked through in one bundle.
const MAX_BUNDLE: usize = 64;
/// Paths looked for in one argument.
pub(crate) const MAX_CANDIDATES: usize = 256;
/// The kernel opens nothing longer.
const MAX_PATH: usize = 4096;
/// Never reachable, whatever the roots: other processes, devices, kernel knobs.
const FORBIDDEN: [&str; 3] = ["/proc", "/sys", "/dev"];

/// A directory and everything below it, as written and as it really is.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    pub written: PathBuf,
    pub real: PathBuf,
}

impl Root {
    pub(crate) fn new(written: &Path) -> std::io::Result<Self> {
        let real = written.canonicalize()?;
        if !real.is_dir() {
            return Err(std::io::Error::from(std::io::ErrorKind::NotADirectory));
        }
        Ok(Self { written: normalised(written), real })
    }
}

/// A path in its two readings: dots removed as text, and as the kernel walks it.
struct Target {
    lexical: PathBuf,
    real: PathBuf,
}

impl Target {
    fn of(cwd: &Path, path: &str) -> Option<Self> {
        let joined = cwd.join(path);
        if path.len() > MAX_PATH {
            // No name on the disk; but a program may cut it short, so where it would lead still counts.
            let lexical = normalised(&joined);
            return Some(Self { real: lexical.clone(), lexical });
        }
        Some(Self { lexical: normalised(&joined), real: resolved(&joined)? })
    }

    fn is_forbidden(&self) -> bool {
        [&self.lexical, &self.real].iter().any(|path| {
            path.as_path() != Path::new("/dev/null") && FORBIDDEN.iter().any(|forbidden| path.starts_with(forbidden))
        })
    }

    fn is_under(&self, roots: &[Root]) -> bool {
        let lexical =
            roots.iter().any(|root| self.lexical.starts_with(&root.written) || self.lexical.starts_with(&root.real));
        lexical && roots.iter().any(|root| self.real.starts_with(&root.real))
    }

    fn is_null(&self) -> bool {
        self.real == Path::new("/dev/null")
    }
}

/// The real path of `path`, which must lie under `roots`.
pub(crate) fn inside(cwd: &Path, path: &str, roots: &[Root]) -> Result<PathBuf, Denial> {
    let target = Target::of(cwd, path).ok_or_else(|| Denial::new(format!("the path `{path}` runs in circles")))?;
    if target.is_forbidden() {
        return Err(Denial::new(format!("the path `{path}` leads into the system's own files")));
    }
    if !target.is_under(roots) && !target.is_null() {
        return Err(outside(path, roots));
    }
    Ok(target.real)
}

/// Checks a path that may lie anywhere but among the system's own files.
pub(crate) fn anywhere(cwd: &Path, path: &str) -> Result<(), Denial> {
    match Target::of(cwd, path) {
        Some(target) if !target.is_forbidden() => Ok(()),
        _ => Err(Denial::new(format!("the path `{path}` leads into the system's own files"))),
    }
}

/// Whether a path leads into the part of a repository that is git's own. What is written there decides what git runs.
pub(crate) fn is_gits_own(cwd: &Path, path: &str) -> bool {
    let is_own = |path: &Path| path.components().any(|part| part.as_os_str().eq_ignore_ascii_case(".git"));
    Target::of(cwd, path).is_some_and(|target| is_own(&target.lexical) || is_own(&target.real))
}

fn outside(path: &str, roots: &[Root]) -> Denial {
    let mut roots: Vec<_> = roots.iter().map(|root| format!("`{}`", root.real.display())).collect();
    roots.dedup();
    let hint = if roots.is_empty() {
        "no directory is open to commands".into()
    } else {
        format!("stay inside {}", roots.join(", "))
    };
    Denial::new(format!("the path `{path}` leads outside the allowed directories")).hint(hint)
}

/// The paths an argument may be read as. Programs differ in how they take a path out of an argument, so each place where
/// one could begin counts; only what looks like a path, or exists as one, is returned.
pub(crate) fn candidates<'a>(cwd: &Path, argument: &'a str) -> Vec<&'a str> {
    let mut starts = Vec::new();
    let is_flag = argument.starts_with('-') && argument.len() > 1;
    if !is_flag {
        starts.push(0);
    } else if !argument.starts_with("--") {
        starts.extend(attached(cwd, argument));
    }
    // `--file=x`, `if=x`, `@x`, `host:x`, `a,b`.
    starts.extend(argument.match_indices(['=', ':', '@', ',']).map(|(at, delimiter)| at + delimiter.len()));
    starts.dedup();
    let is_host =
        |start: usize| start > 0 && argument[start..].starts_with("//") && !exists_at_root(&argument[start..]);
    let candidates = starts.into_iter().filter(|start| !is_host(*start)).map(|start| &argument[start..]);
    candidates.filter(|text| !text.is_empty() && looks_like_path(cwd, text)).collect()
}

/// Where a path may begin in `-Idir`, and in `-xfdir`, where flags of a bundle stand before the one with the value.
fn attached(cwd: &Path, argument: &str) -> Vec<usize> {
    let slash = argument.find('/').unwrap_or(argument.len());
    let letters = argument.char_indices().skip(2).map(|(at, _)| at).take_while(|at| *at < slash).take(MAX_BUNDLE);
    // Which letters are flags only the program knows; a name that exists is taken for a path.
    let exists = |at: &usize| match &argument[*at..slash] {
        "." | ".." => true,
        name => cwd.join(name).symlink_metadata().is_ok(),
    };
    let mut starts: Vec<_> =
        letters.enumerate().filter(|(index, at)| *index == 0 || exists(at)).map(|(_, at)| at).collect();
    if slash < argument.len() && exists_at_root(&argument[slash..]) {
        starts.push(slash);
    }
    starts
}

fn looks_like_path(cwd: &Path, text: &str) -> bool {
    text.contains('/') || matches!(text, "." | "..") || cwd.join(text).symlink_metadata().is_ok()
}

/// Whether the first directory of an absolute path exists: `-Idir/sub` holds no absolute path, `-xf/etc/passwd` does.
fn exists_at_root(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    first.is_empty() || first.starts_with('.') || Path::new("/").join(first).symlink_metadata().is_ok()
}

/// Dots removed without looking at the disk.
pub(crate) fn normalised(path: &Path) -> PathBuf {
    let mut result = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => result.push(name),
            Component::ParentDir => {
                result.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    result
}

/// The path as the kernel would walk it, as far as it exists. `None` when links run in circles.
pub(crate) fn resolved(path: &Path) -> Option<PathBuf> {
    let mut ahead: VecDeque<OsString> = path.components().map(|part| part.as_os_str().to_owned()).collect();
    let mut real = PathBuf::from("/");
    let mut links = 0;
    // How deep the path was when it left what exists: below that there is nothing to ask the disk about.
    let mut depth = 0_usize;
    let mut missing = usize::MAX;
    while let Some(part) = ahead.pop_front() {
        match Path::new(&part).components().next() {
            Some(Component::Normal(_)) => {
                real.push(&part);
                depth += 1;
                if depth > missing {
                    continue;
                }
                let target = match real.read_link() {
                    Ok(target) => target,
                    Err(error) => {
                        if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) {
                            missing = depth;
                        }
                        continue;
                    }
                };
                real.pop();
                depth -= 1;
                links += 1;
                if links > MAX_LINKS {
                    return None;
                }
                for component in target.components().rev() {
                    ahead.push_front(component.as_os_str().to_owned());
                }
            }
            Some(Component::ParentDir) => {
                real.pop();
                depth = depth.saturating_sub(1);
                if depth < missing {
                    missing = usize::MAX;
                }
            }
            Some(Component::RootDir) => {
                real = PathBuf::from("/");
                (depth, missing) = (0, usize::MAX);
            }
            _ => {}
        }
    }
    Some(real)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn allowed(cwd: &Path, path: &str, roots: &[Root]) -> bool {
        inside(cwd, path, roots).is_ok()
    }

    #[test]
    fn links_and_dots_do_not_lead_out() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        std::fs::create_dir_all(dir.path().join("elsewhere/deep")).unwrap();
        symlink("/etc/passwd", root.join("leak")).unwrap();
        symlink("../elsewhere/new", root.join("dangling")).unwrap();
        symlink("../elsewhere/deep", root.join("deep")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink("sub", root.join("fine")).unwrap();
        let roots = [Root::new(&root).unwrap()];
        for path in ["x", "sub/x", "sub/../x", "fine/x", "./", ".", "/dev/null"] {
            assert!(allowed(&root, path, &roots), "{path}");
        }
        for path in [
            "..",
            "../x",
            "/etc/passwd",
            "leak",
            "dangling",
            "deep/../x",
            "loop",
            "sub/../../x",
            "/",
            "/proc/self/environ",
        ] {
            assert!(!allowed(&root, path, &roots), "{path}");
        }
    }

    #[test]
    fn a_long_path_costs_little_and_is_still_followed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("a")).unwrap();
        symlink("/etc", root.join("leak")).unwrap();
        let roots = [Root::new(&root).unwrap()];
        let start = std::time::Instant::now();
        for _ in 0..MAX_CANDIDATES {
            assert!(!allowed(&root, &"/a".repeat(16_000), &roots));
            assert!(allowed(&root, &"a/".repeat(2000), &roots));
        }
        assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
        for path in [
            "missing/../leak/passwd",
            "missing/deeper/../../leak/passwd",
            "a/missing/../../leak/passwd",
            "missing/../missing/../../x",
            &format!("../{}", "a/".repeat(3000)),
        ] {
            assert!(!allowed(&root, path, &roots), "{path}");
        }
        assert!(allowed(&root, "missing/../leaf/passwd", &roots));
    }

    #[test]
    fn the_systems_own_files_are_never_inside() {
        let roots = [Root::new(Path::new("/")).unwrap()];
        for path in ["/proc/self/environ", "/dev/sda", "/sys/kernel", "/etc/../proc/1/environ"] {
            assert!(!allowed(Path::new("/"), path, &roots), "{path}");
        }
        assert!(allowed(Path::new("/"), "/etc/hostname", &roots));
    }

    #[test]
    fn a_link_attached_to_a_bundle_of_flags_is_found() {
        let dir = tempfile::tempdir().unwrap();
        symlink("/etc/passwd", dir.path().join("leak")).unwrap();
        assert_eq!(candidates(dir.path(), "-xvfleak"), ["leak"]);
        assert_eq!(candidates(dir.path(), "-xvfleak/new"), ["vfleak/new", "leak/new"]);
        assert_eq!(candidates(dir.path(), "-xvfother"), [""; 0]);
    }

    #[test]
    fn paths_are_found_wherever_they_may_begin() {
        let cwd = Path::new("/nowhere");
        let check = |argument: &str, expected: &[&str]| assert_eq!(candidates(cwd, argument), expected, "{argument}");
        check("word", &[]);
        check("a/b", &["a/b"]);
        check("..", &[".."]);
        check("--file=/etc/x", &["/etc/x"]);
        check("-I/etc", &["/etc"]);
        check("-xf/etc/x", &["f/etc/x", "/etc/x"]);
        check("-xf../x", &["f../x", "../x", "./x"]);
        check("-I../x", &["../x", "./x"]);
        check("-Idir/sub", &["dir/sub"]);
        check("@/etc/x", &["@/etc/x", "/etc/x"]);
        check("https://host.example/a", &["https://host.example/a"]);
        check("file:///etc/x", &["file:///etc/x", "///etc/x"]);
        check("of=/dev/sda", &["of=/dev/sda", "/dev/sda"]);
    }
}
