//! Files made to hurt whoever reads them: each ends soon, in an error or in a document.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use windlass_documents::{Limits, read};

use crate::make::{Pdf, docx_of, gzip, must, pdf_of, refused, zip_of, zlib, zlib_zeros};

/// What reading any of them may take on a slow, busy machine without optimization.
const SOON: Duration = Duration::from_secs(60);

fn soon<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let out = work();
    assert!(start.elapsed() < SOON, "{what} took {:?}", start.elapsed());
    out
}

fn reason(path: &str, bytes: &[u8]) -> String {
    soon(path, || refused(path, bytes)).reason().into_owned()
}

#[test]
fn pdf_whose_pages_lead_in_circles() {
    let mut pdf = Pdf::new();
    pdf.object("<< /Type /Catalog /Pages 2 0 R >>");
    pdf.object("<< /Type /Pages /Kids [2 0 R 3 0 R] >>");
    pdf.object("<< /Type /Pages /Kids [2 0 R] >>");
    assert_eq!(reason("a.pdf", &pdf.done("/Root 1 0 R")), "broken");
    // Each level twice as wide as the one above, and a circle only by way of arrays.
    let mut pdf = Pdf::new();
    pdf.object("<< /Type /Catalog /Pages 2 0 R >>");
    pdf.object("<< /Kids 3 0 R >>");
    for number in 4..40 {
        pdf.object(format!("[<< /Kids {number} 0 R >> << /Kids {number} 0 R >>]"));
    }
    assert_eq!(reason("a.pdf", &pdf.done("/Root 1 0 R")), "no_text");
    // A page for each branch, all branches the same object.
    let mut pdf = Pdf::new();
    pdf.object("<< /Type /Catalog /Pages 2 0 R >>");
    pdf.object(format!("<< /Kids [{}] >>", "3 0 R ".repeat(100_000)));
    pdf.object("<< /Type /Page >>");
    assert_eq!(reason("a.pdf", &pdf.done("/Root 1 0 R")), "too_large");
}

/// Each operand by itself is small enough.
#[test]
fn pdf_with_large_operands() {
    let array = format!("[{}] ", "0 ".repeat(150_000));
    assert_eq!(reason("a.pdf", &pdf_of(&array.repeat(30))), "too_large");
    let font = format!("/F1 9 Tf [{}] TJ ", "0 ".repeat(150_000));
    assert_eq!(reason("a.pdf", &pdf_of(&font.repeat(30))), "no_text");
}

#[test]
fn pdf_whose_references_lead_in_circles() {
    let mut pdf = Pdf::new();
    pdf.object("<< /Type /Catalog /Pages 2 0 R >>");
    pdf.object("3 0 R");
    pdf.object("2 0 R");
    assert_eq!(reason("a.pdf", &pdf.done("/Root 1 0 R")), "broken");
    // A length that is in the very stream whose length it is.
    let mut pdf = Pdf::new();
    pdf.object("<< /Type /Catalog /Pages 2 0 R >>");
    pdf.object("<< /Type /ObjStm /N 1 /First 4 /Length 3 0 R >>\nstream\n3 0 99\nendstream");
    let bytes = pdf.done_with_stream("/Root 1 0 R", &[(2, 0)]);
    assert_eq!(reason("a.pdf", &bytes), "broken");
}

#[test]
fn pdf_whose_tables_lead_in_circles() {
    let bytes = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\nxref\n0 1\n0000000000 65535 f \ntrailer\n<< /Prev 45 /Root 1 0 R >>\nstartxref\n45\n%%EOF";
    assert_eq!(reason("a.pdf", bytes), "broken");
    // A hundred thousand sections, each pointing at the next.
    let mut bytes = b"%PDF-1.4\n".to_vec();
    for _ in 0..100_000 {
        let next = bytes.len() + 60;
        let section = format!("xref\n0 0\ntrailer\n<< /Prev {next} >>\n");
        bytes.extend_from_slice(format!("{section:60}").as_bytes());
    }
    bytes.extend_from_slice(b"startxref\n9\n%%EOF");
    assert_eq!(reason("a.pdf", &bytes), "broken");
    let huge = b"%PDF-1.4\nxref\n0 9999999999\n0000000000 65535 f \ntrailer\n<<>>\nstartxref\n9\n%%EOF";
    assert_eq!(reason("a.pdf", huge), "broken");
}

#[test]
fn pdf_that_nests_without_end() {
    for open in ["[", "<< /A ", "[ << /A "] {
        let deep = open.repeat(200_000);
        let mut pdf = Pdf::new();
        pdf.object(&deep);
        pdf.object(format!("<< /Pages {deep}"));
        assert_eq!(reason("a.pdf", &pdf.done("/Root 2 0 R")), "broken");
        assert_eq!(reason("a.pdf", &pdf_of(&deep)), "broken");
    }
    assert_eq!(reason("a.pdf", &pdf_of(&"(".repeat(1_000_000))), "no_text");
    assert_eq!(reason("a.pdf", &pdf_of(&"q ".repeat(1_000_000))), "no_text");
    let array = format!("[{}", "0 ".repeat(1_000_000));
    assert_eq!(reason("a.pdf", &pdf_of(&array)), "too_large");
}

#[test]
fn pdf_that_unfolds_to_two_gigabytes() {
    let mut pdf = Pdf::new();
    pdf.object("<< /Type /Catalog /Pages 2 0 R >>");
    pdf.object("<< /Type /Pages /Kids [3 0 R] >>");
    pdf.object("<< /Type /Page /Contents 4 0 R >>");
    let bomb = zlib_zeros(2 << 30);
    pdf.stream("/Filter /FlateDecode", &bomb);
    assert_eq!(reason("a.pdf", &pdf.done("/Root 1 0 R")), "too_large");
    // Packed twice it is small.
    let mut pdf = Pdf::new();
    pdf.object("<< /Type /Catalog /Pages 2 0 R >>");
    pdf.object("<< /Type /Pages /Kids [3 0 R] >>");
    pdf.object("<< /Type /Page /Contents 4 0 R >>");
    pdf.stream("/Filter [/FlateDecode /FlateDecode]", &zlib(&bomb));
    assert_eq!(reason("a.pdf", &pdf.done("/Root 1 0 R")), "too_large");
}

/// One page that is nearly too large, shown a thousand times.
#[test]
fn pdf_that_shows_the_same_again_and_again() {
    let mut pdf = Pdf::new();
    pdf.object("<< /Type /Catalog /Pages 2 0 R >>");
    let kids: String = (4..1004).map(|kid| format!("{kid} 0 R ")).collect();
    pdf.object(format!("<< /Type /Pages /Kids [{kids}] >>"));
    pdf.stream("/Filter /FlateDecode", &zlib_zeros(30 << 20));
    for _ in 4..1004 {
        pdf.object("<< /Type /Page /Contents 3 0 R >>");
    }
    assert_eq!(reason("a.pdf", &pdf.done("/Root 1 0 R")), "too_slow");
    // Forms that show each other.
    let mut pdf = Pdf::new();
    pdf.object("<< /Type /Catalog /Pages 2 0 R >>");
    pdf.object("<< /Type /Pages /Kids [3 0 R] /Resources << /XObject << /A 4 0 R >> >> >>");
    pdf.object("<< /Type /Page /Contents 5 0 R >>");
    pdf.stream("/Subtype /Form", "/A Do ".repeat(100).as_bytes());
    pdf.stream("", b"/A Do");
    assert_eq!(reason("a.pdf", &pdf.done("/Root 1 0 R")), "too_slow");
}

/// Every entry of the table is the same large object.
#[test]
fn pdf_whose_objects_are_all_the_same() {
    let mut bytes = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 1 0 R /Kids [".to_vec();
    for number in 1..50_000 {
        bytes.extend_from_slice(format!("{number} 0 R ").as_bytes());
    }
    bytes.extend_from_slice(b"] >>\nendobj\n");
    let start = bytes.len();
    let mut table = "xref\n0 50001\n0000000000 65535 f \n".to_owned();
    for _ in 0..50_000 {
        table.push_str("0000000009 00000 n \n");
    }
    let _ = write!(table, "trailer\n<< /Root 1 0 R >>\nstartxref\n{start}\n%%EOF");
    bytes.extend_from_slice(table.as_bytes());
    let why = reason("a.pdf", &bytes);
    assert!(["too_slow", "broken", "no_text"].contains(&why.as_str()), "{why}");
}

#[test]
fn docx_that_unfolds_or_nests_without_end() {
    let huge = vec![b' '; 200 << 20];
    assert_eq!(reason("a.docx", &zip_of(&[("word/document.xml", &huge)])), "too_large");
    let entities = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><w:document><w:p><w:t>&b;</w:t></w:p></w:document>";
    assert_eq!(reason("a.docx", &zip_of(&[("word/document.xml", entities.as_bytes())])), "broken");
    let tables = "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>x</w:t></w:r></w:p>".repeat(100_000);
    assert_eq!(reason("a.docx", &docx_of(&tables)), "broken");
    let shallow = format!(
        "{}{}",
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>x</w:t></w:r></w:p>".repeat(300),
        "</w:tc></w:tr></w:tbl>".repeat(300)
    );
    assert_eq!(must("a.docx", &docx_of(&shallow)).text.matches('x').count(), 300);
    let attributes: String = (0..1_000_000).fold("<w:p".to_owned(), |mut out, n| {
        let _ = write!(out, " a{n}=\"\"");
        out
    });
    let document =
        soon("attributes", || must("a.docx", &docx_of(&format!("{attributes}><w:r><w:t>words</w:t></w:r></w:p>"))));
    assert_eq!(document.text, "words\n");
    let cells = format!("<w:tbl><w:tr>{}<w:p><w:t>x</w:t></w:p></w:tr></w:tbl>", "<w:tc/>".repeat(2_000_000));
    soon("cells", || must("a.docx", &docx_of(&cells)));
}

#[test]
fn html_that_nests_without_end() {
    for element in ["div", "ul><li", "table><tr><td", "b", "svg", "pre", "h1", "blockquote"] {
        let page = format!("<html><p>before</p>{}deep", format!("<{element}>").repeat(200_000));
        let document = soon(element, || read("a.html", page.as_bytes(), &Limits::default()));
        let text = document.unwrap_or_else(|refused| panic!("{element}: {refused}")).text;
        assert!(text.contains("before"), "{element}");
        assert_eq!(text.contains("deep"), element != "svg", "{element}");
    }
    let closing = format!("<p>x{}", "</div></table></ul></b>".repeat(100_000));
    assert_eq!(soon("closing", || must("a.html", closing.as_bytes())).text, "x\n");
}

#[test]
fn html_with_a_million_attributes() {
    let mut page = "<p ".to_owned();
    for number in 0..1_000_000 {
        let _ = write!(page, "a{number} ");
    }
    page.push_str(">words");
    // The tokenizer looks for doubles among all of them; the clock ends it.
    let limits = Limits { time: Duration::from_secs(3), ..Limits::default() };
    match soon("attributes", || read("a.html", page.as_bytes(), &limits)) {
        Ok(document) => assert_eq!(document.text, "words\n"),
        Err(refused) => assert_eq!(refused.reason(), "too_slow"),
    }
}

#[test]
fn gzip_that_unfolds_without_end() {
    let limits = Limits { bytes: 1 << 20, ..Limits::default() };
    let bomb = gzip(&vec![b'a'; 64 << 20]);
    assert!(bomb.len() < 1 << 20);
    assert_eq!(read("a.txt.gz", &bomb, &limits).unwrap_err().reason(), "too_large");
    assert_eq!(read("a.txt", &vec![b'a'; (1 << 20) + 1], &limits).unwrap_err().reason(), "too_large");
    // Within itself it is unfolded once, and then is no text.
    assert_eq!(reason("a.txt.gz", &gzip(&gzip(&[b'a'; 1000]))), "binary");
}

#[test]
fn front_matter_that_unfolds_or_nests_without_end() {
    let mut aliases = "---\na0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..30 {
        let before = format!("*a{}", level - 1);
        let _ = writeln!(aliases, "a{level}: &a{level} [{}]", vec![before; 9].join(","));
    }
    aliases.push_str("tags: *a29\n---\n# Heading\n");
    assert_eq!(soon("aliases", || must("a.md", aliases.as_bytes())).title.as_deref(), Some("Heading"));
    for open in ["[", "{a: "] {
        let nested = format!("---\ntags: {}\n---\n# Heading\n", open.repeat(15_000));
        assert_eq!(soon("nesting", || must("a.md", nested.as_bytes())).title.as_deref(), Some("Heading"));
    }
}

#[test]
fn text_with_nothing_but_headings() {
    let text = "# a\n".repeat(1_000_000);
    let document = soon("headings", || must("a.md", text.as_bytes()));
    assert_eq!(document.sections.len(), Limits::default().sections);
    soon("chunks", || windlass_documents::chunks(&document, &windlass_documents::Chunking::default()));
    for (name, line) in [
        ("a.md", "["),
        ("a.md", "# ["),
        ("a.1", ".if n \\{"),
        ("a.1", "\\[\\*"),
        ("a.rst", "=\n"),
        ("a.c", "a("),
        ("a.md", "```\n"),
    ] {
        let text = format!(".TH A 1\n.SH B\nwords\n{}", line.repeat(300_000));
        soon(line, || must(name, text.as_bytes()));
    }
}
