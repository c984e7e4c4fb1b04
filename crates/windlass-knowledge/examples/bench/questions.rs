//! Questions whose answer is known, made by rule: somebody looks for a document and remembers how a part of it is called.
//!
//! Every title and every heading is a candidate. One that occurs in several documents says nothing of which is meant, and is
//! left out. From the others the words of the file's name are taken, for whoever knows that name needs no search; where
//! fewer than two words are left, or the words left are those of another candidate too, it is left out as well. Of each
//! document one candidate is taken, by the hash of its words, so that every run asks the same.

use std::collections::{BTreeMap, BTreeSet};

use windlass_index::{Hash, NewDocument};

/// A question, and the document it is about.
pub struct Question {
    /// What is asked.
    pub words: String,
    /// The path of the document.
    pub path: String,
}

/// At most `most` questions, in an order that says nothing.
pub fn questions(documents: &[NewDocument], most: usize) -> Vec<Question> {
    let named: Vec<(&str, BTreeSet<Vec<String>>)> =
        documents.iter().map(|document| (document.entry.path.as_str(), headings(document))).collect();
    let mut times: BTreeMap<&Vec<String>, usize> = BTreeMap::new();
    for heading in named.iter().flat_map(|(_, headings)| headings) {
        *times.entry(heading).or_default() += 1;
    }
    let mut candidates: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (path, headings) in &named {
        let name: BTreeSet<String> = words(path.rsplit('/').next().unwrap_or(path)).into_iter().collect();
        for heading in headings.iter().filter(|heading| times[heading] == 1) {
            let left: Vec<&str> = heading.iter().filter(|word| !name.contains(*word)).map(String::as_str).collect();
            if left.iter().filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() >= 3).count() >= 2 {
                candidates.entry(left.join(" ")).or_default().push(path);
            }
        }
    }
    let mut one_each: BTreeMap<&str, (Hash, String)> = BTreeMap::new();
    for (words, paths) in candidates {
        let [path] = paths[..] else { continue };
        let order = Hash::of(&words);
        if one_each.get(path).is_none_or(|(other, _)| order < *other) {
            one_each.insert(path, (order, words));
        }
    }
    let mut found: Vec<(Hash, Question)> =
        one_each.into_iter().map(|(path, (order, words))| (order, Question { words, path: path.to_owned() })).collect();
    found.sort_by_key(|(order, _)| *order);
    found.into_iter().take(most).map(|(_, question)| question).collect()
}

fn headings(document: &NewDocument) -> BTreeSet<Vec<String>> {
    let sections = document.entry.sections.iter().map(|(_, title, _)| title.as_str());
    document.entry.title.as_deref().into_iter().chain(sections).map(words).filter(|words| !words.is_empty()).collect()
}

fn words(text: &str) -> Vec<String> {
    let separated = text.split(|c: char| !c.is_alphanumeric());
    separated.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}
