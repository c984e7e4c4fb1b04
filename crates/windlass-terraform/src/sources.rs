//! The files of a stack: embedded, or read from where they were ejected to.

pub(crate) mod filter;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Component, Path, PathBuf},
    sync::LazyLock,
};

use include_dir::{Dir, include_dir};
use regex::Regex;

use crate::Stack;

static EMBEDDED: Dir<'_> = include_dir!("$OUT_DIR/infra");

/// `"../x"` of a module's source and `"${path.module}/../x"` of a file, up to where the literal ends.
static REFERENCE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?:"|\$\{path\.(?:module|root)\}/)(\.{1,2}/[^"$\n]*)"#).ok());

/// The Terraform files of one stack and of everything it refers to, by their paths relative to one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    pub(crate) root: PathBuf,
    pub(crate) files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Sources {
    /// Of the directory `base`, the root module `root` (such as [`Stack::directory`]) and what it needs. This is how a
    /// stack is run that [`eject`](crate::eject) wrote and its owner changed.
    pub fn read(base: &Path, root: &str) -> io::Result<Self> {
        let mut all = BTreeMap::new();
        for path in filter::files(base)? {
            let content = std::fs::read(base.join(&path))?;
            all.insert(path, content);
        }
        Ok(Self::select(all, Path::new(root)))
    }

    /// A configuration that stands alone, as one `main.tf`.
    pub fn single(main: &str) -> Self {
        let root = PathBuf::from("main");
        let files = BTreeMap::from([(root.join("main.tf"), main.as_bytes().to_vec())]);
        Self { root, files }
    }

    /// Whether there is anything to run.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The paths of the files, relative to one another.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.keys().map(PathBuf::as_path)
    }

    /// The directory of the stack itself, relative like [`Sources::paths`].
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The text of the stack's own `.tf` files, without its modules'.
    pub(crate) fn root_texts(&self) -> impl Iterator<Item = &str> {
        self.files
            .iter()
            .filter(|(path, _)| path.parent() == Some(&self.root) && path.extension().is_some_and(|end| end == "tf"))
            .filter_map(|(_, content)| std::str::from_utf8(content).ok())
    }

    /// Of `all`, the files under `root` and those they refer to, and so on.
    fn select(mut all: BTreeMap<PathBuf, Vec<u8>>, root: &Path) -> Self {
        let mut wanted = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut queue = vec![root.to_path_buf()];
        while let Some(next) = queue.pop() {
            // A reference to a directory above would take in everything, and no module's source is one.
            if !seen.insert(next.clone()) || root.starts_with(&next) && next != root {
                continue;
            }
            for (path, content) in all.iter().filter(|(path, _)| path.starts_with(&next)) {
                wanted.insert(path.clone());
                queue.extend(references(path, &next, content));
            }
        }
        all.retain(|path, _| wanted.contains(path));
        Self { root: root.to_path_buf(), files: all }
    }
}

impl From<Stack> for Sources {
    fn from(stack: Stack) -> Self {
        Self::select(
            embedded().into_iter().map(|(path, content)| (path, content.to_vec())).collect(),
            Path::new(stack.directory()),
        )
    }
}

/// Every embedded file: the stacks, their modules, and what is shipped beside them.
pub fn embedded() -> BTreeMap<PathBuf, &'static [u8]> {
    fn collect(directory: &'static Dir<'static>, into: &mut BTreeMap<PathBuf, &'static [u8]>) {
        into.extend(directory.files().map(|file| (file.path().to_path_buf(), file.contents())));
        directory.dirs().for_each(|inner| collect(inner, into));
    }
    let mut files = BTreeMap::new();
    collect(&EMBEDDED, &mut files);
    files
}

/// What a file refers to. In a test, paths are relative to the module under test, in other files to their own folder.
fn references(path: &Path, module: &Path, content: &[u8]) -> Vec<PathBuf> {
    let (Some(pattern), Ok(text)) = (REFERENCE.as_ref(), std::str::from_utf8(content)) else { return Vec::new() };
    let bases = [path.parent().unwrap_or(Path::new("")), module];
    let relative = pattern.captures_iter(text).filter_map(|found| found.get(1)).map(|found| found.as_str());
    relative.flat_map(|reference| bases.map(|base| normalise(&base.join(reference)))).flatten().collect()
}

/// Without `.` and `..`; nothing where that leads out of the tree.
fn normalise(path: &Path) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir if !clean.pop() => return None,
            Component::Normal(name) => clean.push(name),
            _ => {}
        }
    }
    Some(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> BTreeMap<PathBuf, Vec<u8>> {
        files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn a_stack_brings_its_modules_and_theirs_and_the_files_they_read_and_nothing_else() {
        let all = tree(&[
            ("stacks/a/main.tf", r#"module "x" { source = "../../modules/x" }"#),
            ("stacks/a/tests/a.tftest.hcl", r#"module { source = "./tests/setup" }"#),
            ("stacks/a/tests/setup/main.tf", ""),
            ("stacks/b/main.tf", r#"module "z" { source = "../../modules/z" }"#),
            ("modules/x/main.tf", r#"module "y" { source = "../y" }"#),
            ("modules/y/main.tf", r#"x = file("${path.module}/../../queries/${each.key}.query")"#),
            ("modules/z/main.tf", ""),
            ("queries/denied.query", ""),
        ]);
        let sources = Sources::select(all, Path::new("stacks/a"));
        let paths: Vec<_> = sources.paths().map(|path| path.display().to_string()).collect();
        insta::assert_snapshot!(paths.join("\n"), @"
        modules/x/main.tf
        modules/y/main.tf
        queries/denied.query
        stacks/a/main.tf
        stacks/a/tests/a.tftest.hcl
        stacks/a/tests/setup/main.tf
        ");
    }

    #[test]
    fn a_reference_above_the_stack_does_not_take_in_the_neighbours() {
        let all = tree(&[("stacks/a/main.tf", r#"x = "../" y = "../../../../etc""#), ("stacks/b/main.tf", "")]);
        assert_eq!(Sources::select(all, Path::new("stacks/a")).files.len(), 1);
    }

    #[test]
    fn what_terraform_leaves_behind_is_no_source() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["main.tf", "a.tftest.hcl", "user-data.sh.tftpl", "README.md"] {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        let left = [
            ".terraform.lock.hcl",
            "terraform.tfstate",
            "terraform.tfstate.1700.backup",
            "terraform.tfvars",
            "prod.auto.tfvars.json",
            "backend_override.tf",
            "override.tf",
            "now.tfplan",
            "crash.log",
            "main.tf~",
        ];
        for name in left {
            std::fs::write(directory.path().join(name), "secret").unwrap();
        }
        std::fs::create_dir(directory.path().join(".terraform")).unwrap();
        std::fs::write(directory.path().join(".terraform/main.tf"), "").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", directory.path().join("link.tf")).unwrap();
        let found = filter::files(directory.path()).unwrap();
        assert_eq!(found, ["README.md", "a.tftest.hcl", "main.tf", "user-data.sh.tftpl"].map(PathBuf::from));
    }
}
