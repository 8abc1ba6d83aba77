//! Reading JSON text: `json_text`, `json_time`, `json_number` and `json_map` take one member of an
//! object by its key; `json_of` writes a map as JSON text.
//!
//! What is not there, is null, or has another type is NULL: payloads come from outside.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, Float64Builder, MapBuilder, MapFieldNames, StringArray, StringBuilder,
    TimestampMicrosecondBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::common::cast::as_string_array;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, create_udf,
};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use telemetry::Timestamp;

/// Writes a map as a JSON object.
pub(crate) const JSON_OF: &str = "json_of";

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        member_function("json_text", DataType::Utf8, text_column),
        member_function("json_time", timestamp_type(), time_column),
        member_function("json_number", DataType::Float64, number_column),
        member_function("json_map", map_type(), map_column),
        ScalarUDF::from(JsonOf { signature: Signature::any(1, Volatility::Immutable) }),
    ]
}

/// Instants as the tables store them.
pub(crate) fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// `Map<Utf8, Utf8>`, named as Delta names its entries.
pub(crate) fn map_type() -> DataType {
    map_builder().finish().data_type().clone()
}

pub(crate) fn map_builder() -> MapBuilder<StringBuilder, StringBuilder> {
    let names = MapFieldNames { entry: "key_value".into(), key: "key".into(), value: "value".into() };
    MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new())
        .with_values_field(Arc::new(Field::new("value", DataType::Utf8, true)))
}

type ColumnOf = fn(&StringArray, &StringArray) -> Result<ArrayRef>;

/// A function of a JSON text and a key.
fn member_function(name: &str, returns: DataType, column: ColumnOf) -> ScalarUDF {
    create_udf(
        name,
        vec![DataType::Utf8, DataType::Utf8],
        returns,
        Volatility::Immutable,
        Arc::new(move |args: &[ColumnarValue]| {
            let all_constant = args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
            let arrays = ColumnarValue::values_to_arrays(args)?;
            let result = column(as_string_array(&arrays[0])?, as_string_array(&arrays[1])?)?;
            if all_constant {
                return Ok(ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(
                    &result, 0,
                )?));
            }
            Ok(ColumnarValue::Array(result))
        }),
    )
}

/// The members of each row, missing ones as null.
fn members<'a>(
    texts: &'a StringArray,
    keys: &'a StringArray,
) -> impl ExactSizeIterator<Item = Option<Value>> + 'a {
    (0..texts.len()).map(move |row| {
        if texts.is_null(row) || keys.is_null(row) { None } else { member(texts.value(row), keys.value(row)) }
    })
}

fn text_column(texts: &StringArray, keys: &StringArray) -> Result<ArrayRef> {
    let mut column = StringBuilder::new();
    for value in members(texts, keys) {
        match value {
            Some(Value::String(text)) => column.append_value(text),
            Some(other) => column.append_value(other.to_string()),
            None => column.append_null(),
        }
    }
    Ok(Arc::new(column.finish()))
}

fn time_column(texts: &StringArray, keys: &StringArray) -> Result<ArrayRef> {
    let mut column = TimestampMicrosecondBuilder::new().with_data_type(timestamp_type());
    for value in members(texts, keys) {
        let time = value.and_then(|value| Timestamp::parse_rfc3339(value.as_str()?).ok());
        column.append_option(time.map(Timestamp::micros));
    }
    Ok(Arc::new(column.finish()))
}

fn number_column(texts: &StringArray, keys: &StringArray) -> Result<ArrayRef> {
    let mut column = Float64Builder::new();
    for value in members(texts, keys) {
        column.append_option(value.and_then(|value| match value {
            Value::Number(number) => number.as_f64(),
            // The contract writes what JSON has no number for as text.
            Value::String(text) => match text.as_str() {
                "NaN" => Some(f64::NAN),
                "+Inf" => Some(f64::INFINITY),
                "-Inf" => Some(f64::NEG_INFINITY),
                number => number.parse().ok(),
            },
            _ => None,
        }));
    }
    Ok(Arc::new(column.finish()))
}

fn map_column(texts: &StringArray, keys: &StringArray) -> Result<ArrayRef> {
    let mut column = map_builder();
    for value in members(texts, keys) {
        let Some(Value::Object(object)) = value else {
            column.append(false)?;
            continue;
        };
        for (name, value) in object {
            column.keys().append_value(name);
            match value {
                Value::String(text) => column.values().append_value(text),
                Value::Null => column.values().append_null(),
                other => column.values().append_value(other.to_string()),
            }
        }
        column.append(true)?;
    }
    Ok(Arc::new(column.finish()))
}

/// One member of a JSON object. The other members are skipped, not built.
fn member(text: &str, key: &str) -> Option<Value> {
    let mut reader = serde_json::Deserializer::from_str(text);
    OneMember { key }.deserialize(&mut reader).ok().flatten().filter(|value| !value.is_null())
}

struct OneMember<'k> {
    key: &'k str,
}

impl<'de> DeserializeSeed<'de> for OneMember<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Value>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OneMember<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Value>, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if name == self.key {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// `json_of(map) -> text`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct JsonOf {
    signature: Signature,
}

impl ScalarUDFImpl for JsonOf {
    fn name(&self) -> &str {
        JSON_OF
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let mut column = StringBuilder::new();
        let mut buffer = Vec::new();
        for row in 0..arrays[0].len() {
            if arrays[0].is_null(row) {
                column.append_null();
                continue;
            }
            buffer.clear();
            crate::formats::write_json_value(&mut buffer, &arrays[0], row)?;
            column.append_value(String::from_utf8_lossy(&buffer));
        }
        Ok(ColumnarValue::Array(Arc::new(column.finish())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYLOAD: &str = r#"{"title":"down \"hard\"","at":"2026-01-31T09:00:00.000001+01:00","n":3.5,
        "none":null,"labels":{"a":"1","b":2}}"#;

    #[test]
    fn members_come_out_by_type_and_what_does_not_fit_is_null() {
        let texts = StringArray::from(vec![PAYLOAD; 5]);
        let keys = StringArray::from(vec!["title", "at", "n", "none", "missing"]);
        let text = text_column(&texts, &keys).unwrap();
        let text = as_string_array(&text).unwrap();
        let read: Vec<_> = text.iter().collect();
        let at = "2026-01-31T09:00:00.000001+01:00";
        assert_eq!(read, [Some("down \"hard\""), Some(at), Some("3.5"), None, None]);
        assert_eq!(time_column(&texts, &keys).unwrap().null_count(), 4);
        assert_eq!(number_column(&texts, &keys).unwrap().null_count(), 4);
    }

    #[test]
    fn garbage_is_null_and_no_error() {
        let texts = StringArray::from(vec!["", "[1]", "{\"a\":", "7"]);
        let keys = StringArray::from(vec!["a"; 4]);
        assert_eq!(text_column(&texts, &keys).unwrap().null_count(), 4);
        assert_eq!(map_column(&texts, &keys).unwrap().null_count(), 4);
    }
}
