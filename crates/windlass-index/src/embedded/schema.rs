//! The text index: its fields, and how words are cut.

use tantivy::{
    Index, TantivyError,
    schema::{FAST, Field, INDEXED, IndexRecordOption, STORED, Schema, TextFieldIndexing, TextOptions},
    tokenizer::{AsciiFoldingFilter, Language, LowerCaser, RemoveLongFilter, Stemmer, StopWordFilter, TextAnalyzer},
};

use super::tokens::Words;
use crate::IndexError;

/// The name of the analyser in the schema.
const ANALYSER: &str = "windlass1";
/// Bytes of the longest word: a checksum is one, a line of base64 is none.
const LONGEST: usize = 160;

/// What an entry of the text index is.
pub mod kind {
    /// A document, without its text.
    pub const DOCUMENT: u64 = 0;
    /// The text of a document.
    pub const TEXT: u64 = 1;
    /// A chunk.
    pub const CHUNK: u64 = 2;
}

/// Its fields.
#[derive(Debug, Clone, Copy)]
pub struct Fields {
    /// One of [`kind`].
    pub kind: Field,
    /// Of the document. Everything with one path is deleted together.
    pub path: Field,
    pub language: Field,
    pub tag: Field,
    /// The Julian day.
    pub date: Field,
    /// The first line of a chunk.
    pub line: Field,
    /// A number that no other chunk of the index ever had: finds its vector again where segments become one.
    pub key: Field,
    pub heading: Field,
    pub body: Field,
    /// A [`crate::DocumentEntry`], a text, a chunk.
    pub stored: Field,
}

/// Names of fields that are read as columns.
pub mod column {
    pub const KIND: &str = "kind";
    pub const PATH: &str = "path";
    pub const DATE: &str = "date";
    pub const LINE: &str = "line";
    pub const KEY: &str = "key";
}

impl Fields {
    /// With the schema that has them.
    pub fn new() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let indexed = |tokenizer: &str, option, norms| {
            let indexing = TextFieldIndexing::default().set_tokenizer(tokenizer).set_index_option(option);
            TextOptions::default().set_indexing_options(indexing.set_fieldnorms(norms))
        };
        let name = || indexed("raw", IndexRecordOption::Basic, false);
        let words = || indexed(ANALYSER, IndexRecordOption::WithFreqs, true);
        let fields = Self {
            kind: schema.add_u64_field(column::KIND, INDEXED | FAST),
            path: schema.add_text_field(column::PATH, name().set_fast("raw")),
            language: schema.add_text_field("language", name()),
            tag: schema.add_text_field("tag", name()),
            date: schema.add_i64_field(column::DATE, FAST),
            line: schema.add_u64_field(column::LINE, FAST),
            key: schema.add_u64_field(column::KEY, FAST),
            heading: schema.add_text_field("heading", words()),
            body: schema.add_text_field("body", words()),
            stored: schema.add_text_field("stored", TextOptions::default() | STORED),
        };
        (schema.build(), fields)
    }
}

/// Makes an index of tantivy read our words.
pub fn prepare(index: &Index) {
    index.tokenizers().register(ANALYSER, analyser());
}

/// Words in any writing, in lower case, without accents, and as their English stem: "Retries" is "retry".
pub fn analyser() -> TextAnalyzer {
    let words = TextAnalyzer::builder(Words::default()).filter(RemoveLongFilter::limit(LONGEST));
    words.filter(LowerCaser).filter(AsciiFoldingFilter).filter(Stemmer::new(Language::English)).build()
}

/// [`analyser`] without the words that are in every question. They are in the index, for who asks for nothing else.
pub fn query_analyser() -> TextAnalyzer {
    let stop = StopWordFilter::new(Language::English).unwrap_or_else(|| StopWordFilter::remove([]));
    let words = TextAnalyzer::builder(Words::default()).filter(RemoveLongFilter::limit(LONGEST));
    words.filter(LowerCaser).filter(stop).filter(AsciiFoldingFilter).filter(Stemmer::new(Language::English)).build()
}

/// What tantivy says, as what it means for the index.
pub fn failed(error: TantivyError) -> IndexError {
    match error {
        TantivyError::IoError(error) => IndexError::Unreachable(error.to_string()),
        other => IndexError::Damaged(other.to_string()),
    }
}
