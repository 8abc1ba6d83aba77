//! The text format that exporters answer a scrape with: Prometheus' and OpenMetrics'.
//!
//! Pure: text in, series out. Lines are `name{label="value"} value [timestamp]`; `# TYPE` and `# UNIT`
//! say more about a family; exemplars (after ` # `) are passed over. Not here: fetching, target
//! labels, staleness (a scrape manager's work).

use std::collections::BTreeMap;

use telemetry::{Labels, METRIC_NAME, MetricType, Sample, SeriesMeta, SeriesSamples, Timestamp};

/// Why a text could not be read; nothing of it is used then, as Prometheus does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ExpositionError {
    /// Counted from 1.
    pub line: usize,
    pub reason: String,
}

/// Reads a whole answer. Samples without a timestamp get `at`. `extra` labels (`job`, `instance`) are
/// added where the line does not set them itself.
pub fn decode(
    text: &str,
    at: Timestamp,
    extra: &[(&str, &str)],
) -> Result<Vec<SeriesSamples>, ExpositionError> {
    let mut types: BTreeMap<&str, MetricType> = BTreeMap::new();
    let mut units: BTreeMap<&str, &str> = BTreeMap::new();
    let mut series = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line == "# EOF" {
            break;
        }
        if let Some(comment) = line.strip_prefix('#') {
            let mut words = comment.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some("TYPE"), Some(family), Some(kind)) => {
                    types.insert(family, MetricType::from_stored(kind));
                }
                (Some("UNIT"), Some(family), Some(unit)) => {
                    units.insert(family, unit);
                }
                _ => {}
            }
            continue;
        }
        if line.is_empty() {
            continue;
        }
        let failed = |reason: String| ExpositionError { line: number + 1, reason };
        let (name, pairs, rest) = split_line(line).map_err(failed)?;
        let (value, sample_at) = value_and_time(rest, at).map_err(failed)?;
        let mut labels: BTreeMap<&str, String> = pairs.into_iter().collect();
        for (key, value) in extra {
            labels.entry(key).or_insert_with(|| (*value).to_owned());
        }
        labels.insert(METRIC_NAME, name.to_owned());
        let labels = Labels::new(labels).map_err(|error| failed(error.to_string()))?;
        let family = family_of(name, &types);
        let meta = SeriesMeta {
            metric_type: family.and_then(|family| types.get(family)).copied().unwrap_or_default(),
            unit: family.and_then(|family| units.get(family)).map(|unit| (*unit).into()),
            delta: false,
        };
        series.push(SeriesSamples { labels, meta, samples: vec![Sample { ts: sample_at, value }] });
    }
    Ok(series)
}

/// Suffixes that the series of a family carry.
const SUFFIXES: [&str; 6] = ["_total", "_bucket", "_sum", "_count", "_info", "_created"];

fn family_of<'a>(name: &'a str, types: &BTreeMap<&str, MetricType>) -> Option<&'a str> {
    if types.contains_key(name) {
        return Some(name);
    }
    SUFFIXES.iter().filter_map(|suffix| name.strip_suffix(suffix)).find(|family| types.contains_key(family))
}

type Line<'a> = (&'a str, Vec<(&'a str, String)>, &'a str);

/// The name, the labels and what follows them.
fn split_line(line: &str) -> Result<Line<'_>, String> {
    let name_end = line.find(|c: char| c == '{' || c.is_whitespace()).ok_or("a value is missing")?;
    let (name, mut rest) = line.split_at(name_end);
    if name.is_empty() {
        return Err("a metric name is missing".to_owned());
    }
    let mut pairs = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside.trim_start();
        loop {
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let (key, after) = rest.split_once('=').ok_or("a label has no value")?;
            let quoted = after.trim_start().strip_prefix('"').ok_or("a label value has no quotes")?;
            let (value, after) = unquote(quoted)?;
            pairs.push((key.trim(), value));
            rest = after.trim_start();
            rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        }
    }
    Ok((name, pairs, rest.trim_start()))
}

/// Reads up to the closing quote; returns what follows it.
fn unquote(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('\\' | '"'))) => value.push(escaped),
                Some((_, other)) => value.extend(['\\', other]),
                None => break,
            },
            c => value.push(c),
        }
    }
    Err("a label value has no closing quote".to_owned())
}

/// Prometheus' timestamps are whole milliseconds, OpenMetrics' seconds with a fraction.
fn value_and_time(rest: &str, at: Timestamp) -> Result<(f64, Timestamp), String> {
    let mut words = rest.split_whitespace().take_while(|word| *word != "#");
    let value = words.next().ok_or("a value is missing")?;
    let value: f64 = value.parse().map_err(|_| format!("{value:?} is not a number"))?;
    let at = match words.next() {
        None => at,
        Some(text) => match text.parse::<i64>() {
            Ok(millis) => Timestamp::from_millis(millis),
            Err(_) => {
                let secs: f64 = text.parse().map_err(|_| format!("{text:?} is not a timestamp"))?;
                Timestamp::from_millis((secs * 1e3).round() as i64)
            }
        },
    };
    match words.next() {
        Some(extra) => Err(format!("{extra:?} follows the timestamp")),
        None => Ok((value, at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[(&str, f64, i64)]) {
        let series = decode(text, Timestamp::from_millis(5), &[("job", "j")]).unwrap();
        let found: Vec<(String, f64, i64)> = series
            .iter()
            .map(|series| (series.labels.to_string(), series.samples[0].value, series.samples[0].ts.millis()))
            .collect();
        let expect: Vec<(String, f64, i64)> =
            expect.iter().map(|(s, v, t)| (s.to_string(), *v, *t)).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn lines_of_both_formats_are_read() {
        check("up 1\n", &[(r#"up{job="j"}"#, 1.0, 5)]);
        check("# HELP x y\nx{a=\"b\\\"c\\n\",} +Inf 7\n", &[(r#"x{a="b\"c\n", job="j"}"#, f64::INFINITY, 7)]);
        check(
            "x_bucket{le=\"1.0\"} 3 1.5 # {t=\"1\"} 0.5\n# EOF\nnot read\n",
            &[(r#"x_bucket{job="j", le="1.0"}"#, 3.0, 1500)],
        );
        check("x{job=\"own\"} 1e3\n\n", &[(r#"x{job="own"}"#, 1000.0, 5)]);
    }

    #[test]
    fn a_family_tells_the_type_and_unit_of_its_series() {
        let text = "# TYPE a counter\n# UNIT a seconds\na_total 1\nb 2\n";
        let series = decode(text, Timestamp::EPOCH, &[]).unwrap();
        assert_eq!(series[0].meta.metric_type, MetricType::Counter);
        assert_eq!(series[0].meta.unit.as_deref(), Some("seconds"));
        assert_eq!(series[1].meta, SeriesMeta::default());
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        for (text, expect) in [
            ("up\n", "line 1: a value is missing"),
            ("a 1\nup x\n", "line 2: \"x\" is not a number"),
            ("up{a=1} 1\n", "line 1: a label value has no quotes"),
            ("up{a=\"b} 1\n", "line 1: a label value has no closing quote"),
            ("up{a=\"b\",a=\"c\"} 1 2 3\n", "line 1: \"3\" follows the timestamp"),
        ] {
            let error = decode(text, Timestamp::EPOCH, &[]).unwrap_err();
            assert_eq!(error.to_string(), expect);
        }
    }
}
