//! `list_files`.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
    vec,
};

use cap_std::fs::Dir;
use globset::{GlobBuilder, GlobMatcher};
use rustix::fs::{AtFlags, FileType, Stat};
use windlass_core::{Call, CancellationToken, Output, Reply, ToolError};

use crate::{
    arguments::{EntryAnswer, ListAnswer, ListArguments},
    error::FileError,
    path::{Place, is_served},
    read::instant,
    root::{self, Root},
    shown::shown,
};

const DEFAULT: usize = 500;
/// Names that are looked at, whether they are listed or not.
const LOOKED_AT: usize = 100_000;
/// Directories below each other that are gone into. Each is an open descriptor.
const DEEPEST: usize = 32;
/// A listing takes no longer.
const TIME: Duration = Duration::from_secs(5);
/// A glob is compiled.
const LONGEST_GLOB: usize = 256;

/// Lists what the arguments ask for.
pub(crate) fn list(
    root: &Root,
    given: &ListArguments,
    patience: Duration,
    cancel: &CancellationToken,
) -> Result<ListAnswer, FileError> {
    let place = root.place(given.path.as_deref().unwrap_or_default())?;
    let pattern = given.glob.as_deref().map(Pattern::new).transpose()?;
    let recursive = given.recursive.unwrap_or(given.glob.as_deref().is_some_and(|glob| glob.contains('/')));
    let opened = root.open()?;
    let directory = root.directory(&opened, &place)?;
    // A handle that only names a directory cannot list it.
    let directory =
        root::subdirectory(&directory, Path::new(".")).map_err(|error| FileError::of(&place.text(), error))?;
    let walk = Walk {
        hidden: root.settings.hidden,
        place: &place,
        pattern,
        recursive,
        limit: given.limit.unwrap_or(DEFAULT),
        until: Instant::now() + patience.min(TIME),
        cancel,
        left: LOOKED_AT,
        files: Vec::new(),
        stopped: None,
    };
    walk.run(directory)
}

/// Which names are wanted.
struct Pattern {
    matcher: GlobMatcher,
    by_name: bool,
}

impl Pattern {
    fn new(glob: &str) -> Result<Self, FileError> {
        if glob.len() > LONGEST_GLOB {
            return Err(FileError::Arguments(format!("`glob` is longer than {LONGEST_GLOB} bytes")));
        }
        let compiled = GlobBuilder::new(glob.trim_start_matches("./")).literal_separator(true).build();
        let compiled = compiled.map_err(|error| {
            FileError::Arguments(format!("`glob` is no pattern: {}; write for example `docs/**/*.md`", error.kind()))
        })?;
        Ok(Self { matcher: compiled.compile_matcher(), by_name: !glob.contains('/') })
    }

    fn matches(&self, below: &Path) -> bool {
        match below.file_name() {
            Some(name) if self.by_name => self.matcher.is_match(name),
            _ => self.matcher.is_match(below),
        }
    }
}

struct Walk<'a> {
    hidden: bool,
    place: &'a Place,
    pattern: Option<Pattern>,
    recursive: bool,
    limit: usize,
    until: Instant,
    cancel: &'a CancellationToken,
    /// Names that may still be looked at.
    left: usize,
    files: Vec<EntryAnswer>,
    stopped: Option<String>,
}

/// A directory, and what of it has not been looked at.
struct Level {
    directory: Dir,
    names: vec::IntoIter<OsString>,
    /// From where the listing began.
    below: PathBuf,
}

impl Walk<'_> {
    fn run(mut self, directory: Dir) -> Result<ListAnswer, FileError> {
        let first = self.level(directory, PathBuf::new()).map_err(|error| FileError::of(&self.place.text(), error))?;
        let mut levels = vec![first];
        while let Some(level) = levels.last_mut() {
            if self.cancel.is_cancelled() {
                return Err(FileError::Cancelled);
            }
            let Some(name) = level.names.next() else {
                levels.pop();
                continue;
            };
            let below = level.below.join(&name);
            let Ok(found) = rustix::fs::statat(&level.directory, Path::new(&name), AtFlags::SYMLINK_NOFOLLOW) else {
                // It went away between the two.
                continue;
            };
            let kind = FileType::from_raw_mode(found.st_mode);
            let opened = (self.recursive && kind == FileType::Directory)
                .then(|| root::subdirectory(&level.directory, Path::new(&name)));
            if !self.take(&below, kind, &found) {
                break;
            }
            match opened {
                Some(_) if levels.len() >= DEEPEST => self.stop(format!(
                    "directories deeper than {DEEPEST} are not gone into; list one of them by its `path`"
                )),
                // One that may not be opened is listed, and that is all there is to know.
                Some(Ok(directory)) => {
                    if let Ok(level) = self.level(directory, below) {
                        levels.push(level);
                    }
                }
                Some(Err(_)) | None => {}
            }
            if Instant::now() >= self.until {
                self.stop("it took too long; give a `path` further down".to_owned());
                break;
            }
        }
        Ok(ListAnswer {
            count: self.files.len(),
            truncated: self.stopped.is_some(),
            reason: self.stopped,
            files: self.files,
        })
    }

    /// Names in the order in which they are listed.
    fn level(&mut self, directory: Dir, below: PathBuf) -> std::io::Result<Level> {
        let mut names = Vec::new();
        for entry in directory.entries()? {
            let name = entry?.file_name();
            if self.left == 0 {
                self.stop(format!("there are more than {LOOKED_AT} names; give a `path` further down"));
                break;
            }
            self.left -= 1;
            if is_served(&name.to_string_lossy(), self.hidden) {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(Level { directory, names: names.into_iter(), below })
    }

    /// Lists one, if it is wanted. False where there is no more room.
    fn take(&mut self, below: &Path, kind: FileType, found: &Stat) -> bool {
        if self.pattern.as_ref().is_some_and(|pattern| !pattern.matches(below)) {
            return true;
        }
        if self.files.len() >= self.limit {
            let limit = self.limit;
            self.stop(format!(
                "these are the first {limit}; give a `glob`, a `path` further down, or a higher `limit`"
            ));
            return false;
        }
        let path = self.place.join(&below.to_string_lossy());
        let seconds = u64::try_from(found.st_mtime).ok();
        let modified = seconds.and_then(|seconds| instant(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)));
        let size = (kind == FileType::RegularFile).then(|| u64::try_from(found.st_size).unwrap_or_default());
        self.files.push(EntryAnswer { path, kind: root::kind(kind), size, modified });
        true
    }

    /// The first reason is the one that counts.
    fn stop(&mut self, why: String) {
        self.stopped.get_or_insert(why);
    }
}

/// The answer to a call.
pub(crate) async fn answer(call: &Call, list: ListAnswer) -> Result<Reply, ToolError> {
    let mut sink = call.outputs.open(&call.principal, "files");
    for entry in &list.files {
        let size = entry.size.map(|size| size.to_string()).unwrap_or_default();
        let path = shown(&entry.path);
        let line = match entry.kind {
            "file" => format!("{size:>12}  {path}\n"),
            "directory" => format!("{:>12}  {path}/\n", ""),
            kind => format!("{kind:>12}  {path}\n"),
        };
        sink.write(line.as_bytes());
    }
    let mut text = sink.finish().await.text;
    if list.files.is_empty() {
        text.push_str("[nothing that matches]\n");
    }
    if let Some(reason) = &list.reason {
        text.push_str(&format!("[{reason}]\n"));
    }
    Ok(Output::structured(text, &list)?.into())
}
