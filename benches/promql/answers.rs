//! Whether two servers said the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// What is left when all servers' ways to write it are gone.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// Points by their series; an instant's have one each.
    Points(BTreeMap<Labels, Points>),
    /// Values or series, in any order.
    Names(BTreeSet<String>),
}

type Labels = BTreeMap<String, String>;
/// Milliseconds and value.
type Points = Vec<(i64, f64)>;

#[derive(Deserialize)]
#[serde(untagged)]
enum Data {
    Result { result: Vec<Series> },
    Values(Vec<String>),
    Series(Vec<Labels>),
}

#[derive(Deserialize)]
struct Envelope {
    data: Data,
}

#[derive(Deserialize)]
struct Series {
    metric: Labels,
    value: Option<(f64, String)>,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

impl Answer {
    pub fn parse(body: &[u8]) -> Result<Answer, String> {
        let envelope: Envelope =
            serde_json::from_slice(body).map_err(|error| format!("no answer: {error}"))?;
        Ok(match envelope.data {
            Data::Result { result } => {
                let mut points = BTreeMap::new();
                for series in result {
                    let values: Result<Points, String> =
                        series.value.iter().chain(&series.values).map(point).collect();
                    points.insert(series.metric, values?);
                }
                Answer::Points(points)
            }
            Data::Values(values) => Answer::Names(values.into_iter().collect()),
            Data::Series(series) => {
                Answer::Names(series.iter().map(|labels| format!("{labels:?}")).collect())
            }
        })
    }

    /// The first thing that differs by more than a part of its value.
    pub fn difference(&self, other: &Answer, tolerance: f64) -> Option<String> {
        match (self, other) {
            (Answer::Names(ours), Answer::Names(theirs)) => {
                let one = ours.symmetric_difference(theirs).next()?;
                Some(format!("{} and {} names, one has {one}", ours.len(), theirs.len()))
            }
            (Answer::Points(ours), Answer::Points(theirs)) => {
                if ours.len() != theirs.len() {
                    return Some(format!("{} and {} series", ours.len(), theirs.len()));
                }
                let theirs = unnamed(theirs);
                unnamed(ours).into_iter().find_map(|(labels, points)| match theirs.get(&labels) {
                    None => Some(format!("only one has {labels:?}")),
                    Some(others) => first_difference(points, others, tolerance)
                        .map(|difference| format!("{labels:?}: {difference}")),
                })
            }
            _ => Some("answers of different kinds".to_owned()),
        }
    }
}

fn point((secs, value): &(f64, String)) -> Result<(i64, f64), String> {
    let value = value.parse().map_err(|_| format!("{value:?} is no number"))?;
    Ok(((secs * 1e3).round() as i64, value))
}

/// VictoriaMetrics keeps the name of a metric where others drop it. It counts only where it tells
/// series apart.
fn unnamed(series: &BTreeMap<Labels, Points>) -> BTreeMap<Labels, &Points> {
    const NAME: &str = "__name__";
    let names: BTreeSet<Option<&String>> = series.keys().map(|labels| labels.get(NAME)).collect();
    let strip = |labels: &Labels| {
        let mut labels = labels.clone();
        if names.len() == 1 {
            labels.remove(NAME);
        }
        labels
    };
    series.iter().map(|(labels, points)| (strip(labels), points)).collect()
}

fn first_difference(ours: &Points, theirs: &Points, tolerance: f64) -> Option<String> {
    if ours.len() != theirs.len() {
        return Some(format!("{} and {} points", ours.len(), theirs.len()));
    }
    let is_close = |a: f64, b: f64| {
        a.total_cmp(&b).is_eq()
            || (a.is_nan() && b.is_nan())
            || (a - b).abs() <= tolerance * a.abs().max(b.abs())
    };
    let differs = |((at, ours), (other_at, theirs)): &(&(i64, f64), &(i64, f64))| {
        at != other_at || !is_close(*ours, *theirs)
    };
    let (ours, theirs) = ours.iter().zip(theirs).find(differs)?;
    Some(format!("{} at {} ms and {} at {} ms", ours.1, ours.0, theirs.1, theirs.0))
}
