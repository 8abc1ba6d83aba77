//! PromQL values as Prometheus writes them: numbers as strings, times as seconds with milliseconds.
//!
//! Written straight into text: an answer may hold millions of points, each a time and a number.

use std::fmt::Write;

use query::promql::{Evaluated, Value};
use telemetry::{Labels, Timestamp};

use super::answer::Success;
use super::stats::Stats;

/// `data` of `query` and `query_range`.
#[derive(Debug)]
pub(super) struct QueryData {
    value: Value,
    /// The time of a vector and of a scalar.
    at: Timestamp,
    pub stats: Option<Stats>,
}

/// Cuts the answer to `limit` series and says so.
pub(super) fn data(evaluated: Evaluated, at: Timestamp, limit: Option<usize>) -> Success<QueryData> {
    let Evaluated { mut value, mut warnings, infos } = evaluated;
    let limit = limit.unwrap_or(usize::MAX);
    let series = match &mut value {
        Value::Vector(series) => cut(series, limit),
        Value::Matrix(series) => cut(series, limit),
        Value::Scalar(_) | Value::String(_) => false,
    };
    if series {
        warnings.push("results truncated due to limit".into());
    }
    Success { data: QueryData { value, at, stats: None }, warnings, infos }
}

fn cut<T>(series: &mut Vec<T>, limit: usize) -> bool {
    let is_longer = series.len() > limit;
    series.truncate(limit);
    is_longer
}

impl QueryData {
    /// How many numbers there are.
    pub(super) fn points(&self) -> usize {
        match &self.value {
            Value::Vector(series) => series.len(),
            Value::Matrix(series) => series.iter().map(|(_, points)| points.len()).sum(),
            Value::Scalar(_) | Value::String(_) => 1,
        }
    }

    pub(super) fn write(&self, out: &mut String) -> serde_json::Result<()> {
        match &self.value {
            Value::Vector(series) => {
                out.push_str(r#"{"resultType":"vector","result":["#);
                list(out, series, |out, (metric, value)| {
                    write_metric(metric, out)?;
                    out.push_str(",\"value\":");
                    write_point(self.at, *value, out);
                    out.push('}');
                    Ok(())
                })?;
                out.push(']');
            }
            Value::Matrix(series) => {
                out.push_str(r#"{"resultType":"matrix","result":["#);
                list(out, series, |out, (metric, points)| {
                    write_metric(metric, out)?;
                    out.push_str(",\"values\":[");
                    list(out, points, |out, (at, value)| {
                        write_point(*at, *value, out);
                        Ok(())
                    })?;
                    out.push_str("]}");
                    Ok(())
                })?;
                out.push(']');
            }
            Value::Scalar(value) => {
                out.push_str(r#"{"resultType":"scalar","result":"#);
                write_point(self.at, *value, out);
            }
            Value::String(text) => {
                out.push_str(r#"{"resultType":"string","result":["#);
                write_secs(self.at, out);
                out.push(',');
                out.push_str(&serde_json::to_string(text)?);
                out.push(']');
            }
        }
        if let Some(stats) = &self.stats {
            out.push_str(",\"stats\":");
            out.push_str(&serde_json::to_string(stats)?);
        }
        out.push('}');
        Ok(())
    }
}

fn list<T>(
    out: &mut String,
    items: &[T],
    mut write: impl FnMut(&mut String, &T) -> serde_json::Result<()>,
) -> serde_json::Result<()> {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(out, item)?;
    }
    Ok(())
}

/// Leaves the object open.
fn write_metric(metric: &Labels, out: &mut String) -> serde_json::Result<()> {
    out.push_str("{\"metric\":");
    out.push_str(&serde_json::to_string(metric)?);
    Ok(())
}

/// `[1435781451.781,"1"]`
fn write_point(at: Timestamp, value: f64, out: &mut String) {
    out.push('[');
    write_secs(at, out);
    out.push_str(",\"");
    write_value(value, out);
    out.push_str("\"]");
}

/// Seconds; three digits below when there are milliseconds.
fn write_secs(at: Timestamp, out: &mut String) {
    let (millis, sign) = (at.millis().unsigned_abs(), if at.millis() < 0 { "-" } else { "" });
    // Writing to a string does not fail.
    let _written = match millis % 1_000 {
        0 => write!(out, "{sign}{}", millis / 1_000),
        below => write!(out, "{sign}{}.{below:03}", millis / 1_000),
    };
}

/// Below it, whole numbers are written as such: most values are, and it is several times as fast.
const WHOLE_MAX: f64 = 1e15;

/// The shortest text that reads back as the same number; exponents as Go writes them, for numbers
/// below 1e-6 and from 1e21.
fn write_value(value: f64, out: &mut String) {
    let size = value.abs();
    let is_minus_zero = value == 0.0 && value.is_sign_negative();
    // Writing to a string does not fail.
    let _written = if value.is_nan() {
        out.write_str("NaN")
    } else if value.is_infinite() {
        out.write_str(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else if size < WHOLE_MAX && value.trunc() == value && !is_minus_zero {
        write!(out, "{}", value as i64)
    } else if size == 0.0 || (1e-6..1e21).contains(&size) {
        write!(out, "{value}")
    } else {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
        write!(out, "{digits}e{sign}{exponent:0>2}")
    };
}

pub(super) fn format_secs(at: Timestamp) -> String {
    let mut text = String::new();
    write_secs(at, &mut text);
    text
}

pub(super) fn format_value(value: f64) -> String {
    let mut text = String::new();
    write_value(value, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_go_writes_them() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-3.0, "-3"),
            (123_456_789_012_345_680.0, "123456789012345680"),
            (2.5, "2.5"),
            (0.1, "0.1"),
            (1e-6, "0.000001"),
            (1e-7, "1e-07"),
            (1.5e300, "1.5e+300"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (value, text) in cases {
            assert_eq!(format_value(value), text);
        }
    }

    #[test]
    fn times_carry_milliseconds_only_when_there_are_some() {
        assert_eq!(format_secs(Timestamp::from_millis(1_435_781_451_781)), "1435781451.781");
        assert_eq!(format_secs(Timestamp::from_millis(1_435_781_451_050)), "1435781451.050");
        assert_eq!(format_secs(Timestamp::from_secs(15)), "15");
        assert_eq!(format_secs(Timestamp::from_millis(-1_500)), "-1.500");
    }

    fn check(value: Value, expect: &str) {
        let evaluated = Evaluated { value, warnings: vec![], infos: vec![] };
        let mut text = String::new();
        data(evaluated, Timestamp::from_millis(1_500), None).data.write(&mut text).unwrap();
        assert_eq!(text, expect);
    }

    #[test]
    fn every_kind_of_value_has_prometheus_shape() {
        let up = || Labels::new([("__name__", "up")]).unwrap();
        check(
            Value::Vector(vec![(up(), 1.0)]),
            r#"{"resultType":"vector","result":[{"metric":{"__name__":"up"},"value":[1.500,"1"]}]}"#,
        );
        check(
            Value::Matrix(vec![(up(), vec![(Timestamp::from_secs(1), f64::NAN)])]),
            r#"{"resultType":"matrix","result":[{"metric":{"__name__":"up"},"values":[[1,"NaN"]]}]}"#,
        );
        check(Value::Scalar(2.0), r#"{"resultType":"scalar","result":[1.500,"2"]}"#);
        check(Value::String("a\"b".into()), r#"{"resultType":"string","result":[1.500,"a\"b"]}"#);
    }

    #[test]
    fn a_limit_cuts_and_says_so() {
        let series = vec![(Labels::empty(), 1.0), (Labels::empty(), 2.0)];
        let evaluated = Evaluated { value: Value::Vector(series), warnings: vec![], infos: vec![] };
        let answer = data(evaluated, Timestamp::EPOCH, Some(1));
        assert_eq!(answer.warnings, ["results truncated due to limit"]);
        assert!(matches!(answer.data.value, Value::Vector(series) if series.len() == 1));
    }
}
