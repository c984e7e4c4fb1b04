//! The words of a text, as they are hashed.

/// Longer runs are data: a key, an encoded file. Their beginning says enough.
const LONGEST: usize = 40;

/// So frequent that they say nothing of what a text is about.
const COMMON: [&str; 46] = [
    "a", "an", "and", "any", "are", "as", "at", "be", "by", "can", "do", "does", "for", "from", "has", "have", "how",
    "i", "if", "in", "into", "is", "it", "its", "me", "my", "of", "on", "or", "our", "so", "than", "that", "the",
    "their", "then", "there", "this", "to", "was", "we", "were", "what", "when", "which", "you",
];

/// In small letters and shortened to what their forms have in common; all of them where there are only common ones.
pub(super) fn words(text: &str) -> Vec<String> {
    let all = || text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()).map(small);
    let words: Vec<String> = all().filter(|word| COMMON.binary_search(&word.as_str()).is_err()).map(stem).collect();
    if words.is_empty() { all().collect() } else { words }
}

fn small(word: &str) -> String {
    word.chars().take(LONGEST).flat_map(char::to_lowercase).collect()
}

/// Takes off the endings of English words that rarely change what is meant.
fn stem(mut word: String) -> String {
    if !word.is_ascii() || word.len() < 4 || word.bytes().any(|byte| byte.is_ascii_digit()) {
        return word;
    }
    let rules: [(&str, &str, usize); 8] = [
        ("sses", "ss", 2),
        ("ies", "y", 2),
        ("ing", "", 3),
        ("ed", "", 3),
        ("ly", "", 3),
        ("es", "", 3),
        ("ss", "ss", 1),
        ("s", "", 3),
    ];
    for (ending, instead, rest) in rules {
        if let Some(stem) = word.strip_suffix(ending)
            && stem.len() >= rest
        {
            word.truncate(stem.len());
            word.push_str(instead);
            break;
        }
    }
    if word.len() > 3 && word.ends_with('e') {
        word.pop();
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_come_together() {
        let one = |word: &str| words(word).join(" ");
        for forms in [["restore", "restoring"], ["Backups", "backup"], ["policies", "policy"], ["caches", "cache"]] {
            assert_eq!(one(forms[0]), one(forms[1]), "{forms:?}");
        }
        assert_eq!(one("classes, class"), "class class");
        assert_eq!(one("What is the x509 of us?"), "x509 us");
        assert_eq!(one("What is that?"), "what is that");
        assert_eq!(one("--flag=VALUE_OF"), "flag valu");
        assert!(COMMON.is_sorted());
    }
}
