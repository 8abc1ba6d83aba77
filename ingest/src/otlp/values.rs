//! `AnyValue` and attribute lists as text and JSON.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use serde_json::json;

/// A value that nests deeper than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooDeep;

/// The value as text: text as it is, bytes as base64, lists and maps as JSON, nothing as `""`.
pub(crate) fn text<'a>(value: Option<&'a AnyValue>, depth_max: usize) -> Result<Cow<'a, str>, TooDeep> {
    let Some(value) = value.and_then(|value| value.value.as_ref()) else { return Ok(Cow::Borrowed("")) };
    Ok(match value {
        Value::StringValue(text) => Cow::Borrowed(text),
        Value::BoolValue(flag) => Cow::Borrowed(if *flag { "true" } else { "false" }),
        Value::IntValue(number) => Cow::Owned(number.to_string()),
        Value::DoubleValue(number) => Cow::Owned(float_text(*number)),
        Value::BytesValue(bytes) => Cow::Owned(BASE64_STANDARD.encode(bytes)),
        Value::ArrayValue(_) | Value::KvlistValue(_) => Cow::Owned(json_of(value, depth_max)?.to_string()),
        // A profile's reference into a table that logs and metrics do not have.
        Value::StringValueStrindex(_) => Cow::Borrowed(""),
    })
}

/// As Prometheus writes numbers: no exponent, `+Inf`, `-Inf`, `NaN`.
pub(crate) fn float_text(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        number.to_string()
    }
}

fn json_of(value: &Value, depth_left: usize) -> Result<serde_json::Value, TooDeep> {
    let inner = |value: Option<&AnyValue>| match value.and_then(|value| value.value.as_ref()) {
        None => Ok(serde_json::Value::Null),
        Some(value) => json_of(value, depth_left.checked_sub(1).ok_or(TooDeep)?),
    };
    Ok(match value {
        Value::StringValue(text) => json!(text),
        Value::BoolValue(flag) => json!(flag),
        Value::IntValue(number) => json!(number),
        Value::DoubleValue(number) if number.is_finite() => json!(number),
        Value::DoubleValue(number) => json!(float_text(*number)),
        Value::BytesValue(bytes) => json!(BASE64_STANDARD.encode(bytes)),
        Value::ArrayValue(list) => {
            list.values.iter().map(|value| inner(Some(value))).collect::<Result<_, _>>()?
        }
        Value::KvlistValue(map) => {
            let entry = |pair: &KeyValue| Ok((pair.key.clone(), inner(pair.value.as_ref())?));
            serde_json::Value::Object(map.values.iter().map(entry).collect::<Result<_, _>>()?)
        }
        Value::StringValueStrindex(_) => serde_json::Value::Null,
    })
}

/// An attribute's text, `None` when it is missing or empty.
pub(crate) fn attribute<'a>(attributes: &'a [KeyValue], key: &str) -> Option<Cow<'a, str>> {
    let found = attributes.iter().find(|pair| pair.key == key)?;
    // An identity that nests is none.
    text(found.value.as_ref(), 0).ok().filter(|text| !text.is_empty())
}

/// Ids as lower-case hex; `None` for absent ones and, as OTLP asks, for ones of a wrong length or
/// all zeros.
pub(crate) fn hex_id(bytes: &[u8], length: usize) -> Option<Box<str>> {
    if bytes.len() != length || bytes.iter().all(|byte| *byte == 0) {
        return None;
    }
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into())
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};

    use super::*;

    fn any(value: Value) -> AnyValue {
        AnyValue { value: Some(value) }
    }

    fn check(value: Value, expect: &str) {
        assert_eq!(text(Some(&any(value)), 8).unwrap(), expect);
    }

    #[test]
    fn every_kind_of_value_has_a_text() {
        check(Value::StringValue("a \"b\"".into()), "a \"b\"");
        check(Value::BoolValue(true), "true");
        check(Value::IntValue(-3), "-3");
        check(Value::DoubleValue(0.5), "0.5");
        check(Value::DoubleValue(f64::NEG_INFINITY), "-Inf");
        check(Value::BytesValue(vec![0, 255]), "AP8=");
        let list = ArrayValue { values: vec![any(Value::DoubleValue(f64::NAN)), AnyValue { value: None }] };
        let pair =
            KeyValue { key: "k".into(), value: Some(any(Value::ArrayValue(list))), ..KeyValue::default() };
        check(Value::KvlistValue(KeyValueList { values: vec![pair] }), r#"{"k":["NaN",null]}"#);
        assert_eq!(text(None, 8).unwrap(), "");
    }

    #[test]
    fn nesting_is_bounded() {
        let mut value = any(Value::IntValue(1));
        for _ in 0..9 {
            value = any(Value::ArrayValue(ArrayValue { values: vec![value] }));
        }
        assert_eq!(text(Some(&value), 8), Err(TooDeep));
        assert_eq!(text(Some(&value), 9).unwrap(), "[[[[[[[[[1]]]]]]]]]");
    }

    #[test]
    fn ids_of_a_wrong_length_are_absent() {
        assert_eq!(hex_id(&[0xab; 8], 8).as_deref(), Some("abababababababab"));
        assert_eq!(hex_id(&[0; 8], 8), None);
        assert_eq!(hex_id(&[1; 7], 8), None);
    }
}
