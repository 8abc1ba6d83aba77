//! PromQL values as Prometheus writes them: numbers as strings, times as seconds with milliseconds.

use query::promql::{Evaluated, Value};
use serde::ser::{Serialize, SerializeSeq, SerializeStruct, Serializer};
use serde_json::value::RawValue;
use telemetry::{Labels, Timestamp};

use super::answer::Success;

/// `data` of `query` and `query_range`.
#[derive(Debug)]
pub(super) struct QueryData {
    value: Value,
    /// The time of a vector and of a scalar.
    at: Timestamp,
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
    Success { data: QueryData { value, at }, warnings, infos }
}

fn cut<T>(series: &mut Vec<T>, limit: usize) -> bool {
    let is_longer = series.len() > limit;
    series.truncate(limit);
    is_longer
}

impl Serialize for QueryData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut data = serializer.serialize_struct("QueryData", 2)?;
        match &self.value {
            Value::Vector(series) => {
                data.serialize_field("resultType", "vector")?;
                data.serialize_field("result", &Vector { series, at: self.at })?;
            }
            Value::Matrix(series) => {
                data.serialize_field("resultType", "matrix")?;
                data.serialize_field("result", &Matrix(series))?;
            }
            Value::Scalar(value) => {
                data.serialize_field("resultType", "scalar")?;
                data.serialize_field("result", &Point(self.at, &format_value(*value)))?;
            }
            Value::String(text) => {
                data.serialize_field("resultType", "string")?;
                data.serialize_field("result", &Point(self.at, text))?;
            }
        }
        data.end()
    }
}

struct Vector<'a> {
    series: &'a [(Labels, f64)],
    at: Timestamp,
}

impl Serialize for Vector<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.series.iter().map(|(metric, value)| VectorSeries {
            metric,
            at: self.at,
            value: format_value(*value),
        }))
    }
}

struct VectorSeries<'a> {
    metric: &'a Labels,
    at: Timestamp,
    value: String,
}

impl Serialize for VectorSeries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut series = serializer.serialize_struct("VectorSeries", 2)?;
        series.serialize_field("metric", self.metric)?;
        series.serialize_field("value", &Point(self.at, &self.value))?;
        series.end()
    }
}

type MatrixRow = (Labels, Vec<(Timestamp, f64)>);

struct Matrix<'a>(&'a [MatrixRow]);

impl Serialize for Matrix<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(MatrixSeries))
    }
}

struct MatrixSeries<'a>(&'a MatrixRow);

impl Serialize for MatrixSeries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (metric, points) = self.0;
        let mut series = serializer.serialize_struct("MatrixSeries", 2)?;
        series.serialize_field("metric", metric)?;
        series.serialize_field("values", &Points(points))?;
        series.end()
    }
}

struct Points<'a>(&'a [(Timestamp, f64)]);

impl Serialize for Points<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut points = serializer.serialize_seq(Some(self.0.len()))?;
        for (at, value) in self.0 {
            points.serialize_element(&Point(*at, &format_value(*value)))?;
        }
        points.end()
    }
}

/// `[1435781451.781, "1"]`
struct Point<'a>(Timestamp, &'a str);

impl Serialize for Point<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let secs = RawValue::from_string(format_secs(self.0)).map_err(serde::ser::Error::custom)?;
        (secs, self.1).serialize(serializer)
    }
}

/// Seconds; three digits below when there are milliseconds.
pub(super) fn format_secs(at: Timestamp) -> String {
    let (millis, sign) = (at.millis().unsigned_abs(), if at.millis() < 0 { "-" } else { "" });
    match millis % 1_000 {
        0 => format!("{sign}{}", millis / 1_000),
        below => format!("{sign}{}.{below:03}", millis / 1_000),
    }
}

/// The shortest text that reads back as the same number; exponents as Go writes them, for numbers
/// below 1e-6 and from 1e21.
pub(super) fn format_value(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let size = value.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return format!("{value}");
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    format!("{digits}e{sign}{exponent:0>2}")
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
        let answer = data(evaluated, Timestamp::from_millis(1_500), None);
        assert_eq!(serde_json::to_string(&answer.data).unwrap(), expect);
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
