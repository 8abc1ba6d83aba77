//! A text in somebody else's JSON: a string, or a number or boolean as it would be written.

use std::borrow::Cow;
use std::fmt;

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

#[cfg(test)]
mod tests {
    use super::*;

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
