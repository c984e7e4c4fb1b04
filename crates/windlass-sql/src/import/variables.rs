//! `${NAME}` and `${NAME:default}`. Google's Toolbox puts them in before it reads the file; windlass.yaml has none.

use std::sync::LazyLock;

use regex::{Captures, Regex};

static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the pattern is fixed, and tested")]
    Regex::new(r"\$\{([A-Za-z0-9_]+)(?::([^}]*))?\}").expect("a pattern")
});

/// What a setting is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Setting {
    /// Text without variables.
    Literal,
    /// One variable and nothing else.
    Variable { name: String, default: Option<String> },
    /// Text with variables in it.
    Mixed,
}

pub(super) fn setting(text: &str) -> Setting {
    if !text.contains("${") {
        return Setting::Literal;
    }
    let text = text.trim();
    match VARIABLE.captures(text) {
        Some(found) if found[0].len() == text.len() => Setting::Variable {
            name: found[1].to_owned(),
            default: found.get(2).map(|found| found.as_str().to_owned()),
        },
        _ => Setting::Mixed,
    }
}

/// The text as it is where no variable is set; or the first that has no default, or what is none.
pub(super) fn fill(text: &str) -> Result<String, String> {
    if let Some(bare) = VARIABLE.captures_iter(text).find(|found| found.get(2).is_none_or(|default| default.is_empty()))
    {
        return Err(format!("${}", &bare[1]));
    }
    let filled = VARIABLE.replace_all(text, |found: &Captures<'_>| found[2].to_owned());
    match filled.contains("${") {
        true => Err("${".to_owned()),
        false => Ok(filled.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_told_from_text_with_variables() {
        let variable = |default: Option<&str>| Setting::Variable { name: "A".into(), default: default.map(Into::into) };
        assert_eq!(setting("${A}"), variable(None));
        assert_eq!(setting("${A:b:c}"), variable(Some("b:c")));
        assert_eq!(setting("${A:}"), variable(Some("")));
        assert_eq!(setting("x${A}"), Setting::Mixed);
        assert_eq!(setting("${A}${B}"), Setting::Mixed);
        assert_eq!(setting("${A-B}"), Setting::Mixed);
        assert_eq!(setting("$A"), Setting::Literal);
    }

    #[test]
    fn defaults_are_put_in_where_all_have_one() {
        assert_eq!(fill("db-${A:dev}-${B:1}"), Ok("db-dev-1".into()));
        assert_eq!(fill("plain"), Ok("plain".into()));
        for text in ["${A:x}${B}", "${B}", "${B:}"] {
            assert_eq!(fill(text), Err("$B".into()), "{text}");
        }
        assert_eq!(fill("${A-B}"), Err("${".into()));
    }
}
