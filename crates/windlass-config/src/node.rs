//! The tree that all layers are merged into.

use std::{fmt, path::Path as FilePath, sync::Arc};

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A place in windlass.yaml; lines and columns count from 1.
    File {
        /// The file, as it was named or found.
        file: Arc<FilePath>,
        /// The line.
        line: u32,
        /// The column, in characters.
        column: u32,
    },
    /// An environment variable.
    Variable(Arc<str>),
    /// An option on the command line.
    Option(Arc<str>),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { file, line, column } => write!(f, "{}:{line}:{column}", file.display()),
            Self::Variable(name) | Self::Option(name) => f.write_str(name),
        }
    }
}

/// One step down the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

/// Names a node: `auth.keys[0].hash`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Path(pub Vec<Step>);

impl Path {
    /// A path of plain keys, written with dots.
    pub fn dotted(text: &str) -> Self {
        Self(text.split('.').map(|key| Step::Key(key.into())).collect())
    }

    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.0.push(Step::Key(key.into()));
        self
    }

    pub fn index(mut self, index: usize) -> Self {
        self.0.push(Step::Index(index));
        self
    }

    pub fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The path with every list position left open, as [`crate::keys::Key`] has it.
    pub fn pattern(&self) -> String {
        let steps = self.0.iter().map(|step| match step {
            Step::Key(key) => Step::Key(key.clone()),
            Step::Index(_) => Step::Index(0),
        });
        Self(steps.collect()).to_string().replace("[0]", "[]")
    }

    /// The last key on the way, list positions left aside.
    pub fn last_key(&self) -> Option<&str> {
        self.0.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if position == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// A value and its origin.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub origin: Origin,
    pub value: Value,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    /// Text from a variable or an option: its type is whatever the setting's is.
    Loose(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// Reported as wrong, and from then on as good as never written.
    Removed,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub key: String,
    pub key_origin: Origin,
    pub node: Node,
}

impl Node {
    pub fn empty() -> Self {
        Self { origin: Origin::Default, value: Value::Map(Vec::new()) }
    }

    pub fn find(&self, path: &Path) -> Option<&Node> {
        path.0.iter().try_fold(self, |node, step| node.child(step)).filter(|node| !matches!(node.value, Value::Removed))
    }

    fn child(&self, step: &Step) -> Option<&Node> {
        match (&self.value, step) {
            (Value::Map(entries), Step::Key(key)) => entries.iter().find(|entry| entry.key == *key).map(|e| &e.node),
            (Value::List(items), Step::Index(index)) => items.get(*index),
            _ => None,
        }
    }

    /// The node at `path`, or the deepest one on the way there.
    pub fn nearest(&self, path: &Path) -> &Node {
        let mut node = self;
        for step in &path.0 {
            match node.child(step) {
                Some(child) => node = child,
                None => break,
            }
        }
        node
    }

    /// Where the key itself stands that `path` ends with.
    pub fn key_origin(&self, path: &Path) -> Option<&Origin> {
        let (last, parents) = path.0.split_last()?;
        let parent = parents.iter().try_fold(self, |node, step| node.child(step))?;
        match (&parent.value, last) {
            (Value::Map(entries), Step::Key(key)) => {
                entries.iter().find(|entry| entry.key == *key).map(|entry| &entry.key_origin)
            }
            _ => None,
        }
    }

    /// Takes the node at `path` out of the running, without moving its siblings.
    pub fn remove(&mut self, path: &Path) -> bool {
        let found = path.0.iter().try_fold(self, |node, step| match (&mut node.value, step) {
            (Value::Map(entries), Step::Key(key)) => entries.iter_mut().find(|e| e.key == *key).map(|e| &mut e.node),
            (Value::List(items), Step::Index(index)) => items.get_mut(*index),
            _ => None,
        });
        match found {
            Some(node) => {
                let fresh = !matches!(node.value, Value::Removed);
                node.value = Value::Removed;
                fresh
            }
            None => false,
        }
    }

    /// Puts `node` at a path of keys, replacing what is there, making the maps on the way.
    pub fn set(&mut self, path: &Path, node: Node) {
        let mut here = self;
        for step in &path.0 {
            let Step::Key(key) = step else { return };
            // What has the wrong type stays, to be reported.
            if matches!(here.value, Value::Null | Value::Removed) {
                here.value = Value::Map(Vec::new());
            }
            let Value::Map(entries) = &mut here.value else { return };
            let position = match entries.iter().position(|entry| entry.key == *key) {
                Some(position) => position,
                None => {
                    let origin = node.origin.clone();
                    let map = Node { origin: origin.clone(), value: Value::Map(Vec::new()) };
                    entries.push(Entry { key: key.clone(), key_origin: origin, node: map });
                    entries.len() - 1
                }
            };
            here = &mut entries[position].node;
        }
        *here = node;
    }

    /// Lays `above` over this tree: maps are merged key by key, anything else is replaced.
    pub fn overlay(&mut self, above: Node) {
        match (&mut self.value, above.value) {
            (Value::Map(below), Value::Map(entries)) => {
                for entry in entries {
                    match below.iter_mut().find(|b| b.key == entry.key) {
                        Some(existing) => {
                            existing.key_origin = entry.key_origin;
                            existing.node.overlay(entry.node);
                        }
                        None => below.push(entry),
                    }
                }
                self.origin = above.origin;
            }
            // A section whose keys are all commented out.
            (Value::Map(_), Value::Null) => {}
            (_, value) => *self = Node { origin: above.origin, value },
        }
    }
}
