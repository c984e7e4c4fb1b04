//! What holds of any bytes at all.

use proptest::{collection::vec, prelude::*, sample::select};
use windlass_documents::{Chunking, Limits, Section, chunks, format, read, section};

use crate::make::{assert_partition, assert_sound, docx_of, gzip, pdf_of, zip_of};

const NAMES: [&str; 14] = [
    "a.md", "a.txt", "a.rst", "a.adoc", "a.html", "a.pdf", "a.docx", "a.1", "man1/b.3", "a.rs", "a.py", "a.sql",
    "a.yaml", "a.c",
];

/// Pieces that the readers look for.
const PIECES: [&str; 72] = [
    "# ",
    "## ",
    "\n",
    "\n\n",
    "---\n",
    "===\n",
    "```\n",
    "~~~",
    "<!--",
    "-->",
    "| a | b |\n",
    "- item\n",
    "    ",
    "\t",
    "word ",
    "Ünïcödé ",
    "\r\n",
    "title: x\n",
    ": ",
    "&amp;",
    "<h1>",
    "</h1>",
    "<pre>",
    "</pre>",
    "<table>",
    "<tr>",
    "<td>",
    "</table>",
    "<li>",
    "<ul>",
    "</ul>",
    "<p>",
    "<br>",
    "<script>",
    "</script>",
    "<title>",
    "</title>",
    "<svg/>",
    "<h2",
    ".SH ",
    ".TP\n",
    ".B ",
    "\\fB",
    "\\(em",
    "\\",
    ".de X\n",
    "..\n",
    ".if n ",
    "\\{",
    "\\}",
    ".TS\n",
    ".TE\n",
    ".Op Fl ",
    ".Nm\n",
    ".TH A 1\n",
    "fn f() {\n",
    "class A:\n",
    "    def f():\n",
    "CREATE TABLE x\n",
    "}\n",
    "(",
    ")",
    "\"",
    "'",
    "`",
    "[",
    "]",
    "*",
    "_",
    "\u{feff}",
    "----\n",
    "int main(void)\n",
];

fn limits() -> Limits {
    Limits { bytes: 1 << 20, text_bytes: 1 << 18, pages: 50, sections: 20, steps: 2_000_000, ..Limits::default() }
}

fn check(name: &str, bytes: &[u8], options: &Chunking) {
    let _ = format(name, &bytes[..bytes.len().min(100)]);
    let Ok(document) = read(name, bytes, &limits()) else { return };
    assert_sound(&document, &limits());
    let found = chunks(&document, options);
    assert_partition(&document, &found, options.most.max(16));
    for heading in &document.sections {
        let (first, last) = section(&document.text, &document.sections, &heading.title).unwrap();
        assert!(first <= last && last as usize <= document.text.lines().count());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(name in select(&NAMES[..]), bytes in vec(any::<u8>(), 0..600)) {
        check(name, &bytes, &Chunking::default());
        check("a.md.gz", &gzip(&bytes), &Chunking::default());
    }

    #[test]
    fn any_text_is_read_and_cut(
        name in select(&NAMES[..]),
        pieces in vec(select(&PIECES[..]), 0..150),
        target in 1_usize..300,
        most in 1_usize..400,
        overlap in 0_usize..200,
    ) {
        let text = pieces.concat();
        check(name, text.as_bytes(), &Chunking { target, most, overlap });
        check("a.1", format!(".TH X 1\n{text}").as_bytes(), &Chunking { target, most, overlap });
    }

    #[test]
    fn a_pdf_with_wrong_bytes_is_read_or_refused(changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let mut bytes = pdf_of("BT /F1 12 Tf 72 700 Td (Some words) Tj 0 -14 Td [(more) -300 (words)] TJ ET");
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        check("a.pdf", &bytes, &Chunking::default());
    }

    #[test]
    fn any_contents_of_a_page_are_run(contents in vec(select(&["BT ", "ET ", "/F1 9 Tf ", "(x) Tj ", "[(a) -900 (b)] TJ ", "q ", "Q ",
        "1 0 0 1 9 9 cm ", "9 9 Td ", "T* ", "1 2 3 4 5 6 Tm ", "BI ", "ID ", " EI ", "/F1 Do ", "<< ", ">> ", "[ ", "] ", "( ", "99999999999999999999 ",
        "-1e9 Tz ", "(y) ' ", "1 1 (z) \" ", "% c\n", "{ } "][..]), 0..80)) {
        check("a.pdf", &pdf_of(&contents.concat()), &Chunking::default());
    }

    #[test]
    fn a_docx_with_any_body_is_read_or_refused(parts in vec(select(&["<w:p>", "</w:p>", "<w:tbl>", "</w:tbl>", "<w:tr>", "</w:tr>", "<w:tc>",
        "</w:tc>", "<w:r>", "<w:t>", "</w:t>", "words ", "&lt;", "&#x41;", "&nope;", "<w:br/>", "<w:del>", "</w:del>", "<w:pStyle w:val=\"Heading1\"/>",
        "<w:numId w:val='1'/>", "<!-- c -->", "<![CDATA[x]]>", "<", "&"][..]), 0..80), damage in any::<prop::sample::Index>()) {
        let mut bytes = docx_of(&parts.concat());
        check("a.docx", &bytes, &Chunking::default());
        check("a.docx", &zip_of(&[("word/document.xml", parts.concat().as_bytes())]), &Chunking::default());
        let index = damage.index(bytes.len());
        bytes[index] ^= 0x55;
        check("a.docx", &bytes, &Chunking::default());
    }

    #[test]
    fn any_question_for_a_section_has_an_answer(titles in vec("[a-c #-]{0,6}", 0..12), wanted in "[a-c #-]{0,5}") {
        let text = "x\n".repeat(titles.len() + 1);
        let sections: Vec<Section> = titles.iter().enumerate()
            .map(|(index, title)| Section { level: (index % 3 + 1) as u8, title: title.clone(), line: index as u32 + 1 }).collect();
        if let Some((first, last)) = section(&text, &sections, &wanted) {
            prop_assert!(first <= last && last as usize <= titles.len() + 1);
        }
    }
}
