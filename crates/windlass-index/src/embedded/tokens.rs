//! Where words begin and end.

use std::str::CharIndices;

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// Runs of letters and digits. Where a script puts no spaces between words, every character is one, so that what is asked
/// for is found within a sentence.
#[derive(Clone, Default)]
pub struct Words {
    token: Token,
}

pub struct WordStream<'a> {
    text: &'a str,
    rest: CharIndices<'a>,
    token: &'a mut Token,
}

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.token.reset();
        WordStream { text, rest: text.char_indices(), token: &mut self.token }
    }
}

/// Whether words of its script are written without spaces: Chinese, Japanese, Thai, Lao, Khmer, Burmese.
fn stands_alone(letter: char) -> bool {
    matches!(letter,
        '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        self.token.text.clear();
        self.token.position = self.token.position.wrapping_add(1);
        let Some((from, first)) = self.rest.find(|(_, letter)| letter.is_alphanumeric()) else { return false };
        let mut to = from + first.len_utf8();
        if !stands_alone(first) {
            let mut ahead = self.rest.clone();
            while let Some((at, letter)) = ahead.next().filter(|&(_, c)| c.is_alphanumeric() && !stands_alone(c)) {
                to = at + letter.len_utf8();
                self.rest = ahead.clone();
            }
        }
        self.token.offset_from = from;
        self.token.offset_to = to;
        self.token.text.push_str(&self.text[from..to]);
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::analyser;

    fn words(text: &str) -> Vec<String> {
        let mut analyser = analyser();
        let mut stream = analyser.token_stream(text);
        let mut words = Vec::new();
        stream.process(&mut |token| words.push(token.text.clone()));
        words
    }

    #[test]
    fn words_are_cut_folded_and_stemmed() {
        assert_eq!(words("Retries: `read_file`, x86-64"), ["retri", "read", "file", "x86", "64"]);
        assert_eq!(words("Café Übung"), words("cafe ubung"));
        assert_eq!(words("…"), [""; 0]);
        assert_eq!(words(&"x".repeat(200)), [""; 0]);
        assert_eq!(words(&"x".repeat(128)).len(), 1);
    }

    #[test]
    fn characters_that_stand_alone_are_words() {
        assert_eq!(words("日本語abcの"), ["日", "本", "語", "abc", "の"]);
        assert_eq!(words("한국어 검색"), ["한국어", "검색"]);
    }
}
