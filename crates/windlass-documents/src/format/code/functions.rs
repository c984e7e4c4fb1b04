//! Functions in languages that have no word for them.

/// `static int main(int argc, ...` is `main()`; `const go = async () =>` is `const go`.
pub(super) fn function(language: &str, start: &str, depth: usize) -> Option<String> {
    match language {
        "c" | "cpp" if depth == 0 => typed(start),
        "java" | "csharp" | "dart" if depth > 0 && starts_with_modifier(start) => typed(start),
        "javascript" | "typescript" | "vue" | "svelte" if depth == 0 => arrow(start),
        "shell" if depth == 0 => {
            let (name, after) = start.split_once('(')?;
            let name = name.trim_end();
            let plain =
                !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '.'));
            (plain && after.trim_start().starts_with(')')).then(|| format!("{name}()"))
        }
        "r" if depth == 0 => {
            let (name, after) = start.split_once("<-")?;
            let name = name.trim();
            let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
            (plain && after.trim_start().starts_with("function")).then(|| format!("{name}()"))
        }
        _ => None,
    }
}

fn starts_with_modifier(start: &str) -> bool {
    let first = start.split_whitespace().next().unwrap_or_default();
    matches!(
        first,
        "public"
            | "private"
            | "protected"
            | "internal"
            | "static"
            | "final"
            | "abstract"
            | "override"
            | "virtual"
            | "async"
    )
}

/// A name and its parameters, after what it returns.
fn typed(start: &str) -> Option<String> {
    let begins = start.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    if !begins || start.trim_end().ends_with(';') {
        return None;
    }
    let (head, _) = start.split_once('(')?;
    let head = head.trim_end();
    let name_start =
        head.rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':' | '~'))).map_or(0, |index| index + 1);
    let name = &head[name_start..];
    let first = head.split_whitespace().next().unwrap_or_default();
    let statement =
        matches!(first, "if" | "for" | "while" | "switch" | "return" | "else" | "do" | "case" | "typedef" | "using");
    // Without a type in front it is a call, a macro, or old: GNU puts the type on the line above.
    let plain = !name.is_empty() && !statement && !head.contains(['=', '"', '{']) && !name.ends_with(':');
    plain.then(|| format!("{name}()"))
}

/// `export const name = (...) => {` or `= function`
fn arrow(start: &str) -> Option<String> {
    let mut rest = start;
    for word in ["export ", "default "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let kind = ["const", "let", "var"]
        .into_iter()
        .find(|kind| rest.strip_prefix(kind).is_some_and(|after| after.starts_with(' ')))?;
    let (name, value) = rest[kind.len()..].split_once('=')?;
    let name: String = name.trim().chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '$')).collect();
    let value = value.trim_start();
    let value = value.strip_prefix("async").unwrap_or(value).trim_start();
    let is_function = value.starts_with("function") || (value.contains("=>") && !value.starts_with(['"', '\'', '`']));
    (is_function && !name.is_empty()).then(|| format!("{kind} {name}"))
}
