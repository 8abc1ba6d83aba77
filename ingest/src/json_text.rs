//! Text in somebody else's JSON: a string, or a number or boolean as it would be written; and strings
//! that are no text.

use std::borrow::Cow;
use std::fmt;

use bytes::{Bytes, BytesMut};
use serde::de::{Deserialize, Deserializer, Visitor};

/// Borrows from the body unless the string holds escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonText<'de>(pub(crate) Cow<'de, str>);

impl<'de: 'a, 'a> Deserialize<'de> for JsonText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = JsonText<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<JsonText<'de>, E> {
        Ok(JsonText(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<JsonText<'de>, E> {
        Ok(JsonText(text.to_owned().into()))
    }

    fn visit_string<E>(self, text: String) -> Result<JsonText<'de>, E> {
        Ok(JsonText(text.into()))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<JsonText<'de>, E> {
        Ok(JsonText(if flag { "true".into() } else { "false".into() }))
    }

    fn visit_i64<E>(self, number: i64) -> Result<JsonText<'de>, E> {
        Ok(JsonText(number.to_string().into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<JsonText<'de>, E> {
        Ok(JsonText(number.to_string().into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<JsonText<'de>, E> {
        Ok(JsonText(number.to_string().into()))
    }
}

/// Half of a pair of surrogates is no character, but JavaScript writes it as it is when a text was cut
/// there (`"\\ud83d"`). As in other readers of telemetry it becomes U+FFFD: one odd line must not cost
/// its sender all the others.
pub(crate) fn mend_lone_surrogates(body: Bytes) -> Bytes {
    let mut at = match next_lone_surrogate(&body, 0) {
        None => return body,
        Some(first) => first,
    };
    let mut mended = BytesMut::from(body);
    loop {
        mended[at..at + ESCAPE_BYTES].copy_from_slice(b"\\ufffd");
        match next_lone_surrogate(&mended, at) {
            None => return mended.freeze(),
            Some(next) => at = next,
        }
    }
}

const ESCAPE_BYTES: usize = r"\ud83d".len();

/// The place of the first one at or behind `at`, which is no place inside of an escape.
fn next_lone_surrogate(body: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += body[at..].iter().position(|byte| *byte == b'\\')?;
        match code_unit(body, at) {
            Some(0xd800..=0xdbff) if matches!(code_unit(body, at + ESCAPE_BYTES), Some(0xdc00..=0xdfff)) => {
                at += 2 * ESCAPE_BYTES;
            }
            Some(0xd800..=0xdfff) => return Some(at),
            // Another escape; its second byte may be a backslash.
            _ => at = (at + 2).min(body.len()),
        }
    }
}

/// Of the escape that stands at a place.
fn code_unit(body: &[u8], at: usize) -> Option<u16> {
    let digits = body.get(at..at + ESCAPE_BYTES)?.strip_prefix(b"\\u")?;
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_character_becomes_the_one_that_stands_for_none() {
        for (json, expect) in [
            (r#""plain""#, "plain"),
            (r#""\ud83d\ude00 \u00fc""#, "\u{1f600} \u{fc}"),
            (r#""cut \ud83d""#, "cut \u{fffd}"),
            (r#""\ude00 \uD83D\ud83d\ude00\uD83d""#, "\u{fffd} \u{fffd}\u{1f600}\u{fffd}"),
            (r#""\\ud83d""#, r"\ud83d"),
            (r#""\\\ud83d""#, "\\\u{fffd}"),
        ] {
            let mended = mend_lone_surrogates(Bytes::from_static(json.as_bytes()));
            assert_eq!(serde_json::from_slice::<String>(&mended).unwrap(), expect, "{json}");
        }
        for untouched in ["", "\\", r"\u", r"\ud83", r"\u+d83", r#""\n\"""#] {
            assert_eq!(mend_lone_surrogates(Bytes::from_static(untouched.as_bytes())), untouched);
        }
    }

    #[test]
    fn strings_borrow_and_scalars_are_texts() {
        for (json, expect) in [
            (r#""plain""#, "plain"),
            (r#""es\"caped""#, "es\"caped"),
            ("-3", "-3"),
            ("18446744073709551615", "18446744073709551615"),
            ("0.5", "0.5"),
            ("true", "true"),
        ] {
            assert_eq!(serde_json::from_str::<JsonText<'_>>(json).unwrap().0, expect);
        }
        let JsonText(text) = serde_json::from_str(r#""plain""#).unwrap();
        assert!(matches!(text, Cow::Borrowed(_)));
        for json in ["null", "[]", "{}"] {
            let error = serde_json::from_str::<JsonText<'_>>(json).unwrap_err().to_string();
            assert!(error.contains("expected a string"), "{error}");
        }
    }
}
