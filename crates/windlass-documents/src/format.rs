//! Which format a file has, and reading it.

mod asciidoc;
mod code;
mod docx;
mod front_matter;
mod gzip;
mod html;
mod manual;
mod markdown;
mod names;
mod pdf;
mod plain;

use crate::{Document, Limits, Refused, decode::peek};

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    kind: Kind,
    /// Whether it has to be unfolded first.
    gzip: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Markdown,
    Text,
    Rst,
    Asciidoc,
    Html,
    Pdf,
    Docx,
    Manual,
    Code(&'static str),
}

impl Format {
    /// What its documents are written in, see [`Document::language`].
    pub fn language(&self) -> &'static str {
        match self.kind {
            Kind::Markdown => "markdown",
            Kind::Text => "text",
            Kind::Rst => "rst",
            Kind::Asciidoc => "asciidoc",
            Kind::Html => "html",
            Kind::Pdf => "pdf",
            Kind::Docx => "docx",
            Kind::Manual => "man",
            Kind::Code(language) => language,
        }
    }
}

/// The format of a file, by its name and its first bytes; a few hundred are enough, and with none the name alone
/// decides. Cheap, so that files of other formats need not be read: those are [`Refused::unknown`].
pub fn format(path: &str, head: &[u8]) -> Option<Format> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let (inner, gzip) = match name.strip_suffix(".gz") {
        Some(inner) => (inner, true),
        None => (name, head.starts_with(&gzip::MAGIC)),
    };
    let unfolded = if gzip { gzip::peek(head) } else { Vec::new() };
    let head = if gzip { &unfolded } else { head };
    let parent = path.rsplit('/').nth(1).unwrap_or_default();
    let kind = kind(parent, &inner.to_lowercase(), head)?;
    Some(Format { kind, gzip })
}

fn kind(parent: &str, name: &str, head: &[u8]) -> Option<Kind> {
    if head.starts_with(b"%PDF-") {
        return Some(Kind::Pdf);
    }
    let extension = name.rsplit_once('.').map(|(_, extension)| extension).unwrap_or_default();
    if manual::is_section(extension) {
        let marked = peek(head).is_some_and(|head| manual::is_page(&head));
        return (marked || (head.is_empty() && parent.starts_with("man"))).then_some(Kind::Manual);
    }
    if let Some(kind) = names::by_name(name).or_else(|| names::by_extension(extension)) {
        return Some(kind);
    }
    if !extension.is_empty() && !name.starts_with('.') {
        return None;
    }
    // A name without extension says little: the first line of a script does, and so does that of a page.
    let head = peek(head).filter(|head| !head.trim().is_empty())?;
    if let Some(language) = names::by_shebang(&head) {
        return Some(Kind::Code(language));
    }
    let start = head.trim_start().to_lowercase();
    if start.starts_with("<!doctype html") || start.starts_with("<html") {
        return Some(Kind::Html);
    }
    Some(Kind::Text)
}

/// Reads one file, whatever its format.
pub fn read(path: &str, bytes: &[u8], limits: &Limits) -> Result<Document, Refused> {
    let head = &bytes[..bytes.len().min(1 << 10)];
    let format = format(path, head).ok_or_else(|| Refused::unknown(path))?;
    if bytes.len() > limits.bytes {
        return Err(Refused::TooLarge(format!("the file is larger than {}", crate::limits::size(limits.bytes))));
    }
    let unfolded = if format.gzip { Some(gzip::unfold(bytes, limits)?) } else { None };
    let bytes = unfolded.as_deref().unwrap_or(bytes);
    let document = match format.kind {
        Kind::Markdown => markdown::read(bytes, limits),
        Kind::Text => plain::text(bytes, limits),
        Kind::Rst => plain::rst(bytes, limits),
        Kind::Asciidoc => asciidoc::read(bytes, limits),
        Kind::Html => html::read(bytes, limits),
        Kind::Pdf => pdf::read(bytes, limits),
        Kind::Docx => docx::read(bytes, limits),
        Kind::Manual => manual::read(bytes, limits),
        Kind::Code(language) => code::read(language, bytes, limits),
    }?;
    Ok(Document { language: format.language().to_owned(), ..document })
}

/// A document with nothing but its text.
fn bare(text: String) -> Document {
    Document {
        title: None,
        text,
        sections: Vec::new(),
        language: String::new(),
        tags: Vec::new(),
        date: None,
        converted: false,
    }
}

#[cfg(test)]
mod tests {
    use super::format;

    fn named(path: &str, head: &[u8]) -> Option<&'static str> {
        format(path, head).map(|format| format.language())
    }

    #[test]
    fn names_and_first_bytes_tell_the_format() {
        for (path, head, language) in [
            ("docs/Guide.MD", &b""[..], "markdown"),
            ("README", b"Hello", "text"),
            ("README.Debian", b"", "text"),
            ("changelog.Debian.gz", b"", "text"),
            ("a/b.rst", b"", "rst"),
            ("a/b.adoc", b"", "asciidoc"),
            ("index.htm", b"", "html"),
            ("page", b"<!DOCTYPE html><p>", "html"),
            ("paper", b"%PDF-1.4\n", "pdf"),
            ("x.docx", b"PK", "docx"),
            ("man1/ls.1", b"", "man"),
            ("ls.1", b".TH LS 1\n", "man"),
            ("man3/printf.3posix", b"", "man"),
            ("tool", b"#!/usr/bin/env python3\n", "python"),
            ("tool", b"#!/bin/sh -e\n", "shell"),
            ("Dockerfile", b"", "dockerfile"),
            ("Dockerfile.prod", b"", "dockerfile"),
            ("Makefile", b"", "makefile"),
            ("src/main.rs", b"", "rust"),
            ("infra/main.tf", b"", "terraform"),
            ("a.tsx", b"", "typescript"),
            (".gitignore", b"target\n", "text"),
        ] {
            assert_eq!(named(path, head), Some(language), "{path}");
        }
        for (path, head) in [
            ("a.png", &b""[..]),
            ("a.xyz", b"text"),
            ("libc.so.6", b"\x7fELF"),
            ("service.1", b"a log"),
            ("bin/ls", b"\x7fELF\0\0"),
            ("data", b""),
            ("archive.tar.gz", b""),
        ] {
            assert_eq!(named(path, head), None, "{path}");
        }
    }
}
