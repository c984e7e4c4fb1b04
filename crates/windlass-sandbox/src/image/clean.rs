//! mmdebstrap's archive is read, and a clean one written.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use tar::{Archive, Entry, EntryType};

use super::{
    ImageError,
    installed::{self, STATUS},
    rules::{Fate, MOUNTED, OURS, fate, with_user},
    tree::{Item, Kind, Tree, Writer},
};
use crate::backend::{HOME, USER};

/// An entry of mmdebstrap's archive.
type Found<'a> = Entry<'a, BufReader<File>>;

/// Writes the clean archive of `from` to `to`. What is younger than `started` was made by making it: its time becomes that
/// of the youngest file that any package brought. `sources` becomes apt's list of sources.
pub(super) fn clean(from: &Path, to: &Path, started: u64, sources: Option<&str>) -> Result<Tree, ImageError> {
    let mut newest = 0;
    each(from, |path, entry| {
        let time = entry.header().mtime()?;
        if entry.header().entry_type().is_file() && time < started && fate(path, false) == Fate::Stays {
            newest = newest.max(time);
        }
        Ok(())
    })
    .map_err(ImageError::io("reading the archive"))?;

    let write = || {
        let mut writer = Writer::create(to, newest)?;
        let mut kept = Kept::default();
        each(from, |path, entry| kept.take(path, entry, &mut writer))?;
        kept.finish(sources, &mut writer)?;
        writer.finish(kept.packages, kept.python)
    };
    write().map_err(ImageError::io("cleaning the archive"))
}

/// Every entry, with its path from the root of the tree: `usr/bin`, and nothing for the root itself.
fn each(archive: &Path, mut visit: impl FnMut(&str, &mut Found<'_>) -> io::Result<()>) -> io::Result<()> {
    let mut archive = Archive::new(BufReader::with_capacity(1 << 16, File::open(archive)?));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path_bytes();
        let Ok(path) = std::str::from_utf8(&path) else {
            return Err(io::Error::other(format!("a name that is no text: {}", String::from_utf8_lossy(&path))));
        };
        let path = path.strip_prefix("./").unwrap_or(path).trim_end_matches('/');
        let path = if path == "." { String::new() } else { path.to_owned() };
        visit(&path, &mut entry)?;
    }
    Ok(())
}

/// What was seen on the way.
#[derive(Default)]
struct Kept {
    directories: BTreeSet<String>,
    users: BTreeMap<String, (Item, String)>,
    packages: BTreeMap<String, String>,
    python: BTreeMap<String, String>,
}

impl Kept {
    fn take(&mut self, path: &str, entry: &mut Found<'_>, to: &mut Writer) -> io::Result<()> {
        let header = entry.header();
        let kind = match header.entry_type() {
            EntryType::Regular | EntryType::Continuous => Kind::File(header.size()?),
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink => Kind::Symlink(target(entry)?),
            EntryType::Link => Kind::Link(target(entry)?.trim_start_matches("./").to_owned()),
            // Devices are made where they are needed.
            _ => return Ok(()),
        };
        // Nobody becomes somebody else by running a program.
        let mode = header.mode()? & 0o1777;
        let owner = (header.uid()?, header.gid()?);
        let item = Item { path: path.to_owned(), mode, owner, time: header.mtime()?, kind };
        match fate(path, item.kind == Kind::Directory) {
            Fate::Goes => return Ok(()),
            Fate::Grows => {
                let mut text = String::new();
                entry.read_to_string(&mut text)?;
                self.users.insert(path.to_owned(), (item, text));
                return Ok(());
            }
            Fate::Stays => {}
        }
        match item.kind {
            Kind::Directory => {
                self.directories.insert(path.to_owned());
                to.write(item, &mut io::empty())
            }
            Kind::File(_) if path == STATUS || installed::describes_python(path) => {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes)?;
                let text = String::from_utf8_lossy(&bytes);
                match path {
                    STATUS => self.packages = installed::packages(&text),
                    _ => self.python.extend(installed::python(&text)),
                }
                to.write(item, &mut bytes.as_slice())
            }
            _ => to.write(item, entry),
        }
    }

    /// Adds what every tree has.
    fn finish(&mut self, sources: Option<&str>, to: &mut Writer) -> io::Result<()> {
        let home = HOME.trim_start_matches('/');
        for (path, mode) in MOUNTED.into_iter().filter(|(path, _)| !self.directories.contains(*path)) {
            to.write(Item::directory(path, mode, 0), &mut io::empty())?;
        }
        to.write(Item::directory(home, 0o755, USER.into()), &mut io::empty())?;
        let sources = sources.map(|text| ("etc/apt/sources.list", text));
        for (path, text) in OURS.into_iter().chain(sources) {
            to.write(Item::file(path, text), &mut text.as_bytes())?;
        }
        for (path, (mut item, text)) in std::mem::take(&mut self.users) {
            let text = with_user(&path, &text);
            item.kind = Kind::File(text.len() as u64);
            to.write(item, &mut text.as_bytes())?;
        }
        Ok(())
    }
}

fn target(entry: &Found<'_>) -> io::Result<String> {
    let target = entry.link_name_bytes().ok_or_else(|| io::Error::other("a link to nothing"))?;
    String::from_utf8(target.into_owned()).map_err(|_| io::Error::other("a link to a name that is no text"))
}
