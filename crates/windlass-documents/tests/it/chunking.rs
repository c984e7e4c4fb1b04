//! Where documents are cut.

use windlass_documents::{Chunk, Chunking, Document, chunks};

use crate::make::{assert_partition, must};

fn cut(text: &str, options: &Chunking) -> (Document, Vec<Chunk>) {
    let document = must("a.md", text.as_bytes());
    let chunks = chunks(&document, options);
    assert_partition(&document, &chunks, options.most);
    (document, chunks)
}

fn places(chunks: &[Chunk]) -> Vec<String> {
    chunks.iter().map(|c| format!("{}-{} {}", c.first_line, c.last_line, c.breadcrumb.join(" > "))).collect()
}

fn paragraph(words: usize) -> String {
    (0..words).map(|word| format!("word{word}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_section_is_a_chunk_with_its_headings_above() {
    let long = paragraph(90);
    let text = format!("# Guide\n\n{long}\n\n## Install\n\n{long}\n\n### Linux\n\n{long}\n\n## Use\n\n{long}\n");
    let (_, found) = cut(&text, &Chunking::default());
    assert_eq!(
        places(&found),
        ["1-3 Guide", "5-7 Guide > Install", "9-11 Guide > Install > Linux", "13-15 Guide > Use"]
    );
    assert!(found[2].embedded_text().starts_with("Guide > Install > Linux\n### Linux\n"));
}

#[test]
fn tiny_neighbours_are_put_together_under_their_parent() {
    let text = "# Words\n\n## A\nOne line.\n\n## B\nOne line.\n\n## C\nOne line.\n\n# Other\nOne line.\n";
    let (_, found) = cut(text, &Chunking::default());
    assert_eq!(places(&found), ["1-13 Words"], "all of it is little");
    let long = paragraph(90);
    let text = format!("# Words\n\n## A\nOne line.\n\n## B\nOne line.\n\n## Long\n{long}\n\n## Longer\n{long}\n");
    let (_, found) = cut(&text, &Chunking::default());
    assert_eq!(places(&found), ["1-10 Words", "12-13 Words > Longer"].map(str::to_owned), "{found:#?}");
}

#[test]
fn the_title_is_not_said_twice() {
    let (_, found) = cut("---\ntitle: Guide\n---\n# guide\n\n## A\n\ntext\n", &Chunking::default());
    assert_eq!(found[0].breadcrumb, ["Guide", "A"]);
}

#[test]
fn long_sections_are_cut_between_paragraphs_and_overlap_in_whole_lines() {
    let lines: String = (0..60).map(|line| format!("Line {line} has some forty characters in it.\n\n")).collect();
    let (_, found) = cut(&format!("# Long\n\n{lines}"), &Chunking::default());
    assert!(found.len() >= 2);
    for pair in found.windows(2) {
        assert!(pair[1].first_line <= pair[0].last_line, "they overlap");
        let shared: usize =
            pair[1].text.lines().take((pair[0].last_line - pair[1].first_line + 1) as usize).map(str::len).sum();
        assert!(shared <= 200, "{shared}");
        assert!(
            pair[0].text.ends_with(pair[1].text.lines().next().unwrap_or("").trim())
                || pair[0].text.contains(pair[1].text.lines().next().unwrap())
        );
    }
    assert!(found.iter().all(|chunk| chunk.breadcrumb == ["Long"]));
    let (_, none) = cut(&format!("# Long\n\n{lines}"), &Chunking { overlap: 0, ..Chunking::default() });
    assert!(none.windows(2).all(|pair| pair[1].first_line > pair[0].last_line));
}

#[test]
fn code_is_kept_whole_where_it_fits() {
    let code: String = (0..30).map(|line| format!("    let value{line} = compute();\n\n")).collect();
    let text = format!("# Code\n\n{}\n\n```rust\n{code}```\n\nAfter.\n", paragraph(100));
    let (document, found) = cut(&text, &Chunking::default());
    let first = document.text.lines().position(|line| line == "```rust").unwrap() as u32 + 1;
    let last = document.text.lines().position(|line| line == "```").unwrap() as u32 + 1;
    assert!(found.iter().any(|chunk| chunk.first_line <= first && last <= chunk.last_line), "{:?}", places(&found));
}

#[test]
fn one_long_line_is_cut_and_each_piece_cites_it() {
    let text = format!("# Data\n\nbefore\n\n{}\n\nafter\n", "x".repeat(7000));
    let (_, found) = cut(&text, &Chunking::default());
    let pieces: Vec<&Chunk> = found.iter().filter(|chunk| chunk.text.starts_with('x')).collect();
    assert_eq!(pieces.len(), 4);
    assert!(pieces.iter().all(|piece| (piece.first_line, piece.last_line) == (5, 5)));
    assert_eq!(pieces.iter().map(|piece| piece.text.as_str()).collect::<String>().trim_end(), "x".repeat(7000));
}

#[test]
fn code_has_its_items_above() {
    let body = "    call_something_useful();\n".repeat(30);
    let source = format!(
        "use x;\n\n/// Does it.\nfn one() {{\n{body}}}\n\nimpl A for B {{\n    fn two() {{\n{body}    }}\n}}\n"
    );
    let document = must("a.rs", source.as_bytes());
    let found = chunks(&document, &Chunking::default());
    assert_partition(&document, &found, 2000);
    let breadcrumbs: Vec<String> = found.iter().map(|chunk| chunk.breadcrumb.join(" > ")).collect();
    assert_eq!(breadcrumbs, ["fn one", "impl A for B > fn two"]);
}

#[test]
fn nothing_comes_of_nothing() {
    let document = Document { text: "\n \n".to_owned(), ..must("a.md", b"x") };
    assert!(chunks(&document, &Chunking::default()).is_empty());
    let document = Document { text: String::new(), ..document };
    assert!(chunks(&document, &Chunking::default()).is_empty());
}
