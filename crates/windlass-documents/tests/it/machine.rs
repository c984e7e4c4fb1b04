//! Documents of this machine, where it has some.

use std::path::{Path, PathBuf};

use windlass_documents::{Chunking, Limits, Refused, chunks, format, read};

use crate::make::{assert_partition, assert_sound};

/// Some files below a directory, in the same order each time.
fn files(root: &Path, most: usize) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(entry.path()),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found.sort();
    let step = found.len() / most + 1;
    found.into_iter().step_by(step).collect()
}

#[test]
fn documentation_and_manual_pages_are_read_and_cut() {
    let roots = [("/usr/share/doc", 900), ("/usr/share/man", 600)];
    let (mut read_files, mut with_headings) = (0_u32, 0_u32);
    for path in roots.iter().flat_map(|(root, most)| files(Path::new(root), *most)) {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let name = path.to_string_lossy();
        let known = format(&name, &bytes[..bytes.len().min(512)]);
        match read(&name, &bytes, &Limits::default()) {
            Ok(document) => {
                assert!(known.is_some());
                assert_sound(&document, &Limits::default());
                assert_partition(&document, &chunks(&document, &Chunking::default()), 2000);
                read_files += 1;
                with_headings += u32::from(!document.sections.is_empty());
            }
            Err(Refused::Unknown(_)) => assert!(known.is_none(), "{name}"),
            Err(refused @ (Refused::Broken(_) | Refused::TooSlow(_))) => panic!("{name}: {refused}"),
            Err(_) => {}
        }
    }
    eprintln!("{read_files} files read, {with_headings} with headings");
    assert!(read_files < 100 || with_headings * 3 > read_files, "{with_headings} of {read_files} have headings");
}

#[test]
fn own_sources_are_read_and_cut() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for path in files(&root.join("src"), 200).into_iter().chain(files(&root.join("../../docs"), 100)) {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        if let Ok(document) = read(&path.to_string_lossy(), &bytes, &Limits::default()) {
            assert_sound(&document, &Limits::default());
            assert_partition(&document, &chunks(&document, &Chunking::default()), 2000);
            if path.extension().is_some_and(|extension| extension == "rs" || extension == "md") {
                assert_eq!(document.text.as_bytes(), bytes, "{}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

/// Files that real programs wrote: pdfTeX, Ghostscript, whatever made the documentation here.
#[test]
fn pdfs_have_words_in_lines() {
    for path in files(Path::new("/usr/share/doc"), 1 << 30) {
        if path.extension().is_none_or(|extension| extension != "pdf") {
            continue;
        }
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let document = match read(&path.to_string_lossy(), &bytes, &Limits::default()) {
            Ok(document) => document,
            Err(refused) => panic!("{}: {refused}", path.display()),
        };
        assert_sound(&document, &Limits::default());
        assert_partition(&document, &chunks(&document, &Chunking::default()), 2000);
        let words: Vec<&str> = document.text.split_whitespace().collect();
        let letters: usize = words.iter().map(|word| word.chars().count()).sum();
        let mean = letters / words.len();
        assert!(
            words.len() > 100 && (3..=9).contains(&mean),
            "{}: {} words of {mean} letters",
            path.display(),
            words.len()
        );
        if std::env::var_os("SHOW").is_some() {
            eprintln!("{}\n{:?} {:?}\n{}", path.display(), document.title, document.date, document.text);
        }
    }
}
