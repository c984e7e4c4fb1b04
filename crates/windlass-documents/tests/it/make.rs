//! Files made by hand.

use std::io::Write;

use flate2::{Compression, write::GzEncoder, write::ZlibEncoder};
use windlass_documents::{Chunk, Document, Limits, Refused, read};

pub fn must(path: &str, bytes: &[u8]) -> Document {
    read(path, bytes, &Limits::default()).unwrap_or_else(|refused| panic!("{path}: {refused}"))
}

pub fn refused(path: &str, bytes: &[u8]) -> Refused {
    match read(path, bytes, &Limits::default()) {
        Ok(document) => panic!("{path} was read: {:?}", document.text.chars().take(200).collect::<String>()),
        Err(refused) => refused,
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// So many bytes of nothing, packed, without having them at once.
pub fn zlib_zeros(bytes: u64) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    std::io::copy(&mut std::io::Read::take(std::io::repeat(b' '), bytes), &mut encoder).unwrap();
    encoder.finish().unwrap()
}

/// A PDF while it is written.
pub struct Pdf {
    bytes: Vec<u8>,
    offsets: Vec<usize>,
}

impl Pdf {
    pub fn new() -> Self {
        Self { bytes: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec(), offsets: Vec::new() }
    }

    /// Adds an object; the first one is number 1.
    pub fn object(&mut self, content: impl AsRef<[u8]>) -> usize {
        self.offsets.push(self.bytes.len());
        let number = self.offsets.len();
        self.bytes.extend_from_slice(format!("{number} 0 obj\n").as_bytes());
        self.bytes.extend_from_slice(content.as_ref());
        self.bytes.extend_from_slice(b"\nendobj\n");
        number
    }

    pub fn stream(&mut self, dictionary: &str, content: &[u8]) -> usize {
        let mut object = format!("<< {dictionary} /Length {} >>\nstream\n", content.len()).into_bytes();
        object.extend_from_slice(content);
        object.extend_from_slice(b"\nendstream");
        self.object(object)
    }

    /// With a table of objects and a trailer.
    pub fn done(mut self, trailer: &str) -> Vec<u8> {
        let start = self.bytes.len();
        let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", self.offsets.len() + 1);
        for offset in &self.offsets {
            table.push_str(&format!("{offset:010} 00000 n \n"));
        }
        table.push_str(&format!(
            "trailer\n<< /Size {} {trailer} >>\nstartxref\n{start}\n%%EOF\n",
            self.offsets.len() + 1
        ));
        self.bytes.extend_from_slice(table.as_bytes());
        self.bytes
    }

    /// With a stream for a table.
    pub fn done_with_stream(mut self, trailer: &str, inside: &[(u32, usize)]) -> Vec<u8> {
        let start = self.bytes.len();
        let mut entries = vec![[0_u8; 7]];
        let entry = |kind: u8, first: u32, second: u16| {
            let mut entry = [kind, 0, 0, 0, 0, 0, 0];
            entry[1..5].copy_from_slice(&first.to_be_bytes());
            entry[5..].copy_from_slice(&second.to_be_bytes());
            entry
        };
        entries.extend(self.offsets.iter().map(|offset| entry(1, u32::try_from(*offset).unwrap(), 0)));
        entries.extend(inside.iter().map(|(container, index)| entry(2, *container, u16::try_from(*index).unwrap())));
        let data = zlib(&entries.concat());
        let size = entries.len();
        // Its own number comes after those of the objects inside of streams.
        self.offsets.resize(self.offsets.len() + inside.len(), 0);
        self.stream(&format!("/Type /XRef /Size {size} /W [1 4 2] /Filter /FlateDecode {trailer}"), &data);
        self.bytes.extend_from_slice(format!("startxref\n{start}\n%%EOF\n").as_bytes());
        self.bytes
    }
}

/// A PDF with these contents on one page, in Helvetica.
pub fn pdf_of(contents: &str) -> Vec<u8> {
    let mut pdf = Pdf::new();
    pdf.object("<< /Type /Catalog /Pages 2 0 R >>");
    pdf.object("<< /Type /Pages /Kids [3 0 R] /Count 1 /Resources << /Font << /F1 4 0 R >> >> >>");
    pdf.object("<< /Type /Page /Parent 2 0 R /Contents 5 0 R /MediaBox [0 0 595 842] >>");
    pdf.object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>");
    pdf.stream("", contents.as_bytes());
    pdf.done("/Root 1 0 R")
}

/// A DOCX with this body, written by a library that is not the one that reads it.
pub fn docx_of(body: &str) -> Vec<u8> {
    let document = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n\
         <w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>{body}</w:body></w:document>"
    );
    let styles = "<w:styles xmlns:w=\"w\"><w:style w:type=\"paragraph\" w:styleId=\"berschrift1\"><w:name w:val=\"heading 1\"/></w:style>\
                  <w:style w:type=\"paragraph\" w:styleId=\"berschrift2\"><w:name w:val=\"heading 2\"/></w:style>\
                  <w:style w:type=\"paragraph\" w:styleId=\"Own\"><w:name w:val=\"Own\"/><w:pPr><w:outlineLvl w:val=\"2\"/></w:pPr></w:style></w:styles>";
    let core = "<cp:coreProperties xmlns:cp=\"c\" xmlns:dc=\"d\" xmlns:dcterms=\"t\"><dc:title>Travel &amp; expenses</dc:title>\
                <cp:keywords>travel, money</cp:keywords><dcterms:created>2023-01-02T03:04:05Z</dcterms:created>\
                <dcterms:modified>2024-05-17T08:00:00Z</dcterms:modified></cp:coreProperties>";
    zip_of(&[
        ("word/document.xml", document.as_bytes()),
        ("word/styles.xml", styles.as_bytes()),
        ("docProps/core.xml", core.as_bytes()),
    ])
}

pub fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Asserts what always holds of chunks: every line that is not blank is in one of them, once; overlaps are of lines
/// before.
pub fn assert_partition(document: &Document, chunks: &[Chunk], most: usize) {
    let lines: Vec<&str> = document.text.split_inclusive('\n').collect();
    let mut owned = 0_u32;
    let mut rebuilt = String::new();
    let mut within: Option<u32> = None;
    for chunk in chunks {
        assert!(!chunk.text.trim().is_empty(), "a blank chunk: {chunk:?}");
        assert!(chunk.text.chars().count() <= most, "{} characters in {chunk:?}", chunk.text.chars().count());
        assert!(chunk.first_line >= 1 && chunk.first_line <= chunk.last_line, "{chunk:?}");
        assert!(chunk.last_line as usize <= lines.len());
        let whole = lines[chunk.first_line as usize - 1..chunk.last_line as usize].concat();
        if chunk.text != whole {
            // A piece of one long line.
            assert_eq!(chunk.first_line, chunk.last_line);
            assert!(whole.contains(&chunk.text));
            if within != Some(chunk.last_line) {
                assert!(chunk.first_line > owned, "{chunk:?} after {owned}");
            }
            within = Some(chunk.last_line);
            rebuilt.push_str(&chunk.text);
            owned = chunk.last_line;
            continue;
        }
        within = None;
        assert!(chunk.last_line > owned, "{chunk:?} after {owned}");
        let own = chunk.first_line.max(owned + 1);
        // Between two chunks there is nothing but blank lines.
        assert!(
            lines[owned as usize..own as usize - 1].iter().all(|line| line.trim().is_empty()),
            "left out before {chunk:?}"
        );
        rebuilt.push_str(&lines[own as usize - 1..chunk.last_line as usize].concat());
        owned = chunk.last_line;
    }
    assert!(lines[owned as usize..].iter().all(|line| line.trim().is_empty()), "left out at the end, after {owned}");
    let words = |text: &str| text.split_whitespace().collect::<String>();
    assert_eq!(words(&rebuilt), words(&document.text));
}

/// Asserts what always holds of a document.
pub fn assert_sound(document: &Document, limits: &Limits) {
    assert!(document.text.ends_with('\n') && !document.text.trim().is_empty());
    assert!(document.text.len() <= limits.text_bytes);
    assert!(document.sections.len() <= limits.sections);
    let lines = document.text.lines().count();
    assert!(document.sections.is_sorted_by_key(|section| section.line), "{:?}", document.sections);
    for section in &document.sections {
        assert!((1..=6).contains(&section.level) && !section.title.trim().is_empty(), "{section:?}");
        assert!(section.line >= 1 && section.line as usize <= lines, "{section:?} of {lines} lines");
    }
}
