//! Cutting bytes so that what is shown is text: no character in half, invalid bytes replaced, never over the budget.

/// What one invalid sequence becomes: U+FFFD, three bytes.
const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// `bytes` without a character that begins at its end and goes on after it.
pub(crate) fn without_cut_end(bytes: &[u8]) -> &[u8] {
    // A character has at most four bytes, so one that is cut began in the last three.
    for start in (bytes.len().saturating_sub(3)..bytes.len()).rev() {
        match bytes[start] {
            0xC0.. => {
                let cut = std::str::from_utf8(&bytes[start..]).is_err_and(|error| error.error_len().is_none());
                return if cut { &bytes[..start] } else { bytes };
            }
            0x80.. => {}
            _ => break,
        }
    }
    bytes
}

/// `bytes` without the rest of a character that began before it.
pub(crate) fn without_cut_start(bytes: &[u8]) -> &[u8] {
    let rest = bytes.iter().take(3).take_while(|byte| (0x80..0xC0).contains(*byte)).count();
    &bytes[rest..]
}

/// The longest text of at most `budget` bytes that `bytes` begins with, and how many of `bytes` it stands for. Binary
/// grows when it is replaced, which is why the two numbers differ.
pub(crate) fn head(bytes: &[u8], budget: usize) -> (String, usize) {
    let mut text = String::with_capacity(bytes.len().min(budget));
    let mut used = 0;
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid();
        let fits = valid.floor_char_boundary(budget - text.len());
        text.push_str(&valid[..fits]);
        used += fits;
        if fits < valid.len() {
            break;
        }
        if !chunk.invalid().is_empty() {
            if text.len() + REPLACEMENT.len_utf8() > budget {
                break;
            }
            text.push(REPLACEMENT);
            used += chunk.invalid().len();
        }
    }
    (text, used)
}

/// Like [`head`], for what `bytes` ends with.
pub(crate) fn tail(bytes: &[u8], budget: usize) -> (String, usize) {
    let mut excess = lossy_len(bytes).saturating_sub(budget);
    let mut start = 0;
    for chunk in bytes.utf8_chunks() {
        if excess == 0 {
            break;
        }
        let valid = chunk.valid();
        if excess <= valid.len() {
            start += valid.ceil_char_boundary(excess);
            break;
        }
        start += valid.len() + chunk.invalid().len();
        excess = (excess - valid.len()).saturating_sub(REPLACEMENT.len_utf8());
    }
    (String::from_utf8_lossy(&bytes[start..]).into_owned(), bytes.len() - start)
}

fn lossy_len(bytes: &[u8]) -> usize {
    let replaced = |invalid: &[u8]| if invalid.is_empty() { 0 } else { REPLACEMENT.len_utf8() };
    bytes.utf8_chunks().map(|chunk| chunk.valid().len() + replaced(chunk.invalid())).sum()
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_dropped_whole() {
        let text = "aé€😀".as_bytes();
        for cut in 0..=text.len() {
            assert!(std::str::from_utf8(without_cut_end(&text[..cut])).is_ok(), "end {cut}");
            assert!(std::str::from_utf8(without_cut_start(&text[cut..])).is_ok(), "start {cut}");
        }
    }

    #[test]
    fn budgets_hold_for_binary_too() {
        let bytes = [0xFF; 40];
        assert_eq!(head(&bytes, 10), ("\u{FFFD}".repeat(3), 3));
        assert_eq!(tail(&bytes, 10), ("\u{FFFD}".repeat(3), 3));
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
