//! PromQL values as Prometheus writes them: numbers as strings, times as seconds with milliseconds.
//!
//! Written straight into text: an answer may hold millions of points, each a time and a number
//! ([`number`](super::number)).

use query::promql::{Evaluated, Value};
use telemetry::{Labels, Timestamp};

use super::answer::Success;
use super::number::{write_secs, write_value};
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

#[cfg(test)]
mod tests {
    use super::*;

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
