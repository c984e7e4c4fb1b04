//! What every import of another system's configuration needs: YAML whose values know their lines, a windlass.yaml with
//! comments, and notes of what is not as it was.

pub mod identifier;
pub mod write;
pub mod yaml;

/// What a file has become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// A whole windlass.yaml.
    pub yaml: String,
    /// What is different or missing, in the order of the file.
    pub notes: Vec<Note>,
}

/// Something that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// The line of the old file, from 1.
    pub line: usize,
    /// What about it.
    pub message: String,
}

/// Why there is nothing to carry over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct ImportError {
    /// The file, as it was named.
    pub file: String,
    /// Where in it, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl ImportError {
    /// That `message` is wrong in a line of a file.
    pub fn new(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into() }
    }
}

/// Notes as they come up.
#[derive(Debug, Default)]
pub struct Notes(Vec<Note>);

impl Notes {
    /// Notes something about a line.
    pub fn add(&mut self, line: usize, message: impl Into<String>) {
        self.0.push(Note { line, message: message.into() });
    }

    /// All of them, in the order of the file, each once.
    pub fn finish(self) -> Vec<Note> {
        let Self(mut notes) = self;
        notes.sort();
        notes.dedup();
        notes
    }
}

/// A file's name fit for a comment.
pub fn shown(file_name: &str) -> String {
    file_name.chars().filter(|c| !c.is_control()).collect()
}
