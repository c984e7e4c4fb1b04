use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use crate::{ImageError, Layout};

/// Where project files go, and where the program runs.
pub(crate) const HOME: &str = "srv";
/// The program, in an image.
pub(crate) const PROGRAM: &str = "windlass";
/// No name, so that no file of a base image can give it another meaning.
pub(crate) const USER: u32 = 65532;

/// What an image or a Lambda zip is made of. The same specification makes the same bytes, wherever and whenever.
#[derive(Debug, Clone)]
pub struct ImageSpec {
    /// The program: static, for Linux on x86-64 or AArch64.
    pub binary: PathBuf,
    /// Beside it.
    pub files: Vec<ImageFile>,
    /// What lies below. `None`: nothing.
    pub base: Option<Layout>,
    /// The version: a label, and the name of the image in its layout. It must be a tag.
    pub version: String,
    /// Seconds since 1970 that stand for when it was made: the time of the commit, not of the build.
    pub created: u64,
    /// What the program finds in its environment.
    pub environment: BTreeMap<String, String>,
    /// The port it listens on.
    pub port: u16,
    /// More labels; they win over those that are always there.
    pub labels: BTreeMap<String, String>,
    /// What is started.
    pub entrypoint: Vec<String>,
    /// Its arguments, unless a container is given others.
    pub cmd: Vec<String>,
}

impl ImageSpec {
    /// The program alone, serving on port 8080.
    pub fn new(binary: impl Into<PathBuf>, version: impl Into<String>, created: u64) -> Self {
        Self {
            binary: binary.into(),
            files: Vec::new(),
            base: None,
            version: version.into(),
            created,
            environment: BTreeMap::new(),
            port: 8080,
            labels: BTreeMap::new(),
            entrypoint: vec![format!("/{PROGRAM}")],
            cmd: vec!["serve".into()],
        }
    }
}

/// A file beside the program.
#[derive(Debug, Clone)]
pub struct ImageFile {
    /// Where: relative to `/srv` in an image and to the root in a zip, or absolute (in an image only).
    pub path: String,
    /// Its permission bits. As in git only one matters, whether it can be executed: 0755 or 0644 is what it gets, so that
    /// the image does not depend on a umask and the program can read it whoever it runs as.
    pub mode: u32,
    /// Its bytes.
    pub source: Source,
}

/// Where bytes come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// From here.
    Bytes(Vec<u8>),
    /// From a regular file. A link is refused: it could lead to what nobody meant to give away.
    Path(PathBuf),
}

impl ImageFile {
    pub(crate) fn mode(&self) -> u32 {
        if self.mode & 0o111 == 0 { 0o644 } else { 0o755 }
    }
}

/// The files by their place in the image, without a leading slash.
pub(crate) fn places(files: &[ImageFile]) -> Result<BTreeMap<String, &ImageFile>, ImageError> {
    let mut places = BTreeMap::new();
    for file in files {
        let place = match file.path.strip_prefix('/') {
            Some(rest) => rest.to_owned(),
            None => format!("{HOME}/{}", file.path),
        };
        check_place(&file.path, &place, &[PROGRAM])?;
        add(&mut places, place, file)?;
    }
    no_file_is_a_directory(&places)?;
    Ok(places)
}

/// The files by their place in a zip, where there is no root to start from.
pub(crate) fn zip_places<'files>(
    files: &'files [ImageFile],
    reserved: &[&str],
) -> Result<BTreeMap<String, &'files ImageFile>, ImageError> {
    let mut places = BTreeMap::new();
    for file in files {
        if file.path.starts_with('/') {
            return Err(place(&file.path, "a zip has no absolute paths"));
        }
        check_place(&file.path, &file.path, reserved)?;
        add(&mut places, file.path.clone(), file)?;
    }
    no_file_is_a_directory(&places)?;
    Ok(places)
}

fn add<'files>(
    places: &mut BTreeMap<String, &'files ImageFile>,
    at: String,
    file: &'files ImageFile,
) -> Result<(), ImageError> {
    match places.insert(at, file) {
        None => Ok(()),
        Some(_) => Err(place(&file.path, "there are two")),
    }
}

fn check_place(asked: &str, at: &str, reserved: &[&str]) -> Result<(), ImageError> {
    let names_itself = at.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if !names_itself || at.contains(['\0', '\\']) {
        return Err(place(asked, "a path is names with single slashes between them, and leads nowhere else"));
    }
    if at.split('/').any(|part| part.starts_with(".wh.")) {
        return Err(place(asked, "a name that begins with `.wh.` removes files from an image"));
    }
    if reserved.iter().any(|name| at == *name || at.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'))) {
        return Err(place(asked, "that place is taken"));
    }
    Ok(())
}

fn no_file_is_a_directory(places: &BTreeMap<String, &ImageFile>) -> Result<(), ImageError> {
    match places.keys().find(|path| parents(path).any(|parent| places.contains_key(parent))) {
        Some(path) => Err(place(path, "another file stands where its directory would be")),
        None => Ok(()),
    }
}

fn place(path: &str, why: &'static str) -> ImageError {
    ImageError::Place { path: path.to_owned(), why }
}

/// The directories above `path`, the highest first.
pub(crate) fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(end, _)| path.get(..end))
}

/// Every directory above any of `paths`.
pub(crate) fn directories<'paths>(paths: impl IntoIterator<Item = &'paths String>) -> BTreeSet<&'paths str> {
    paths.into_iter().flat_map(|path| parents(path)).collect()
}

/// What registries take as a tag.
pub(crate) fn is_tag(text: &str) -> bool {
    let body = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=128).contains(&text.len()) && !text.starts_with(['.', '-']) && text.bytes().all(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> ImageFile {
        ImageFile { path: path.into(), mode: 0o600, source: Source::Bytes(Vec::new()) }
    }

    #[test]
    fn a_relative_path_is_beneath_srv_an_absolute_one_is_not() {
        let files = [file("windlass.yaml"), file("/etc/windlass/x")];
        assert_eq!(places(&files).unwrap().into_keys().collect::<Vec<_>>(), ["etc/windlass/x", "srv/windlass.yaml"]);
    }

    #[test]
    fn what_leads_elsewhere_or_stands_in_the_way_is_refused() {
        for path in
            ["", "../x", "a/../../x", "/", "//x", "a//b", "./a", "a/", "/windlass", "/windlass/x", ".wh.passwd", "a\0b"]
        {
            assert!(matches!(places(&[file(path)]), Err(ImageError::Place { .. })), "{path}");
        }
        assert!(places(&[file("a"), file("a/b")]).is_err());
        assert!(places(&[file("a"), file("/srv/a")]).is_err());
        assert!(zip_places(&[file("/a")], &[]).is_err());
        assert!(zip_places(&[file("bootstrap")], &["bootstrap"]).is_err());
    }

    #[test]
    fn modes_are_two() {
        let of = |mode| ImageFile { mode, ..file("x") }.mode();
        assert_eq!([of(0o600), of(0o644), of(0o777), of(0o4755), of(0o100)], [0o644, 0o644, 0o755, 0o755, 0o755]);
    }

    #[test]
    fn tags_are_what_registries_take() {
        assert!(is_tag("a1b2c3d-dirty-0f") && is_tag("v1.0_x"));
        assert!(!is_tag("") && !is_tag("-x") && !is_tag("a/b") && !is_tag("a:b") && !is_tag(&"a".repeat(129)));
    }
}
