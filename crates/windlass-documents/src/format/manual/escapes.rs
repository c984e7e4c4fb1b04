//! Escapes of roff.

/// A text with its escapes replaced: `\fBls\fR \-l` is `ls -l`. What follows `\"` is a comment.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(position) = rest.find('\\') {
        out.push_str(&rest[..position]);
        rest = &rest[position + 1..];
        let Some(escape) = rest.chars().next() else { break };
        rest = &rest[escape.len_utf8()..];
        match escape {
            '"' | '#' => return out,
            // Fonts, sizes, colours, and registers, none of which are words.
            'f' | 'F' | 'm' | 'M' | 'k' | 'n' | 'g' | 'V' | 'Y' => rest = name(rest).1,
            's' => rest = size(rest),
            '*' => {
                let (string, after) = name(rest);
                out.push_str(defined(string));
                rest = after;
            }
            '(' | '[' => {
                let (glyph, after) = name(&text[text.len() - rest.len() - 1..]);
                out.push_str(character(glyph).as_deref().unwrap_or(""));
                rest = after;
            }
            // With an argument in quotes of any kind.
            'h' | 'v' | 'w' | 'l' | 'L' | 'D' | 'b' | 'o' | 'X' | 'Z' | 'H' | 'S' | 'R' | 'x' | 'A' | 'B' | 'N'
            | 'C' => {
                rest = quoted(rest);
            }
            'e' | '\\' | 'E' => out.push('\\'),
            '-' => out.push('-'),
            'z' | '&' | ')' | '|' | '^' | '/' | ',' | '%' | ':' | 'c' | '{' | '}' | 'p' | 'd' | 'u' | 'r' | 't'
            | '!' | '?' => {
                if escape == 't' {
                    out.push('\t');
                }
            }
            ' ' | '~' | '0' => out.push(' '),
            '\'' => out.push('\''),
            '`' => out.push('`'),
            other => out.push(other),
        }
    }
    out.push_str(rest);
    out
}

/// The name after an escape: one character, two after `(`, any after `[`.
fn name(rest: &str) -> (&str, &str) {
    if let Some(long) = rest.strip_prefix('[') {
        return long.split_once(']').unwrap_or((long, ""));
    }
    let (start, count) = match rest.strip_prefix('(') {
        Some(two) => (two, 2),
        None => (rest, 1),
    };
    let end = start.char_indices().nth(count).map_or(start.len(), |(end, _)| end);
    start.split_at(end)
}

/// What follows `\s`: `+1`, `-2`, `0`, `(12`, `[+1]`, `'10'`.
fn size(rest: &str) -> &str {
    let rest = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    match rest.chars().next() {
        Some('[' | '(') => name(rest).1,
        Some('\'') => quoted(rest),
        Some(digit) if digit.is_ascii_digit() => &rest[1..],
        _ => rest,
    }
}

/// Behind an argument such as `'1i'`.
fn quoted(rest: &str) -> &str {
    let mut characters = rest.chars();
    let Some(mark) = characters.next() else { return rest };
    match characters.as_str().split_once(mark) {
        Some((_, after)) => after,
        // Not closed: the rest of the line is lost to every formatter.
        None => "",
    }
}

/// Strings that macro packages define.
fn defined(name: &str) -> &'static str {
    match name {
        "lq" | "Lq" => "\u{201c}",
        "rq" | "Rq" => "\u{201d}",
        "R" => "\u{ae}",
        "Tm" => "\u{2122}",
        "Gt" => ">",
        "Lt" => "<",
        "Am" => "&",
        _ => "",
    }
}

/// Named characters.
fn character(name: &str) -> Option<String> {
    let known = match name {
        "aq" => "'",
        "dq" => "\"",
        "lq" => "\u{201c}",
        "rq" => "\u{201d}",
        "oq" => "\u{2018}",
        "cq" => "\u{2019}",
        "Fo" => "\u{ab}",
        "Fc" => "\u{bb}",
        "em" => "\u{2014}",
        "en" => "\u{2013}",
        "hy" => "-",
        "mi" => "\u{2212}",
        "bu" => "\u{2022}",
        "co" => "\u{a9}",
        "rg" => "\u{ae}",
        "tm" => "\u{2122}",
        "de" => "\u{b0}",
        "+-" => "\u{b1}",
        "mu" => "\u{d7}",
        "<=" => "\u{2264}",
        ">=" => "\u{2265}",
        "!=" => "\u{2260}",
        "->" => "\u{2192}",
        "<-" => "\u{2190}",
        "rs" => "\\",
        "sl" => "/",
        "ti" => "~",
        "ha" => "^",
        "ga" => "`",
        "at" => "@",
        "sh" => "#",
        "Do" => "$",
        "bv" | "ba" | "or" => "|",
        "lB" => "[",
        "rB" => "]",
        "lC" => "{",
        "rC" => "}",
        "la" => "\u{27e8}",
        "ra" => "\u{27e9}",
        "ul" | "ru" => "_",
        "eq" => "=",
        "pl" => "+",
        "ss" => "\u{df}",
        "sc" => "\u{a7}",
        "dg" => "\u{2020}",
        "..." => "\u{2026}",
        "OE" => "\u{152}",
        "oe" => "\u{153}",
        "AE" => "\u{c6}",
        "ae" => "\u{e6}",
        "/o" => "\u{f8}",
        "/O" => "\u{d8}",
        "oa" => "\u{e5}",
        "eu" | "Eu" => "\u{20ac}",
        "Po" => "\u{a3}",
        _ => return accented(name).or_else(|| code_point(name)),
    };
    Some(known.to_owned())
}

/// `:u` is ü, `'e` is é.
fn accented(name: &str) -> Option<String> {
    const COMBINING: [(char, char); 8] = [
        (':', '\u{308}'),
        ('\'', '\u{301}'),
        ('`', '\u{300}'),
        ('^', '\u{302}'),
        ('~', '\u{303}'),
        (',', '\u{327}'),
        ('v', '\u{30c}'),
        ('o', '\u{30a}'),
    ];
    const COMPOSED: [(&str, &str); 4] = [
        (":", "aäeëiïoöuüAÄEËIÏOÖUÜyÿ"),
        ("'", "aáeéiíoóuúAÁEÉIÍOÓUÚyýcć"),
        ("`", "aàeèiìoòuùAÀEÈIÌOÒUÙ"),
        ("^", "aâeêiîoôuûAÂEÊIÎOÔUÛ"),
    ];
    let mut characters = name.chars();
    let (accent, letter) = (characters.next()?, characters.next().filter(char::is_ascii_alphabetic)?);
    if characters.next().is_some() {
        return None;
    }
    let composed = COMPOSED.iter().find(|(mark, _)| mark.starts_with(accent)).and_then(|(_, pairs)| {
        let pairs: Vec<char> = pairs.chars().collect();
        pairs.chunks(2).find(|pair| pair[0] == letter).map(|pair| pair[1].to_string())
    });
    composed.or_else(|| {
        let (_, mark) = COMBINING.iter().find(|(mark, _)| *mark == accent)?;
        Some(format!("{letter}{mark}"))
    })
}

/// `u00E9`, `u0065_0301`, `char233`
fn code_point(name: &str) -> Option<String> {
    if let Some(decimal) = name.strip_prefix("char") {
        return char::from_u32(decimal.parse().ok()?).map(String::from);
    }
    let points =
        name.strip_prefix('u')?.split('_').map(|hex| u32::from_str_radix(hex, 16).ok().and_then(char::from_u32));
    points.collect()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn escapes_become_what_they_show() {
        for (source, shown) in [
            (r"\fBls\fR \-l\ \fIfile\fP", "ls -l file"),
            (r"\f[CB]x\f[] \f(CWy\fR", "x y"),
            (r"a\(aqb\[aq]c\(emd", "a'b'c\u{2014}d"),
            (r"\s-1SMALL\s0 \s+2big\s[0]", "SMALL big"),
            (r"\*(lqx\*(rq \*R", "\u{201c}x\u{201d} \u{ae}"),
            (r"C:\edir\\x", r"C:\dir\x"),
            ("a \\\" comment", "a "),
            (r"\h'1i'x\w'abc'y", "xy"),
            (r"caf\('e \[u00E9] \(:u", "café é ü"),
            (r"\&.dot \&", ".dot "),
            (r"end\", "end"),
            (r"\[unknown]x\(", "x"),
            ("\\", ""),
        ] {
            assert_eq!(plain(source), shown, "{source}");
        }
    }
}
