use serde_json::Value;

use super::super::super::json;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const MINUS_INFINITY: u16 = 0xf000;
/// Decimal digits of each of its digits.
const GROUP: usize = 4;

/// The double that has the digits people know the single by: 0.1 instead of 0.10000000149011612.
pub(super) fn single(value: f32) -> Value {
    json::float(value.to_string().parse().unwrap_or_else(|_| f64::from(value)))
}

/// A numeric with all its digits, zeros at the end as well: they are what was stored. It comes as digits to the base of
/// 10,000 with the power of the first, a sign, and how many decimal digits are behind the point.
pub(super) fn numeric(bytes: &[u8]) -> Option<String> {
    let (head, digits) = bytes.split_at_checked(8)?;
    let word = |bytes: &[u8], at: usize| Some(u16::from_be_bytes([*bytes.get(2 * at)?, *bytes.get(2 * at + 1)?]));
    let (count, weight) = (usize::from(word(head, 0)?), i32::from(word(head, 1)?.cast_signed()));
    let (sign, scale) = (word(head, 2)?, usize::from(word(head, 3)?));
    match sign {
        NAN => return Some("NaN".to_owned()),
        INFINITY => return Some("Infinity".to_owned()),
        MINUS_INFINITY => return Some("-Infinity".to_owned()),
        0 | NEGATIVE => {}
        _ => return None,
    }
    if digits.len() != 2 * count {
        return None;
    }
    let digit = |power: i32| {
        let at = usize::try_from(weight - power).ok();
        u64::from(at.and_then(|at| word(digits, at)).unwrap_or_default())
    };
    let first = weight.max(0);
    let mut text = String::with_capacity(GROUP * (count + 1) + scale + 2);
    if sign == NEGATIVE {
        text.push('-');
    }
    push(&mut text, digit(first), 1);
    for power in (0..first).rev() {
        push(&mut text, digit(power), GROUP);
    }
    if scale > 0 {
        text.push('.');
        let end = text.len() + scale;
        for group in 1..=scale.div_ceil(GROUP) {
            push(&mut text, digit(-i32::try_from(group).ok()?), GROUP);
        }
        text.truncate(end);
    }
    Some(text)
}

/// Adds the digits of a number, at least so many. What the standard library offers for this takes several times as long,
/// and this is done for nearly every cell.
pub(super) fn push(text: &mut String, mut number: u64, least: usize) {
    const MOST: usize = 20;
    let mut digits = [b'0'; MOST];
    let mut at = MOST;
    while number > 0 || MOST - at < least {
        at -= 1;
        // One digit always fits.
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    text.extend(digits[at..].iter().map(|&digit| char::from(digit)));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numerics_keep_every_digit() {
        for (weight, sign, scale, digits, expected) in [
            (0, 0, 0, &[][..], "0"),
            (0, 0, 2, &[], "0.00"),
            (0, 0, 2, &[1, 1000], "1.10"),
            (0, NEGATIVE, 1, &[12, 5000], "-12.5"),
            (-1, 0, 4, &[1], "0.0001"),
            (-2, 0, 10, &[12, 3400], "0.0000001234"),
            (2, 0, 0, &[1], "100000000"),
            (1, 0, 3, &[12, 3456, 7890], "123456.789"),
            (0, NAN, 0, &[], "NaN"),
            (0, INFINITY, 32, &[], "Infinity"),
            (0, MINUS_INFINITY, 32, &[], "-Infinity"),
        ] {
            let words = [digits.len() as u16, i16::cast_unsigned(weight), sign, scale].into_iter();
            let bytes: Vec<u8> = words.chain(digits.iter().copied()).flat_map(u16::to_be_bytes).collect();
            assert_eq!(numeric(&bytes).as_deref(), Some(expected));
        }
        assert_eq!(numeric(&[0, 1, 0, 0, 0, 0, 0, 0]), None);
    }

    #[test]
    fn numbers_have_as_many_digits_as_they_need_and_no_fewer_than_asked_for() {
        for (number, least, expected) in
            [(0, 0, ""), (0, 1, "0"), (7, 4, "0007"), (12345, 4, "12345"), (u64::MAX, 2, "18446744073709551615")]
        {
            let mut text = String::new();
            push(&mut text, number, least);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn singles_have_the_digits_they_are_known_by() {
        for (value, expected) in [(0.1, json!(0.1)), (1e20, json!(1e20)), (-3.0, json!(-3.0)), (f32::NAN, json!("NaN"))]
        {
            assert_eq!(single(value), expected);
        }
        assert_eq!(single(f32::NEG_INFINITY), json!("-Infinity"));
    }
}
