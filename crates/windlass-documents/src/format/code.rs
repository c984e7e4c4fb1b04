//! Source code: its lines stay as they are; its top-level items are its headings, so that a chunk says what it is part
//! of.
//!
//! Found by a pattern for each language, line by line. A parser would know better, and would be a dependency for each
//! of them; a heading too many or too few costs a search next to nothing.

mod functions;
mod items;

use crate::{
    Document, Limits, Refused,
    decode::decode,
    lines::{self, lines as split},
    outline::Outline,
};

use super::bare;

/// Longer lines are no items: they are generated, or data.
const MAX_LINE: usize = 400;
/// Lines of comments that go with the item below them, at most.
const MAX_COMMENT: usize = 60;

pub(super) fn read(language: &'static str, bytes: &[u8], limits: &Limits) -> Result<Document, Refused> {
    let text = decode(bytes, limits)?;
    let lines = split(&text);
    let mut outline = Outline::new(limits);
    let mut after = 0;
    for (index, line) in lines.iter().enumerate() {
        if line.len() > MAX_LINE {
            continue;
        }
        if let Some((level, title)) = items::item(language, line.trim_end()) {
            let first = above(&lines, index, after, line.len() - line.trim_start().len());
            outline.add(level, &title, lines::number(first));
            after = index + 1;
        }
    }
    Ok(Document { sections: outline.done(), ..bare(text) })
}

/// Where an item begins: with the comments and attributes that stand directly above it.
fn above(lines: &[&str], item: usize, after: usize, indent: usize) -> usize {
    let mut first = item;
    while first > after && item - first < MAX_COMMENT {
        let line = lines[first - 1];
        let start = line.trim_start();
        let beside = line.len() - start.len() == indent || start.starts_with('*');
        let belongs = ["//", "/*", "*", "#", "@", "--", "\"\"\"", ";;"].iter().any(|mark| start.starts_with(mark));
        if !beside
            || !belongs
            || start.starts_with("#include")
            || start.starts_with("#!")
            || start.starts_with("#define")
        {
            break;
        }
        first -= 1;
    }
    first
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::Limits;

    fn items(language: &'static str, source: &str) -> Vec<String> {
        let document = read(language, source.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(document.text, source);
        document.sections.iter().map(|s| format!("{}:{} {}", s.level, s.line, s.title)).collect()
    }

    #[test]
    fn items_of_languages_are_headings() {
        let rust = "use x;\n\n/// Doc.\n#[derive(Debug)]\npub(crate) struct A<T> {\n    b: T,\n}\n\nimpl<T> Display for A<T> {\n    \
                    fn fmt(&self) {}\n}\n\npub async fn go() {\n    let fn_ = 1;\n}\nmacro_rules! m {\n}\n";
        assert_eq!(
            items("rust", rust),
            ["1:3 struct A", "1:9 impl<T> Display for A<T>", "2:10 fn fmt", "1:13 fn go", "1:16 macro_rules! m"]
        );
        let python = "import x\n\n@decorated\nclass A(B):\n    def go(self):\n        def inner(): pass\n\nasync def run():\n    pass\n";
        assert_eq!(items("python", python), ["1:3 class A", "2:5 def go", "1:8 def run"]);
        let go = "package x\n\n// Serve serves.\nfunc (s *Server) Serve(a int) error {\n}\n\ntype T struct {\n}\n";
        assert_eq!(items("go", go), ["1:3 func (s *Server) Serve", "1:7 type T"]);
        let script = "export default class A {}\nexport const go = async (x) => {\n};\nconst x = 1;\nfunction* f() {}\nexport interface I {}\n";
        assert_eq!(items("typescript", script), ["1:1 class A", "1:2 const go", "1:5 function f", "1:6 interface I"]);
        let c = "#include <x.h>\n\n/* Doc. */\nstatic int main(int argc, char **argv)\n{\n    if (x) return;\n}\nint f(void);\nstruct s {\n};\n";
        assert_eq!(items("c", c), ["1:3 main()", "1:9 struct s"]);
        let java = "package x;\npublic final class A {\n    private static int go(int x) throws E {\n        return f(x);\n    }\n}\n";
        assert_eq!(items("java", java), ["1:2 class A", "2:3 go()"]);
        assert_eq!(items("shell", "x=1\ngo() {\n}\nfunction run {\n}\n"), ["1:2 go()", "1:4 function run"]);
        let sql = "CREATE TABLE IF NOT EXISTS a.b (\n);\ncreate or replace function f() x\n";
        assert_eq!(items("sql", sql), ["1:1 TABLE a.b", "1:3 function f"]);
        assert_eq!(items("yaml", "# c\na:\n  b: 1\n\"c d\": 2\n- x\n"), ["1:1 a", "1:4 c d"]);
        assert_eq!(items("toml", "a = 1\n[b.c]\n[[d]]\n"), ["1:2 [b.c]", "1:3 [[d]]"]);
        let terraform = "resource \"aws_s3_bucket\" \"b\" {\n}\nlocals {\n}\nx = 1\n";
        assert_eq!(items("terraform", terraform), ["1:1 resource aws_s3_bucket b", "1:3 locals"]);
        assert_eq!(items("dockerfile", "FROM a AS b\nRUN x\n"), ["1:1 FROM a AS b"]);
        assert_eq!(items("makefile", "A := b\n.PHONY: all\nall: x y\n\tgo\n"), ["1:3 all"]);
        assert_eq!(
            items("ruby", "module A\n  class B < C\n    def go\n"),
            ["1:1 module A", "2:2 class B", "2:3 def go"]
        );
        assert_eq!(
            items("php", "<?php\nfinal class A {\n    public function go() {}\n}\n"),
            ["1:2 class A", "2:3 function go"]
        );
        assert_eq!(items("json", "{\n  \"a\": 1\n}\n"), [""; 0]);
    }
}
