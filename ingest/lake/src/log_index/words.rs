//! What a word of a log line is: letters, digits and `_` without anything between them, in lower case.
//!
//! Text is folded first and taken apart afterwards, on both sides, so that what a search looks for and what
//! a filter knows are the same words.

use std::borrow::Cow;

/// Lower case, character by character: no character's fold depends on its neighbours.
pub fn fold(text: &str) -> Cow<'_, str> {
    let is_folded = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
    if text.bytes().all(is_folded) {
        return Cow::Borrowed(text);
    }
    if text.is_ascii() {
        return Cow::Owned(text.to_ascii_lowercase());
    }
    Cow::Owned(text.chars().flat_map(char::to_lowercase).collect())
}

pub fn is_word_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || (!c.is_ascii() && c.is_alphanumeric())
}

/// Calls `each` with every word of a folded text.
pub fn words<'a>(folded: &'a str, mut each: impl FnMut(&'a str)) {
    if folded.is_ascii() {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let mut start = None;
        for (at, byte) in folded.as_bytes().iter().enumerate() {
            match (is_word(byte), start) {
                (true, None) => start = Some(at),
                (false, Some(first)) => {
                    each(&folded[first..at]);
                    start = None;
                }
                _ => {}
            }
        }
        if let Some(first) = start {
            each(&folded[first..]);
        }
        return;
    }
    folded.split(|c| !is_word_char(c)).filter(|word| !word.is_empty()).for_each(each);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        words(&fold(text), |word| found.push(word.to_owned()));
        found
    }

    #[test]
    fn words_end_at_everything_that_is_no_letter_digit_or_underscore() {
        let line = "GET /api/v1/orders?id=42 upstream=checkout-3: Connection REFUSED (user_id)";
        let expected = [
            "get",
            "api",
            "v1",
            "orders",
            "id",
            "42",
            "upstream",
            "checkout",
            "3",
            "connection",
            "refused",
            "user_id",
        ];
        assert_eq!(all(line), expected);
        assert_eq!(all("Größe überschritten: 10 µs"), ["größe", "überschritten", "10", "µs"]);
        assert_eq!(all(" -- "), [""; 0]);
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(text in ".{0,40}") {
            let folded = fold(&text).into_owned();
            let again = fold(&folded).into_owned();
            prop_assert_eq!(&again, &folded);
            prop_assert_eq!(all(&folded), all(&text));
        }
    }
}
