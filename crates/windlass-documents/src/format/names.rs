//! Formats by name.

use super::Kind;

/// Files that are called the same everywhere, whatever their extension. In lower case.
pub(super) fn by_name(name: &str) -> Option<Kind> {
    let stem = name.split(['.', '-']).next().unwrap_or(name);
    let extension = name.rsplit_once('.').map(|(_, extension)| extension).unwrap_or_default();
    match name {
        "makefile" | "gnumakefile" => return Some(Kind::Code("makefile")),
        "rakefile" | "gemfile" | "vagrantfile" => return Some(Kind::Code("ruby")),
        "jenkinsfile" => return Some(Kind::Code("groovy")),
        "cmakelists.txt" => return Some(Kind::Code("cmake")),
        "cargo.lock" | "poetry.lock" | "package-lock.json" | "yarn.lock" | "pnpm-lock.yaml" => return None,
        _ => {}
    }
    if matches!(stem, "dockerfile" | "containerfile") {
        return Some(Kind::Code("dockerfile"));
    }
    let plain = matches!(
        stem,
        "readme"
            | "changelog"
            | "changes"
            | "news"
            | "license"
            | "licence"
            | "copying"
            | "copyright"
            | "authors"
            | "contributors"
            | "contributing"
            | "todo"
            | "faq"
            | "history"
            | "install"
            | "notice"
            | "thanks"
            | "hacking"
            | "maintainers"
            | "codeowners"
            | "bugs"
            | "releasenotes"
    );
    (plain && by_extension(extension).is_none() && !is_other(extension)).then_some(Kind::Text)
}

/// Extensions of things that are no text, for files such as `readme.png`.
fn is_other(extension: &str) -> bool {
    matches!(
        extension,
        "png"
            | "jpg"
            | "jpeg"
            | "gif"
            | "svg"
            | "ico"
            | "zip"
            | "gz"
            | "xz"
            | "bz2"
            | "tar"
            | "tgz"
            | "doc"
            | "odt"
            | "rtf"
            | "exe"
            | "bin"
            | "ps"
            | "eps"
            | "dvi"
            | "mp4"
            | "webp"
    )
}

/// In lower case, without the dot.
pub(super) fn by_extension(extension: &str) -> Option<Kind> {
    Some(match extension {
        "md" | "markdown" | "mdx" | "mdown" | "mkd" | "qmd" | "rmd" => Kind::Markdown,
        "txt" | "text" | "log" | "org" | "textile" | "tex" | "pod" | "texi" | "texinfo" => Kind::Text,
        "rst" | "rest" => Kind::Rst,
        "adoc" | "asciidoc" | "asc" => Kind::Asciidoc,
        "html" | "htm" | "xhtml" => Kind::Html,
        "pdf" => Kind::Pdf,
        "docx" | "docm" | "dotx" => Kind::Docx,
        "man" | "mdoc" => Kind::Manual,
        _ => Kind::Code(language(extension)?),
    })
}

fn language(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "rs" => "rust",
        "py" | "pyi" | "pyw" => "python",
        "js" | "mjs" | "cjs" | "jsx" => "javascript",
        "ts" | "tsx" | "mts" | "cts" => "typescript",
        "go" => "go",
        "java" => "java",
        "kt" | "kts" => "kotlin",
        "scala" | "sbt" => "scala",
        "groovy" | "gradle" => "groovy",
        "c" | "h" => "c",
        "cc" | "cpp" | "cxx" | "hpp" | "hh" | "hxx" | "inl" => "cpp",
        "cs" => "csharp",
        "swift" => "swift",
        "rb" | "rake" | "gemspec" => "ruby",
        "php" => "php",
        "pl" | "pm" => "perl",
        "lua" => "lua",
        "r" => "r",
        "jl" => "julia",
        "ex" | "exs" => "elixir",
        "erl" | "hrl" => "erlang",
        "hs" => "haskell",
        "ml" | "mli" => "ocaml",
        "clj" | "cljs" => "clojure",
        "dart" => "dart",
        "zig" => "zig",
        "sh" | "bash" | "zsh" | "ksh" | "fish" => "shell",
        "ps1" | "psm1" => "powershell",
        "sql" => "sql",
        "yaml" | "yml" => "yaml",
        "toml" => "toml",
        "json" | "jsonc" | "json5" => "json",
        "xml" | "xsd" | "xsl" | "wsdl" => "xml",
        "ini" | "cfg" | "conf" | "properties" | "service" => "ini",
        "tf" | "tfvars" | "hcl" | "nomad" => "terraform",
        "dockerfile" => "dockerfile",
        "mk" => "makefile",
        "cmake" => "cmake",
        "proto" => "protobuf",
        "graphql" | "gql" => "graphql",
        "css" | "scss" | "less" => "css",
        "vue" => "vue",
        "svelte" => "svelte",
        "nix" => "nix",
        "cedar" => "cedar",
        _ => return None,
    })
}

/// The language that the first line of a script asks for.
pub(super) fn by_shebang(head: &str) -> Option<&'static str> {
    let line = head.lines().next()?.strip_prefix("#!")?;
    let mut words = line.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word));
    let program = words.find(|word| *word != "env" && !word.starts_with('-') && !word.contains('='))?;
    Some(match program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') {
        "python" | "pypy" => "python",
        "node" | "nodejs" | "deno" | "bun" => "javascript",
        "ruby" => "ruby",
        "perl" => "perl",
        "php" => "php",
        "lua" => "lua",
        "sh" | "bash" | "dash" | "zsh" | "ksh" | "fish" | "ash" => "shell",
        "make" => "makefile",
        _ => return None,
    })
}
