//! The pages of a file, in order.

use std::{collections::HashSet, rc::Rc};

use lopdf::{Dictionary, Object};

use crate::Refused;

use super::file::File;

/// Levels of the tree of pages.
const MAX_DEPTH: usize = 64;
/// Branches that wait to be looked at.
const MAX_OPEN: usize = 50_000;

pub(super) struct Page {
    pub dictionary: Dictionary,
    /// Its own, or those of the branch it is on.
    pub resources: Rc<Dictionary>,
}

/// Goes from page to page. Only one is held at a time: each may be as large as a file can make it.
pub(super) struct Pages<'a> {
    file: &'a File<'a>,
    seen: HashSet<(u32, u16)>,
    /// What is still to be looked at, the next one last, with the resources it inherits and its depth.
    open: Vec<(Object, Rc<Dictionary>, usize)>,
}

impl<'a> Pages<'a> {
    pub fn new(file: &'a File<'a>) -> Result<Self, Refused> {
        let root = file.pages_root()?.unwrap_or(Object::Null);
        Ok(Self { file, seen: HashSet::new(), open: vec![(root, Rc::default(), 0)] })
    }

    pub fn next(&mut self) -> Result<Option<Page>, Refused> {
        while let Some((node, inherited, depth)) = self.open.pop() {
            if let Object::Reference(id) = node
                && !self.seen.insert(id)
            {
                return Err(Refused::Broken("PDF: its tree of pages leads back to itself".to_owned()));
            }
            if depth > MAX_DEPTH {
                return Err(Refused::Broken(format!("PDF: a tree of pages of more than {MAX_DEPTH} levels")));
            }
            let Object::Dictionary(node) = self.file.resolve(&node)? else { continue };
            let resources = match self.file.value(&node, b"Resources")? {
                Object::Dictionary(own) => Rc::new(own),
                _ => inherited,
            };
            let Object::Array(kids) = self.file.value(&node, b"Kids")? else {
                return Ok(Some(Page { dictionary: node, resources }));
            };
            // They are references by the book, and those are small.
            let kids = kids.into_iter().rev().filter(|kid| matches!(kid, Object::Reference(_)));
            self.open.extend(kids.map(|kid| (kid, Rc::clone(&resources), depth + 1)));
            if self.open.len() > MAX_OPEN {
                return Err(Refused::TooLarge(format!("PDF: more than {MAX_OPEN} branches in its tree of pages")));
            }
        }
        Ok(None)
    }
}
