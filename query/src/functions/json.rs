//! Reading JSON text: `json_text`, `json_time`, `json_number`, `json_bool`, `json_map`, `json_array`
//! and `json_keys` take what lies at a path of keys and positions, `json_get` takes it as it is; `json_of`
//! writes a map as JSON text. `->` is `json_get`, `->>` is `json_text`.
//!
//! What is not there, is null, or has another type is NULL: payloads come from outside.

mod operators;
mod path;

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, BooleanBuilder, Float64Builder, ListBuilder, StringArray, StringBuilder,
    TimestampMicrosecondBuilder,
};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::cast::as_string_array;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::logical_expr::{ScalarUDF, TypeSignature};
use serde_json::Value;
use telemetry::Timestamp;

use super::column::{Body, ColumnFunction};
use super::documented::{Argument, Manual, Section};
use super::types::{list_of_text, map_builder, map_type, timestamp_type};
use operators::JsonOperators;

/// Writes a map as a JSON object.
pub(crate) const JSON_OF: &str = "json_of";
const JSON_GET_NAME: &str = "json_get";
const JSON_TEXT_NAME: &str = "json_text";

const ARGUMENTS: [Argument; 2] = [
    ("json", "JSON text, such as the column payload of events."),
    ("key", "A key of an object or a position in an array (from 0); further ones go deeper."),
];

const fn manual(syntax: &'static str, description: &'static str, example: &'static str) -> Manual {
    Manual { section: Section::Json, syntax, description, arguments: &ARGUMENTS, example }
}

const JSON_GET: Manual = manual(
    "json_get(json, key [, key ...])",
    "What lies at a path, as JSON text; also written json -> key. NULL when it is missing or null.",
    "SELECT payload -> 'labels' FROM events WHERE kind = 'alert'",
);
const JSON_TEXT: Manual = manual(
    "json_text(json, key [, key ...])",
    "What lies at a path as text: strings without quotes, everything else as JSON; also written json ->> key. NULL when it is missing or null.",
    "SELECT json_text(payload, 'labels', 'slo') FROM events WHERE kind = 'alert'",
);
const JSON_TIME: Manual = manual(
    "json_time(json, key [, key ...])",
    "The RFC 3339 time at a path; NULL when there is none.",
    "SELECT json_time(payload, 'started_at') FROM events WHERE kind = 'deploy'",
);
const JSON_NUMBER: Manual = manual(
    "json_number(json, key [, key ...])",
    "The number at a path, also one written as text ('NaN', '+Inf' and '-Inf' too); NULL when there is none.",
    "SELECT avg(json_number(body, 'timing', 'total_ms')) FROM logs WHERE service = 'checkout'",
);
const JSON_BOOL: Manual = manual(
    "json_bool(json, key [, key ...])",
    "The boolean at a path; NULL when there is none.",
    "SELECT count(*) FROM logs WHERE json_bool(body, 'cached')",
);
const JSON_MAP: Manual = manual(
    "json_map(json [, key ...])",
    "The object at a path as a map of text; NULL when there is none.",
    "SELECT json_map(payload, 'labels')['severity'] FROM events WHERE kind = 'alert'",
);
const JSON_ARRAY: Manual = manual(
    "json_array(json [, key ...])",
    "The array at a path as a list of text; NULL when there is none.",
    "SELECT unnest(json_array(payload, 'commits')) FROM events WHERE kind = 'deploy'",
);
const JSON_KEYS: Manual = manual(
    "json_keys(json [, key ...])",
    "The keys of the object at a path as a list; NULL when there is none.",
    "SELECT key, count(*) FROM (SELECT unnest(json_keys(payload)) AS key FROM events) GROUP BY key",
);
const JSON_OF_MANUAL: Manual = Manual {
    arguments: &[("map", "A map of text, such as labels or attrs.")],
    ..manual(
        "json_of(map)",
        "A map, list or struct as JSON text.",
        "SELECT json_of(labels) FROM metrics LIMIT 10",
    )
};

pub(super) fn functions() -> Vec<ScalarUDF> {
    let path_function = |name, returns, body: Body, manual: &Manual| {
        ColumnFunction::udf(name, TypeSignature::Variadic(vec![DataType::Utf8]), returns, body, manual)
    };
    vec![
        path_function(JSON_GET_NAME, DataType::Utf8, json_get_column, &JSON_GET),
        path_function(JSON_TEXT_NAME, DataType::Utf8, text_column, &JSON_TEXT),
        path_function("json_time", timestamp_type(), time_column, &JSON_TIME),
        path_function("json_number", DataType::Float64, number_column, &JSON_NUMBER),
        path_function("json_bool", DataType::Boolean, bool_column, &JSON_BOOL),
        path_function("json_map", map_type(), map_column, &JSON_MAP),
        path_function("json_array", list_of_text(), array_column, &JSON_ARRAY),
        path_function("json_keys", list_of_text(), keys_column, &JSON_KEYS),
        ColumnFunction::udf(JSON_OF, TypeSignature::Any(1), DataType::Utf8, json_column, &JSON_OF_MANUAL),
    ]
}

/// `->` and `->>`, over the functions of a session.
pub(super) fn operators(functions: &[ScalarUDF]) -> Option<Arc<dyn ExprPlanner>> {
    let named = |name| functions.iter().find(|function| function.name() == name).cloned().map(Arc::new);
    let operators = JsonOperators { get: named(JSON_GET_NAME)?, text: named(JSON_TEXT_NAME)? };
    Some(Arc::new(operators))
}

/// What lies at the path of each row; missing and null ones are `None`.
fn each_value(args: &[ArrayRef], mut take: impl FnMut(Option<Value>) -> Result<()>) -> Result<()> {
    let (texts, keys) = split(args)?;
    let mut path = Vec::with_capacity(keys.len());
    for row in 0..texts.len() {
        path.clear();
        path.extend(keys.iter().filter(|key| key.is_valid(row)).map(|key| key.value(row)));
        let is_whole = texts.is_valid(row) && path.len() == keys.len();
        take(if is_whole { path::value_at(texts.value(row), &path) } else { None })?;
    }
    Ok(())
}

fn split(args: &[ArrayRef]) -> Result<(&StringArray, Vec<&StringArray>)> {
    let (texts, keys) = args
        .split_first()
        .ok_or_else(|| DataFusionError::Plan("a JSON function needs JSON text to read".to_owned()))?;
    Ok((as_string_array(texts)?, keys.iter().map(|key| as_string_array(key)).collect::<Result<_>>()?))
}

/// Strings as they are, anything else as JSON.
fn into_text(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

fn json_get_column(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut column = StringBuilder::new();
    each_value(args, |value| {
        column.append_option(value.map(|value| value.to_string()));
        Ok(())
    })?;
    Ok(Arc::new(column.finish()))
}

fn text_column(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut column = StringBuilder::new();
    each_value(args, |value| {
        column.append_option(value.and_then(into_text));
        Ok(())
    })?;
    Ok(Arc::new(column.finish()))
}

fn time_column(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut column = TimestampMicrosecondBuilder::new().with_data_type(timestamp_type());
    each_value(args, |value| {
        let time = value.and_then(|value| Timestamp::parse_rfc3339(value.as_str()?).ok());
        column.append_option(time.map(Timestamp::micros));
        Ok(())
    })?;
    Ok(Arc::new(column.finish()))
}

fn number_column(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut column = Float64Builder::new();
    each_value(args, |value| {
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
        Ok(())
    })?;
    Ok(Arc::new(column.finish()))
}

fn bool_column(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut column = BooleanBuilder::new();
    each_value(args, |value| {
        column.append_option(value.and_then(|value| value.as_bool()));
        Ok(())
    })?;
    Ok(Arc::new(column.finish()))
}

fn map_column(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut column = map_builder();
    each_value(args, |value| {
        let Some(Value::Object(object)) = value else {
            return Ok(column.append(false)?);
        };
        for (name, value) in object {
            column.keys().append_value(name);
            column.values().append_option(into_text(value));
        }
        Ok(column.append(true)?)
    })?;
    Ok(Arc::new(column.finish()))
}

fn array_column(args: &[ArrayRef]) -> Result<ArrayRef> {
    list_column(args, |value| match value {
        Value::Array(elements) => Some(elements.into_iter().map(into_text).collect()),
        _ => None,
    })
}

fn keys_column(args: &[ArrayRef]) -> Result<ArrayRef> {
    list_column(args, |value| match value {
        Value::Object(object) => Some(object.into_iter().map(|(key, _)| Some(key)).collect()),
        _ => None,
    })
}

fn list_column(args: &[ArrayRef], texts: fn(Value) -> Option<Vec<Option<String>>>) -> Result<ArrayRef> {
    let mut column = ListBuilder::new(StringBuilder::new());
    each_value(args, |value| {
        column.append_option(value.and_then(texts));
        Ok(())
    })?;
    Ok(Arc::new(column.finish()))
}

fn json_column(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut column = StringBuilder::new();
    let mut buffer = Vec::new();
    for row in 0..args[0].len() {
        if args[0].is_null(row) {
            column.append_null();
            continue;
        }
        buffer.clear();
        crate::formats::write_json_value(&mut buffer, &args[0], row)?;
        column.append_value(String::from_utf8_lossy(&buffer));
    }
    Ok(Arc::new(column.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYLOAD: &str = r#"{"title":"down \"hard\"","at":"2026-01-31T09:00:00.000001+01:00","n":3.5,
        "none":null,"labels":{"a":"1","b":2},"list":["x",{"deep":true},null]}"#;

    fn column(texts: &[&str]) -> ArrayRef {
        Arc::new(StringArray::from(texts.to_vec()))
    }

    #[test]
    fn members_come_out_by_type_and_what_does_not_fit_is_null() {
        let args = [column(&[PAYLOAD; 5]), column(&["title", "at", "n", "none", "missing"])];
        let text = text_column(&args).unwrap();
        let read: Vec<_> = as_string_array(&text).unwrap().iter().collect();
        let at = "2026-01-31T09:00:00.000001+01:00";
        assert_eq!(read, [Some("down \"hard\""), Some(at), Some("3.5"), None, None]);
        assert_eq!(time_column(&args).unwrap().null_count(), 4);
        assert_eq!(number_column(&args).unwrap().null_count(), 4);
    }

    #[test]
    fn paths_lead_through_objects_and_arrays() {
        let args = [column(&[PAYLOAD; 3]), column(&["labels", "list", "list"]), column(&["b", "0", "9"])];
        let text = text_column(&args).unwrap();
        assert_eq!(as_string_array(&text).unwrap().iter().collect::<Vec<_>>(), [Some("2"), Some("x"), None]);
        let deep = [column(&[PAYLOAD]), column(&["list"]), column(&["1"]), column(&["deep"])];
        assert_eq!(bool_column(&deep).unwrap().null_count(), 0);
    }

    #[test]
    fn garbage_is_null_and_no_error() {
        let args = [column(&["", "[1]", "{\"a\":", "7"]), column(&["a"; 4])];
        assert_eq!(text_column(&args).unwrap().null_count(), 4);
        assert_eq!(map_column(&args).unwrap().null_count(), 4);
        assert_eq!(array_column(&args[..1]).unwrap().null_count(), 3);
    }
}
