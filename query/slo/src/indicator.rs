//! What an objective measures: query texts and how they are to be read.
//!
//! The texts are kept as written; this crate never parses PromQL or SQL. [`form`] says how `query`
//! has to evaluate one over a base slice.

pub mod latency;

use std::time::Duration;

use serde::Serialize;
use telemetry::time::format_duration;

use crate::decimal::Decimal;
use crate::grouping::Grouping;

/// Where a query text may carry the window, in the order in which they are tried.
const WINDOW_PLACEHOLDERS: [&str; 4] = ["{{.window}}", "{{ .window }}", "$__window", "${__window}"];

/// The language of a query text, from the `type` of its metric source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum QueryLanguage {
    PromQl,
    Sql,
    /// A log search (`docs/logs.md`) over the table `logs`; counts the lines it finds.
    Logs,
    /// A condition in SQL over the table `events`; counts the events for which it holds.
    Events,
    /// A source of somebody else's (`datadog`, `newrelic`, ...): kept, never evaluated here.
    Other(String),
}

/// How a query yields the number of events in one slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum QueryForm {
    /// The text carries `{{.window}}` or `$__window`: put the slice's width there. A rate has to be
    /// multiplied with the slice's seconds.
    Windowed,
    /// `counter: true` and an instant expression: every vector selector stands for the exact,
    /// reset-aware increase of its series over the slice.
    Counter,
    /// `counter: false`: the value is the number of events of the slice.
    Gauge,
}

/// How to read `text`, a query of an indicator whose `counter` flag is `counter`.
pub fn form(text: &str, counter: bool) -> QueryForm {
    if WINDOW_PLACEHOLDERS.iter().any(|placeholder| text.contains(placeholder)) {
        QueryForm::Windowed
    } else if counter {
        QueryForm::Counter
    } else {
        QueryForm::Gauge
    }
}

/// One query text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Query {
    /// As written, placeholders included.
    pub text: String,
    pub language: QueryLanguage,
    pub form: QueryForm,
    /// The OpenSLO `DataSource` it names.
    pub data_source: Option<String>,
}

impl Query {
    /// The text with the window put in: `5m`, `30s`.
    pub fn text_over(&self, window: Duration) -> String {
        let window = format_duration(window);
        WINDOW_PLACEHOLDERS
            .iter()
            .fold(self.text.clone(), |text, placeholder| text.replace(placeholder, &window))
    }
}

/// Whether the numerator of a ratio counts what went well or what went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Numerator {
    Good(Query),
    Bad(Query),
}

/// What a raw ratio says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RawType {
    /// The share that went well.
    Success,
    /// The share that went wrong.
    Failure,
}

/// A comparison as OpenSLO writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Comparison {
    Lte,
    Gte,
    Lt,
    Gt,
}

impl Comparison {
    pub fn parse(text: &str) -> Option<Comparison> {
        match text {
            "lte" => Some(Comparison::Lte),
            "gte" => Some(Comparison::Gte),
            "lt" => Some(Comparison::Lt),
            "gt" => Some(Comparison::Gt),
            _ => None,
        }
    }

    /// `value OP limit`; false for NaN.
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Comparison::Lte => value <= limit,
            Comparison::Gte => value >= limit,
            Comparison::Lt => value < limit,
            Comparison::Gt => value > limit,
        }
    }
}

/// The service level indicator of one objective.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Indicator {
    /// Good (or bad) events over all valid events.
    Ratio { counter: bool, numerator: Numerator, total: Query },
    /// A ratio that somebody else computed, between 0 and 1; each measured slice counts as one event.
    Raw { query: Query, reads: RawType },
    /// A gauge; a sample is good when `value OP threshold` holds.
    Threshold { query: Query, op: Comparison, threshold: Decimal },
    /// Observations of a classic histogram that are at most `threshold`. The query selects its
    /// `_bucket` series or sums them up by `le`; see [`latency`] for thresholds between buckets.
    Latency { buckets: Query, threshold: Decimal, off_boundary: latency::OffBoundary },
    /// How old the newest data may be. `newest` is when that was: in PromQL a value in Unix seconds, in
    /// SQL a column `ts`, for logs and events the newest match. Each slice is one event, good when
    /// at its end the newest data is at most this old; nothing at all is bad.
    Freshness { newest: Query, age_secs_max: Decimal },
    /// A statement that returns `ts`, `total` and `good` or `bad` (and the group columns) for the half-open
    /// range from `$from` to `$to`.
    Statement { query: Query, counts: Counted },
}

/// What the second column of a statement counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Counted {
    Good,
    Bad,
}

impl Counted {
    /// The column's name.
    pub fn column(self) -> &'static str {
        match self {
            Counted::Good => "good",
            Counted::Bad => "bad",
        }
    }
}

impl Indicator {
    /// Every query text, the total last.
    pub fn queries(&self) -> Vec<&Query> {
        match self {
            Indicator::Ratio { numerator: Numerator::Good(query) | Numerator::Bad(query), total, .. } => {
                vec![query, total]
            }
            Indicator::Raw { query, .. }
            | Indicator::Threshold { query, .. }
            | Indicator::Latency { buckets: query, .. }
            | Indicator::Freshness { newest: query, .. }
            | Indicator::Statement { query, .. } => vec![query],
        }
    }
}

/// A fingerprint of everything that decides which events are good: a change starts a new
/// generation of slices, while a new target re-reads the old ones.
pub fn generation(
    indicator: &Indicator,
    slice: Duration,
    is_extrapolated: bool,
    grouping: Option<&Grouping>,
) -> i64 {
    // Spelled out instead of derived, so that a new field of these types starts no new generation.
    let mut parts: Vec<String> = match indicator {
        Indicator::Ratio { counter, numerator, .. } => {
            let side = if matches!(numerator, Numerator::Good(_)) { "good" } else { "bad" };
            vec!["ratio".into(), side.into(), counter.to_string()]
        }
        Indicator::Raw { reads, .. } => vec!["raw".into(), format!("{reads:?}")],
        Indicator::Threshold { op, threshold, .. } => {
            vec!["threshold".into(), format!("{op:?}"), threshold.to_string()]
        }
        Indicator::Latency { threshold, off_boundary, .. } => {
            vec!["latency".into(), format!("{off_boundary:?}"), threshold.to_string()]
        }
        Indicator::Freshness { age_secs_max, .. } => vec!["freshness".into(), age_secs_max.to_string()],
        Indicator::Statement { counts, .. } => vec!["statement".into(), counts.column().into()],
    };
    for query in indicator.queries() {
        parts.push(format!("{:?}", query.language));
        parts.push(query.data_source.clone().unwrap_or_default());
        parts.push(query.text.clone());
    }
    parts.push(slice.as_micros().to_string());
    if is_extrapolated {
        parts.push("extrapolated".into());
    }
    if let Some(grouping) = grouping {
        parts.push("by".into());
        parts.extend(grouping.labels.iter().cloned());
    }
    // FNV-1a: the same on every machine and version, and collisions of a handful of edits are no risk.
    let hash = parts.join("\0").bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    i64::from_ne_bytes(hash.to_ne_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_placeholder_decides_the_form() {
        assert_eq!(form("sum(rate(http_requests_total[{{.window}}]))", true), QueryForm::Windowed);
        assert_eq!(form("sum(rate(http_requests_total[$__window]))", false), QueryForm::Windowed);
        assert_eq!(form("sum(http_requests_total)", true), QueryForm::Counter);
        assert_eq!(form("sum(increase(http_requests_total[1m]))", false), QueryForm::Gauge);
    }

    #[test]
    fn the_window_is_put_in_everywhere() {
        let text = "sum(rate(a[{{.window}}])) + sum(rate(b[{{ .window }}]))";
        let query = Query {
            text: text.into(),
            language: QueryLanguage::PromQl,
            form: form(text, false),
            data_source: None,
        };
        assert_eq!(query.text_over(Duration::from_secs(300)), "sum(rate(a[5m])) + sum(rate(b[5m]))");
    }

    #[test]
    fn another_query_or_slice_is_another_generation() {
        let indicator = |text: &str| Indicator::Raw {
            query: Query {
                text: text.into(),
                language: QueryLanguage::PromQl,
                form: QueryForm::Gauge,
                data_source: None,
            },
            reads: RawType::Success,
        };
        let slice = Duration::from_secs(30);
        let minute = Duration::from_secs(60);
        let by_region = Grouping { labels: vec!["region".into()], groups_max: 10 };
        let first = generation(&indicator("up"), slice, false, None);
        assert_eq!(generation(&indicator("up"), slice, false, None), first);
        assert_ne!(generation(&indicator("down"), slice, false, None), first);
        assert_ne!(generation(&indicator("up"), minute, false, None), first);
        assert_ne!(generation(&indicator("up"), slice, true, None), first);
        assert_ne!(generation(&indicator("up"), slice, false, Some(&by_region)), first);
        let other_bound = Grouping { groups_max: 20, ..by_region.clone() };
        assert_eq!(
            generation(&indicator("up"), slice, false, Some(&by_region)),
            generation(&indicator("up"), slice, false, Some(&other_bound))
        );
    }
}
