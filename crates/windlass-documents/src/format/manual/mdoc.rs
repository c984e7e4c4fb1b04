//! Requests of mdoc: what a line of them says.

use super::escapes::plain;

/// The words of a line whose request begins with a capital and a small letter, as those of mdoc do. `name` is what the
/// page is about.
pub(super) fn words(request: &str, arguments: &[String], name: &str) -> String {
    let mut tokens: Vec<&str> = vec![request];
    tokens.extend(arguments.iter().map(String::as_str));
    let mut out = String::new();
    // What is written at the end of the line, the innermost last.
    let mut closing: Vec<&'static str> = Vec::new();
    let mut glue = true;
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        index += 1;
        let next = tokens.get(index).copied();
        match *token {
            "Fl" => {
                put(&mut out, "-", &mut glue);
                // `Fl` alone is a dash; a word behind it belongs to it.
                glue = next.is_some_and(|next| !is_macro(next));
            }
            "Nm" if next.is_none_or(|next| is_macro(next) || is_punctuation(next)) => put(&mut out, name, &mut glue),
            "Op" | "Bq" => open(&mut out, "[", "]", &mut closing, &mut glue),
            "Pq" => open(&mut out, "(", ")", &mut closing, &mut glue),
            "Aq" => open(&mut out, "<", ">", &mut closing, &mut glue),
            "Brq" => open(&mut out, "{", "}", &mut closing, &mut glue),
            "Dq" | "Qq" => open(&mut out, "\"", "\"", &mut closing, &mut glue),
            "Sq" | "Ql" => open(&mut out, "'", "'", &mut closing, &mut glue),
            "Xr" => {
                if let (Some(page), section) = (next, tokens.get(index + 1)) {
                    let section = section
                        .filter(|section| section.len() <= 5 && section.starts_with(|c: char| c.is_ascii_digit()));
                    put(&mut out, &plain(page), &mut glue);
                    index += 1;
                    if let Some(section) = section {
                        out.push_str(&format!("({section})"));
                        index += 1;
                    }
                }
            }
            "Nd" => put(&mut out, "-", &mut glue),
            "Ns" => glue = true,
            "Ar" if next.is_none_or(|next| is_macro(next) || is_punctuation(next)) => {
                put(&mut out, "file ...", &mut glue)
            }
            other if is_macro(other) => {}
            other if is_punctuation(other) && !out.is_empty() => out.push_str(other),
            other => put(&mut out, &plain(other), &mut glue),
        }
    }
    for end in closing.into_iter().rev() {
        out.push_str(end);
    }
    out
}

fn put(out: &mut String, word: &str, glue: &mut bool) {
    if !*glue && !out.is_empty() {
        out.push(' ');
    }
    *glue = false;
    out.push_str(word);
}

fn open(out: &mut String, start: &str, end: &'static str, closing: &mut Vec<&'static str>, glue: &mut bool) {
    put(out, start, glue);
    closing.push(end);
    *glue = true;
}

fn is_punctuation(word: &str) -> bool {
    matches!(word, "." | "," | ":" | ";" | ")" | "]" | "?" | "!")
}

/// Whether a word is one of the requests that may stand within a line.
pub(super) fn is_macro(word: &str) -> bool {
    matches!(
        word,
        "Ac" | "Ad"
            | "An"
            | "Ao"
            | "Ap"
            | "Aq"
            | "Ar"
            | "At"
            | "Bc"
            | "Bo"
            | "Bq"
            | "Brq"
            | "Bsx"
            | "Bx"
            | "Cd"
            | "Cm"
            | "Dc"
            | "Do"
            | "Dq"
            | "Dv"
            | "Dx"
            | "Em"
            | "Er"
            | "Ev"
            | "Fa"
            | "Fl"
            | "Fn"
            | "Ft"
            | "Fx"
            | "Ic"
            | "In"
            | "Lb"
            | "Li"
            | "Lk"
            | "Ms"
            | "Mt"
            | "Nd"
            | "Nm"
            | "No"
            | "Ns"
            | "Nx"
            | "Op"
            | "Ot"
            | "Ox"
            | "Pa"
            | "Pc"
            | "Pf"
            | "Po"
            | "Pq"
            | "Qc"
            | "Ql"
            | "Qo"
            | "Qq"
            | "Rv"
            | "Sc"
            | "Sm"
            | "So"
            | "Sq"
            | "St"
            | "Sx"
            | "Sy"
            | "Tn"
            | "Ux"
            | "Va"
            | "Vt"
            | "Xr"
            | "Ta"
            | "D1"
            | "Dl"
            | "It"
            | "Oo"
            | "Oc"
            | "Ex"
            | "Fd"
            | "Fo"
            | "Fc"
            | "%A"
            | "%B"
            | "%D"
            | "%J"
            | "%N"
            | "%P"
            | "%R"
            | "%T"
            | "%V"
    )
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn lines_of_mdoc_say_what_they_show() {
        let said = |line: &str| {
            let mut tokens = line.split(' ').map(str::to_owned);
            let request = tokens.next().unwrap();
            words(&request, &tokens.collect::<Vec<_>>(), "ls")
        };
        assert_eq!(said("Op Fl al Ar file ..."), "[-al file ...]");
        assert_eq!(said("Nm"), "ls");
        assert_eq!(said("Nm ,"), "ls,");
        assert_eq!(said("Xr chmod 1 ,"), "chmod(1),");
        assert_eq!(said("Dq Li x y"), "\"x y\"");
        assert_eq!(said("Nd list files"), "- list files");
        assert_eq!(said("It Fl a"), "-a");
        assert_eq!(said("Pa /etc/x Ns .d"), "/etc/x.d");
    }
}
