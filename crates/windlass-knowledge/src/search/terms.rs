//! The words of a question, as they are looked for in lines.

/// Words that say nothing about what is asked.
const EMPTY: [&str; 48] = [
    "a", "about", "an", "and", "are", "as", "at", "be", "by", "can", "did", "do", "does", "for", "from", "get", "how",
    "i", "if", "in", "is", "it", "its", "me", "my", "not", "of", "on", "or", "our", "should", "that", "the", "their",
    "there", "this", "to", "was", "we", "what", "when", "where", "which", "who", "why", "will", "with", "you",
];

/// More words than this say nothing more about a line.
const MOST: usize = 64;

/// The stems of the words of a question, each once.
pub(super) fn of(question: &str) -> Vec<String> {
    let words = question.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase);
    let (empty, telling): (Vec<_>, Vec<_>) = words.partition(|word| EMPTY.contains(&word.as_str()));
    let mut terms = Vec::new();
    for word in if telling.is_empty() { empty } else { telling } {
        let stem = stem(&word).to_owned();
        if !terms.contains(&stem) && terms.len() < MOST {
            terms.push(stem);
        }
    }
    terms
}

/// A word without its commonest endings. What it stems from contains it, which is all that is asked of it here.
fn stem(word: &str) -> &str {
    for ending in ["ing", "ies", "es", "ed", "s", "y"] {
        if let Some(stem) = word.strip_suffix(ending)
            && stem.chars().count() >= 3
        {
            return stem;
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lose_endings_and_emptiness() {
        assert_eq!(of("How do I configure the VPNs, and policies for VPN?"), ["configure", "vpn", "polic"]);
        assert_eq!(of("what is it"), ["what", "is", "it"]);
        assert_eq!(of("Größe größe ?!"), ["größe"]);
        assert!(of("...").is_empty());
    }
}
