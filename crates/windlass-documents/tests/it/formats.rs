//! What documents of each format become.

use std::fmt::Write;

use insta::assert_snapshot;
use windlass_documents::Document;

use crate::make::{Pdf, docx_of, gzip, must, pdf_of, refused, zlib};

fn shown(document: &Document) -> String {
    let mut out = String::new();
    let Document { title, language, tags, date, converted, .. } = document;
    let date = date.map(|date| date.to_string());
    let _ = writeln!(out, "{language}: {title:?}, tags {tags:?}, date {date:?}, converted {converted}");
    for section in &document.sections {
        let _ = writeln!(out, "{} {} (line {})", "#".repeat(section.level.into()), section.title, section.line);
        let line = document.text.lines().nth(section.line as usize - 1).unwrap_or("no such line");
        let same = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        if converted.to_owned() && language != "pdf" {
            assert_eq!(same(line), same(&section.title), "the heading stands where it says");
        }
    }
    out + "----\n" + &document.text
}

#[test]
fn markdown_with_front_matter() {
    let text = "---\ntitle: Travel\ntags: [travel, money]\ndate: 2024-05-17\n---\nIntro.\r\n\r\n## Booking `now`\r\n\r\n| a | b |\r\n|---|---|\r\n";
    assert_snapshot!(shown(&must("a.md", text.as_bytes())));
}

#[test]
fn front_matter_of_other_shapes() {
    let read = |text: &str| must("a.md", text.as_bytes());
    assert_eq!(read("---\ntags: a, b\nkeywords:\n  - c\n  - a\n---\nx\n").tags, ["a", "b", "c"]);
    assert_eq!(read("---\ntitle: 42\n---\nx\n").title.as_deref(), Some("42"));
    assert_eq!(read("---\ntitle: [x\n---\n# Heading\n").title.as_deref(), Some("Heading"));
    assert_eq!(read("---\nnot: closed\n# H\n").title.as_deref(), Some("H"));
    assert_eq!(read("---\ndate: 2024-05-17T10:00:00Z\ntitle: {a: b}\n---\nx\n").date.map(|d| d.day()), Some(17));
}

#[test]
fn html() {
    let page = "<!DOCTYPE html><html><head><title>The  guide</title><meta name=\"keywords\" content=\"a, b\">\
        <meta property=\"article:published_time\" content=\"2024-05-17T08:00:00Z\"><style>p { x }</style></head><body>\
        <nav><a href=/>Home</a></nav><script>var x = '<p>no</p>';</script>\
        <h1>Guide <em>to</em> it</h1><p>First   words with a <a href=\"/x\">link</a>,<br>second line &amp; more.</p>\
        <h2>Lists</h2><ul><li>one<li>two <ul><li>deep</li></ul></li><li><p>three</p></li></ul>\
        <h2>Code</h2><pre>\nfn main() {\n    x &lt; 1\n}\n</pre>\
        <table><tr><th>Name</th><th>Size</th></tr><tr><td>a|b</td><td>1<br>2</td></tr></table>\
        <table><tr><td><h2>Laid out</h2><p>in a table</p></td></tr></table><h2>Not closed<div>body</div></body></html>";
    assert_snapshot!(shown(&must("page.html", page.as_bytes())));
}

#[test]
fn docx() {
    let body = "<w:p><w:pPr><w:pStyle w:val=\"berschrift1\"/></w:pPr><w:r><w:t>Flights</w:t></w:r></w:p>\
        <w:p><w:r><w:t xml:space=\"preserve\">Book </w:t></w:r><w:r><w:t>early &amp; cheap.</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>\
        <w:p><w:pPr><w:pStyle w:val=\"berschrift2\"/></w:pPr><w:r><w:t>Classes</w:t></w:r></w:p>\
        <w:p><w:pPr><w:numPr><w:ilvl w:val=\"0\"/><w:numId w:val=\"1\"/></w:numPr></w:pPr><w:r><w:t>economy</w:t></w:r></w:p>\
        <w:p><w:pPr><w:numPr><w:ilvl w:val=\"1\"/><w:numId w:val=\"1\"/></w:numPr></w:pPr><w:r><w:t>by day</w:t></w:r></w:p>\
        <w:p><w:pPr><w:pStyle w:val=\"Own\"/></w:pPr><w:r><w:t>Own heading</w:t></w:r></w:p>\
        <w:tbl><w:tr><w:tc><w:p><w:r><w:t>From</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>To</w:t></w:r></w:p></w:tc></w:tr>\
        <w:tr><w:tc><w:p><w:r><w:t>A</w:t></w:r></w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t>inner</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:tc>\
        <w:tc><w:p><w:r><w:t>B|C</w:t></w:r></w:p></w:tc></w:tr></w:tbl>\
        <w:p><w:r><w:t>one</w:t><w:br/><w:t>two</w:t><w:tab/><w:t>three &#8364;</w:t></w:r></w:p>";
    assert_snapshot!(shown(&must("travel.docx", &docx_of(body))));
}

#[test]
fn pdf() {
    let contents = "BT /F1 12 Tf 72 700 Td (Flights and) Tj 0 -14 Td [(tra) -20 (ins) -300 (are bo-)] TJ T* ET\n\
        q 1 0 0 1 72 670 cm BT /F1 12 Tf (oked \\(early\\) caf\\351) Tj ET Q\nBI /W 1 /H 1 ID \x01Tj\x02 EI\n\
        BT /F1 12 Tf 1 0 0 1 72 600 Tm (A new) Tj ( paragraph) ' ET";
    assert_snapshot!(shown(&must("a.pdf", pdf_of(contents).as_slice())));
}

/// What Word and LaTeX write: objects in streams, codes of two bytes, glyphs by name, forms, pages that inherit.
#[test]
fn pdf_of_newer_kind() {
    let mut pdf = Pdf::new();
    let cmap = "/CIDInit /ProcSet findresource begin 12 dict begin begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange \
        1 beginbfrange <0001> <001A> <0061> endbfrange 1 beginbfchar <0020> <0020> endbfchar endcmap end end";
    pdf.stream("/Filter /FlateDecode", &zlib(cmap.as_bytes()));
    pdf.stream(
        "/Filter [/ASCIIHexDecode]",
        b"4254202f46312031302054662037322037303020546420283c00080005000c000c000f3e29204554>",
    );
    let page = "BT /F1 10 Tf 72 700 Td <00080005000C000C000F0020> Tj <0017000F0012000C0004> Tj ET /Fm Do";
    pdf.stream("/Filter /FlateDecode", &zlib(page.as_bytes()));
    pdf.stream(
        "/Type /XObject /Subtype /Form /Matrix [1 0 0 1 0 -50] /BBox [0 0 9 9]",
        b"BT /F2 10 Tf 72 700 Td (\x01\x02ne print) Tj ET",
    );
    let objects = [
        "<< /Type /Catalog /Pages 7 0 R >>",
        "<< /Type /Pages /Kids [8 0 R] /Count 1 /Resources 9 0 R >>",
        "<< /Type /Page /Parent 7 0 R /Contents [3 0 R] >>",
        "<< /Font << /F1 10 0 R /F2 11 0 R >> /XObject << /Fm 4 0 R >> >>",
        "<< /Type /Font /Subtype /Type0 /Encoding /Identity-H /ToUnicode 1 0 R /DescendantFonts [<< /DW 500 /W [1 [500 500] 3 9 500] >>] >>",
        "<< /Type /Font /Subtype /Type1 /Encoding << /Differences [1 /F /i] >> >>",
        "<< /Title (The \\(new\\) plan) /Keywords (plan, new) /ModDate (D:20240517080000Z) >>",
    ];
    let mut index = String::new();
    let mut data = String::new();
    for (number, object) in (6..).zip(objects) {
        index.push_str(&format!("{number} {} ", data.len()));
        data.push_str(object);
        data.push('\n');
    }
    let all = format!("{index}{data}");
    let dictionary = format!("/Type /ObjStm /N {} /First {} /Filter /FlateDecode", objects.len(), index.len());
    assert_eq!(pdf.stream(&dictionary, &zlib(all.as_bytes())), 5);
    let inside: Vec<(u32, usize)> = (0..objects.len()).map(|index| (5, index)).collect();
    let bytes = pdf.done_with_stream("/Root 6 0 R /Info 12 0 R", &inside);
    let document = must("b.pdf", &bytes);
    assert_snapshot!(shown(&document));

    // The same without a table of objects that can be read.
    let text = document.text.clone();
    let damaged = [&bytes[..bytes.len() - 20], b"\nstartxref\n7\n%%EOF"].concat();
    assert_eq!(must("b.pdf", &damaged).text, text);
    let moved = [b"junk\n%PDF-1.7\n%added line\n", &bytes[9..]].concat();
    assert_eq!(must("b.pdf", &moved).text, text);
}

#[test]
fn manual_page_of_man() {
    let source = ".\\\" a comment\n.de Xx\n.SH NO\n..\n.TH GREP 1 2024-05-17 \"GNU grep\" \"User Commands\"\n.SH NAME\ngrep \\- print lines\n\
        .SH SYNOPSIS\n.B grep\n.RI [ OPTION .\\|.\\|.]\\& \"PATTERNS\"\n.SH \"SEE ALSO\"\nPlain\n.I words\nand \\fBbold\\fP.\n\
        .SS \"Deeper down\"\n.TP\n.BR \\-i \", \" \\-\\^\\-ignore\nIgnore case.\n.IP \\(bu 2\nA point.\n.PP\nAfter.\n.nf\n  kept   as is\n.fi\n\
        .if t .SH NO\n.if n Shown.\n.ie t \\{\\\n.SH NO\n.\\}\n.el Also.\n.TS\ntab(@);\nl l.\nName\tSize\na\t1\n.TE\nEnd.\n";
    assert_snapshot!(shown(&must("man1/grep.1", source.as_bytes())));
    assert_eq!(must("man1/grep.1.gz", &gzip(source.as_bytes())).text, must("man1/grep.1", source.as_bytes()).text);
    assert_eq!(refused("man1/egrep.1", b".so man1/grep.1\n").reason(), "no_text");
}

#[test]
fn manual_page_of_mdoc() {
    let source = ".Dd May 17, 2024\n.Dt LS 1\n.Os\n.Sh NAME\n.Nm ls\n.Nd list directory contents\n.Sh SYNOPSIS\n.Nm ls\n.Op Fl al\n.Op Ar file ...\n\
        .Sh DESCRIPTION\nFor each operand,\n.Nm\ndisplays it; see\n.Xr chmod 1 .\n.Bl -tag -width x\n.It Fl a\nInclude all.\n.It Fl l\nLong.\n.El\n.Pp\nAfter.\n";
    assert_snapshot!(shown(&must("ls.1", source.as_bytes())));
}

#[test]
fn files_are_refused_with_a_reason() {
    let reason = |path: &str, bytes: &[u8]| refused(path, bytes).reason().into_owned();
    assert_eq!(reason("a.xyz", b"x"), "unknown .xyz");
    assert_eq!(reason("a.png", b"\x89PNG"), "unknown .png");
    assert_eq!(reason("a.md", b"a\0b"), "binary");
    assert_eq!(reason("a.md", b""), "no_text");
    assert_eq!(reason("a.pdf", b"%PDF-1.4\nrubbish"), "broken");
    assert_eq!(reason("a.docx", b"PK rubbish"), "broken");
    assert_eq!(reason("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1"), "encrypted");
    assert_eq!(reason("a.html", b"<html><script>x</script>"), "no_text");
    assert_eq!(reason("a.md.gz", b"\x1f\x8b\x08rubbish"), "broken");
    let mut pdf = Pdf::new();
    pdf.object("<< /Type /Catalog /Pages 2 0 R >>");
    pdf.object("<< /Type /Pages /Kids [3 0 R] >>");
    pdf.object("<< /Type /Page /Contents 4 0 R >>");
    pdf.stream("", b"q 595 0 0 842 0 0 cm /Im0 Do Q");
    assert_eq!(reason("scan.pdf", &pdf.done("/Root 1 0 R")), "no_text");
    let mut pdf = Pdf::new();
    pdf.object("<< /Type /Catalog /Pages 2 0 R >>");
    pdf.object("<< /Filter /Standard /V 2 >>");
    assert_eq!(reason("locked.pdf", &pdf.done("/Root 1 0 R /Encrypt 2 0 R")), "encrypted");
}
