use html5ever::tokenizer::Tag;

/// An attribute's value.
pub(super) fn attribute<'a>(tag: &'a Tag, name: &str) -> Option<&'a str> {
    tag.attrs.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| &*attribute.value)
}

/// Text fit for markup and for quoted attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // Some of them have a meaning of our own further on (see `tables`).
            control if control.is_ascii_control() && !matches!(control, '\n' | '\t') => {}
            other => out.push(other),
        }
    }
    out
}

/// Adds `text` with every run of white space as one space.
pub(super) fn collapse(out: &mut String, text: &str) {
    for character in text.chars() {
        if !character.is_whitespace() {
            out.push(character);
        } else if !out.ends_with(char::is_whitespace) && !out.is_empty() {
            out.push(' ');
        }
    }
}
