//! Programs that read, search and change text.

use super::{Builtin, KNOWN, Text, Verdict};
use crate::rules::flags::{Flag, Spelling};

pub(super) const TABLE: &[Builtin] = &[
    Builtin { names: &["echo", "printf"], text: Text::All, ..KNOWN },
    Builtin {
        names: &["grep", "egrep", "fgrep", "ggrep", "zgrep", "zegrep", "zfgrep"],
        // It follows every link below a directory; -r does not.
        verdict: Verdict::Without(&["-R|--dereference-recursive"]),
        text: Text::FirstUnless(&["-e|--regexp", "-f|--file", "--exclude-from"]),
        ..KNOWN
    },
    Builtin {
        names: &["rg"],
        verdict: Verdict::Without(&["--pre", "--hostname-bin", "-z|--search-zip", "-L|--follow"]),
        text: Text::FirstUnless(&["-e|--regexp", "-f|--file", "--files", "--type-list", "--generate", "--ignore-file"]),
        ..KNOWN
    },
    Builtin {
        names: &["ag", "ack"],
        verdict: Verdict::Without(&["--pager", "--output", "--ackrc", "--noenv", "--env"]),
        ..KNOWN
    },
    Builtin {
        names: &["sed", "gsed"],
        spelling: Spelling { values: "", ..Spelling::GNU },
        // `-l 1p` would make `1p` look like the script.
        verdict: Verdict::Without(&["-f|--file", "-l|--line-length", "--follow-symlinks"]),
        text: Text::FirstUnless(&["-e|--expression", "-f|--file"]),
        check: Some(sed_script),
        ..KNOWN
    },
    Builtin {
        names: &["jq", "gojq", "jaq"],
        verdict: Verdict::Without(&["-L|--library-path", "-f|--from-file"]),
        text: Text::FirstUnless(&["-f|--from-file", "--args", "--jsonargs"]),
        check: Some(no_modules),
        ..KNOWN
    },
    Builtin { names: &["tee"], ..KNOWN },
    Builtin { names: &["diff3", "sdiff"], verdict: Verdict::Without(&["--diff-program", "-o|--output"]), ..KNOWN },
    Builtin {
        names: &["xmllint"],
        verdict: Verdict::Without(&["--shell", "--noent", "--loaddtd", "--path", "--load-trace", "--catalogs"]),
        ..KNOWN
    },
    Builtin {
        names: &["xsltproc"],
        verdict: Verdict::Without(&["--writesubtree", "--path", "--catalogs", "--load-trace"]),
        ..KNOWN
    },
    Builtin {
        names: &["groff", "troff", "nroff", "tbl", "eqn", "pic", "soelim"],
        verdict: Verdict::Without(&["-U", "-S", "-I", "-M", "-m"]),
        ..KNOWN
    },
    Builtin { names: &["iconv"], verdict: Verdict::Without(&["-l*"]), ..KNOWN },
    Builtin {
        names: &["csplit", "shuf", "uniq", "cut", "tr", "head", "tail", "cat", "tac", "nl", "od", "xxd", "base64"],
        ..KNOWN
    },
    Builtin {
        names: &["strings", "objdump", "nm", "readelf", "size"],
        verdict: Verdict::Without(&["--plugin", "-T|--target"]),
        operands: &["@*"],
        ..KNOWN
    },
    Builtin { names: &["dialog", "whiptail"], verdict: Verdict::Interpreter("it is made for a terminal"), ..KNOWN },
    Builtin {
        names: &["enscript", "ispell", "aspell"],
        verdict: Verdict::Without(&["-I", "-p", "--filter", "-c"]),
        ..KNOWN
    },
    Builtin {
        names: &["sqlite3_analyzer", "csvsql"],
        verdict: Verdict::Interpreter("it runs queries that may load code"),
        ..KNOWN
    },
];

/// `import "x" as $x {search: "/anywhere"};` reads files that are no argument. Directives stand only where a program
/// begins.
fn no_modules(arguments: &[String]) -> Result<(), String> {
    let directs =
        |text: &&String| ["import", "include", "module", "#"].iter().any(|word| text.trim_start().starts_with(word));
    match arguments.iter().find(directs) {
        Some(argument) => Err(format!("`{argument}` may load modules, and through them other files")),
        None => Ok(()),
    }
}

/// sed's scripts can run programs (`e`), read (`r`) and write (`w`) files. GNU sed's `--sandbox` refuses all of these;
/// without it only scripts that plainly do none of it pass.
fn sed_script(arguments: &[String]) -> Result<(), String> {
    // After `--` a flag is a file and the first file is the script, whatever `-e` and `--sandbox` seem to say.
    if arguments.iter().any(|text| text == "--") {
        return Err(
            "`--` makes what follows mean something else; leave it out and write ./-name for such a file".into()
        );
    }
    if arguments.iter().any(|text| text == "--sandbox") {
        return Ok(());
    }
    let scripts = scripts_of(arguments)?;
    match scripts.into_iter().find(|script| !is_plain_sed(script)) {
        Some(script) => Err(format!(
            "the script `{script}` is not one of the plain forms (`s/a/b/g`, `3,5p`, `/x/d`); add --sandbox"
        )),
        None => Ok(()),
    }
}

fn scripts_of(arguments: &[String]) -> Result<Vec<&str>, String> {
    let expression = Flag::new("-e|--expression")?;
    if !arguments.iter().any(|text| expression.is_in(text, 0, Spelling::GNU)) {
        return Ok(arguments.iter().find(|text| !text.starts_with('-')).map(String::as_str).into_iter().collect());
    }
    let mut scripts = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "-e" | "--expression" | "-ne" | "-ie" | "-Ee" | "-re" | "-nEe" => {
                scripts.extend(rest.next().map(String::as_str))
            }
            text if text.starts_with("--expression=") => scripts.extend(text.split_once('=').map(|(_, script)| script)),
            text if text.starts_with("-e") => scripts.push(&text[2..]),
            text if expression.is_in(text, 0, Spelling::GNU) => {
                return Err(format!("`{text}`: write the script as its own argument after -e"));
            }
            _ => {}
        }
    }
    Ok(scripts)
}

/// An optional address (`3`, `$`, `/x/`, `1,5`), then one of the commands `p d q = n N D P h H g G x l`, or `s` or `y`
/// with `/`, `|`, `#` or `,` as delimiter and no flags but `g`, `p`, `i`, `I` and digits. Several are joined by `;`.
fn is_plain_sed(script: &str) -> bool {
    let mut rest = script.trim_matches(' ');
    loop {
        rest = match after_command(rest) {
            None => return false,
            Some("") => return true,
            Some(left) => match left.trim_start_matches(' ').strip_prefix(';') {
                Some(next) => next.trim_start_matches(' '),
                None => return false,
            },
        };
        if rest.is_empty() {
            return true;
        }
    }
}

fn after_command(script: &str) -> Option<&str> {
    let mut rest = after_address(script)?;
    if let Some(next) = rest.strip_prefix(',') {
        rest = after_address(next)?;
    }
    rest = rest.trim_start_matches([' ', '!']);
    let command = rest.chars().next()?;
    rest = &rest[command.len_utf8()..];
    match command {
        'p' | 'd' | 'q' | '=' | 'n' | 'N' | 'D' | 'P' | 'h' | 'H' | 'g' | 'G' | 'x' | 'l' => Some(rest),
        's' | 'y' => {
            let delimiter = rest.chars().next().filter(|c| matches!(c, '/' | '|' | '#' | ','))?;
            let first = after_delimiter(&rest[1..], delimiter)?;
            let second = after_delimiter(first, delimiter)?;
            Some(second.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, 'g' | 'p' | 'i' | 'I')))
        }
        _ => None,
    }
}

fn after_address(script: &str) -> Option<&str> {
    match script.chars().next()? {
        '/' => after_delimiter(&script[1..], '/'),
        '$' => Some(&script[1..]),
        _ => Some(script.trim_start_matches(|c: char| c.is_ascii_digit() || c == '~' || c == '+')),
    }
}

fn after_delimiter(text: &str, delimiter: char) -> Option<&str> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '\n' => return None,
            // Inside brackets a delimiter is text to some seds and an end to others.
            '[' | ']' if !escaped => {
                return text[at..].contains(delimiter).then(|| after_plain(&text[at..], delimiter)).flatten();
            }
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == delimiter => return Some(&text[at + 1..]),
            _ => {}
        }
    }
    None
}

/// After a bracket: only where the delimiter stands in no bracket expression whichever way it is read.
fn after_plain(text: &str, delimiter: char) -> Option<&str> {
    let close = text.rfind(']')?;
    if text[..close].contains(delimiter) { None } else { after_delimiter(&text[close + 1..], delimiter) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[&str]) -> Vec<String> {
        line.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn after_two_dashes_sed_reads_its_arguments_otherwise() {
        for line in [&["--", "1e id", "x", "--sandbox"][..], &["--", "1e id", "-e", "p", "x"], &["-n", "--", "p", "x"]]
        {
            assert!(sed_script(&words(line)).is_err(), "{line:?}");
        }
        assert!(sed_script(&words(&["--sandbox", "s/a/b/w x"])).is_ok(), "sed itself refuses it");
    }

    #[test]
    fn jq_loads_no_modules() {
        for text in ["import \"x\" as $d {search: \"/etc\"}; $d", " include \"x\"; .", "# x\nimport \"x\" as $d; ."] {
            assert!(no_modules(&words(&["-n", text])).is_err(), "{text}");
        }
        assert!(no_modules(&words(&[".included[] | .import", "file.json"])).is_ok());
    }

    #[test]
    fn plain_sed_scripts() {
        for script in [
            "s/a/b/",
            "s/a/b/g",
            "s|a/b|c|",
            "3p",
            "1,5d",
            "/x/p",
            "$d",
            "s/a/b/;s/c/d/g",
            "s/[a-z]*/x/",
            "2q",
            "/a/!d",
            "s/e/w/",
            "",
        ] {
            assert!(script.is_empty() || is_plain_sed(script), "{script}");
        }
        for script in [
            "s/a/b/e",
            "1e id",
            "e",
            "w /tmp/x",
            "s/a/b/w out",
            "r /etc/passwd",
            "1,3w x",
            "s/a/b/\ne id",
            "a\\\ntext",
            "s/a/b/;e",
            "{e}",
            "/x/{s/a/b/e}",
            "R x",
            "W x",
            "s/[/]/x/e",
            "s/a/b/ge",
            "s/a/b/we",
            "F",
            "s",
            "s/a",
            "1,e",
            ":a;e",
        ] {
            assert!(!is_plain_sed(script), "{script}");
        }
    }
}
