//! Which lines begin an item, by language.

use crate::lines::indent;

use super::functions::function;

/// What a language's items begin with.
struct Rules {
    /// Words that may stand in front.
    before: &'static [&'static str],
    /// Words that a name follows.
    kinds: &'static [&'static str],
    /// Whether items of items are indented in it and looked for.
    nested: bool,
}

/// The level and the words of the item that `line` begins.
pub(super) fn item(language: &str, line: &str) -> Option<(usize, String)> {
    let depth = indent(line);
    if depth > 4 || line.is_empty() {
        return None;
    }
    let start = line.trim_start();
    match language {
        "yaml" => return top(depth, yaml(line)),
        "toml" | "ini" => {
            return top(depth, line.starts_with('[').then(|| line.split('#').next().unwrap_or(line).trim().to_owned()));
        }
        "terraform" => return top(depth, block(line)),
        "dockerfile" => {
            return top(
                depth,
                line.get(..5).filter(|word| word.eq_ignore_ascii_case("from ")).map(|_| line.to_owned()),
            );
        }
        "makefile" => return top(depth, target(line)),
        "sql" => return top(depth, create(line)),
        "css" | "json" | "xml" | "cedar" => return None,
        _ => {}
    }
    let rules = rules(language);
    if depth > 0 && !rules.nested {
        return None;
    }
    let level = if depth > 0 { 2 } else { 1 };
    named(&rules, language, start).or_else(|| function(language, start, depth)).map(|title| (level, title))
}

fn top(depth: usize, title: Option<String>) -> Option<(usize, String)> {
    title.filter(|_| depth == 0).map(|title| (1, title))
}

fn rules(language: &str) -> Rules {
    let (before, kinds, nested): (&[&str], &[&str], bool) = match language {
        "rust" => (
            &["pub", "async", "unsafe", "const", "extern", "\"C\"", "default", "safe"],
            &["fn", "struct", "enum", "trait", "impl", "mod", "union", "macro_rules!", "type"],
            true,
        ),
        "python" => (&["async"], &["def", "class"], true),
        "javascript" | "typescript" | "vue" | "svelte" => (
            &["export", "default", "async", "declare", "abstract"],
            &["function", "function*", "class", "interface", "enum", "namespace", "type"],
            false,
        ),
        "go" => (&[], &["func", "type"], false),
        "java" | "kotlin" | "scala" | "groovy" | "csharp" | "swift" | "dart" => (
            &[
                "public",
                "private",
                "protected",
                "internal",
                "static",
                "final",
                "abstract",
                "sealed",
                "open",
                "override",
                "data",
                "inline",
                "suspend",
                "partial",
                "fileprivate",
                "case",
                "implicit",
                "export",
            ],
            &[
                "class",
                "interface",
                "enum",
                "record",
                "object",
                "struct",
                "protocol",
                "extension",
                "trait",
                "fun",
                "func",
                "def",
                "namespace",
                "mixin",
            ],
            true,
        ),
        "cpp" => {
            (&["template", "inline", "static"], &["class", "struct", "enum", "namespace", "union", "concept"], false)
        }
        "c" => (&["typedef", "static"], &["struct", "enum", "union"], false),
        "ruby" => (&[], &["class", "module", "def"], true),
        "php" => (
            &["final", "abstract", "public", "private", "protected", "static", "readonly"],
            &["class", "interface", "trait", "function", "enum"],
            true,
        ),
        "perl" => (&[], &["sub", "package"], false),
        "lua" => (&["local"], &["function"], false),
        "elixir" => (&[], &["defmodule", "def", "defp", "defmacro"], true),
        "julia" => (&[], &["function", "struct", "module", "macro"], false),
        "shell" => (&[], &["function"], false),
        "powershell" => (&[], &["function", "Function", "class"], false),
        "haskell" => (&[], &["data", "class", "newtype", "type", "instance", "module"], false),
        "ocaml" => (&[], &["let", "module", "type"], false),
        "zig" => (&["pub", "export"], &["fn"], false),
        "protobuf" | "graphql" => {
            (&["extend"], &["message", "service", "enum", "type", "interface", "input", "union", "scalar"], false)
        }
        "clojure" => (&[], &["(defn", "(def", "(defmacro", "(ns"], false),
        _ => (&[], &[], false),
    };
    Rules { before, kinds, nested }
}

/// `pub struct Name<T>` is `struct Name`.
fn named(rules: &Rules, language: &str, start: &str) -> Option<String> {
    let mut rest = start;
    loop {
        let end = rest.find(|c: char| c.is_whitespace() || (c == '(' && rest.starts_with("pub"))).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        // `impl<T>` and `type:` are words too.
        let kind = word.split(['<', '(', ':']).next().unwrap_or(word);
        let kind = if word.starts_with('(') { word } else { kind };
        if rules.kinds.contains(&kind) {
            return named_by(kind, &rest[kind.len()..], language);
        }
        if !rules.before.contains(&kind) || after.is_empty() {
            return None;
        }
        // `pub(crate)`, `template <...>`
        let after = after.trim_start();
        rest = match after.chars().next() {
            Some('(') => after.split_once(')')?.1.trim_start(),
            Some('<') => after.rsplit_once('>')?.1.trim_start(),
            _ => after,
        };
    }
}

fn named_by(kind: &str, after: &str, language: &str) -> Option<String> {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '?' | '!' | '.' | ':' | '-' | '\'');
    match (language, kind) {
        // Their names are more than a word.
        ("rust", "impl") | ("haskell", "instance") => {
            let head = after.split(['{', ';']).next().unwrap_or(after);
            let head = head.split(" where").next().unwrap_or(head).trim_end();
            return (!head.trim().is_empty()).then(|| format!("{kind}{head}"));
        }
        ("go", "func") if after.trim_start().starts_with('(') => {
            let (receiver, method) = after.split_once(')')?;
            let name: String = method.trim_start().chars().take_while(|c| is_name(*c)).collect();
            return (!name.is_empty()).then(|| format!("func {}) {name}", receiver.trim_start()));
        }
        // A declaration of something that is elsewhere.
        ("c" | "cpp", "struct" | "class" | "enum" | "union")
            if after.trim_end().ends_with(';') || after.contains('(') =>
        {
            return None;
        }
        ("rust" | "typescript", "type") if !after.contains('=') => return None,
        _ => {}
    }
    if !after.starts_with([' ', '\t']) {
        return None;
    }
    let name: String = after.trim_start().trim_start_matches('*').chars().take_while(|c| is_name(*c)).collect();
    let name = name.trim_end_matches([':', '.']);
    let kind = kind.trim_end_matches('*').trim_start_matches('(');
    name.chars().next().filter(|c| c.is_alphabetic() || matches!(c, '_' | '$' | ':')).map(|_| format!("{kind} {name}"))
}

/// `key:` at the left edge.
fn yaml(line: &str) -> Option<String> {
    if line.starts_with(['-', '#', '%', '{', '[', '&', '*', '!', '|', '>']) {
        return None;
    }
    let (key, value) = line.split_once(':')?;
    let key = key.trim().trim_matches(['"', '\'']);
    ((value.is_empty() || value.starts_with(' ')) && !key.is_empty() && key.len() <= 80).then(|| key.to_owned())
}

/// `resource "a" "b" {`
fn block(line: &str) -> Option<String> {
    let head = line.strip_suffix('{')?.trim_end();
    let plain = !head.is_empty() && !head.contains(['=', '(', '#']);
    plain.then(|| head.replace('"', ""))
}

/// `all: deps`
fn target(line: &str) -> Option<String> {
    let (name, after) = line.split_once(':')?;
    let plain = !name.is_empty() && !after.starts_with('=') && !name.contains(['=', '#', '$', '\t', '"', '@']);
    (plain && !name.starts_with('.')).then(|| name.trim().to_owned())
}

/// `CREATE TABLE name`
fn create(line: &str) -> Option<String> {
    const KINDS: [&str; 12] = [
        "table",
        "view",
        "function",
        "procedure",
        "index",
        "type",
        "trigger",
        "schema",
        "sequence",
        "database",
        "policy",
        "extension",
    ];
    let mut words = line.split_whitespace();
    if !words.next()?.eq_ignore_ascii_case("create") {
        return None;
    }
    let kind = words.by_ref().take(5).find(|word| KINDS.contains(&word.to_lowercase().as_str()))?;
    let name = words.find(|word| !["if", "not", "exists", "concurrently"].contains(&word.to_lowercase().as_str()))?;
    let name = name.split(['(', ';']).next().unwrap_or(name).replace(['"', '`'], "");
    (!name.is_empty()).then(|| format!("{kind} {name}"))
}
