//! SLI documents to indicators without their threshold, which each objective brings along.

use serde_json::Value;

use super::Parts;
use super::references;
use crate::indicator::latency::OffBoundary;
use crate::indicator::{Counted, Numerator, Query, QueryForm, QueryLanguage, RawType, form};
use crate::openslo::findings::Findings;
use crate::openslo::kinds::{At, DataSourceSpec, MetricHolder, SliSpec};

/// Keys of a metric source's `spec` that hold the query text, in the order tried.
const QUERY_KEYS: [&str; 4] = ["query", "expr", "promql", "sql"];
/// What the key of the text makes of a threshold metric.
const SPECIAL_KEYS: [(&str, Special); 3] =
    [("histogram", Special::Histogram), ("freshness", Special::Freshness), ("probe", Special::Probe)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Special {
    Histogram,
    Freshness,
    Probe,
}

/// An indicator before an objective's `op` and `value` are known.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Ratio {
        counter: bool,
        numerator: Numerator,
        total: Query,
    },
    Raw {
        query: Query,
        reads: RawType,
    },
    Threshold(Query),
    Histogram {
        buckets: Query,
        off_boundary: OffBoundary,
    },
    Freshness(Query),
    /// A gauge that is 1 while all is well; each sample is one event.
    Probe(Query),
    Statement {
        query: Query,
        counts: Counted,
    },
}

/// `None` after the defects are put down.
pub(super) fn shape(spec: &SliSpec, parts: &Parts, findings: &mut Findings<'_>) -> Option<Shape> {
    if let Some(metric) = &spec.threshold_metric {
        return threshold_shape(&metric.value, parts, findings);
    }
    let ratio = &spec.ratio_metric.as_ref()?.value;
    let counter = ratio.counter.unwrap_or(false);
    if let Some(raw) = &ratio.raw {
        let reads = match ratio.raw_type.as_ref()?.value.as_str() {
            "success" => RawType::Success,
            _ => RawType::Failure,
        };
        let query = query(&raw.value, counter, parts, findings)?;
        only_promql(&query, "a raw ratio", &raw.value, findings)?;
        return Some(Shape::Raw { query, reads });
    }
    let total_holder = &ratio.total.as_ref()?.value;
    let total = query(total_holder, counter, parts, findings)?;
    let (numerator, counts) = match (&ratio.good, &ratio.bad) {
        (Some(good), _) => (good, Counted::Good),
        (None, Some(bad)) => (bad, Counted::Bad),
        (None, None) => return None,
    };
    if total.language == QueryLanguage::Sql {
        return statement(&numerator.value, total, counts, parts, findings);
    }
    let counted = query(&numerator.value, counter, parts, findings)?;
    // What is not evaluated here may mix as it likes.
    let is_evaluated = |query: &Query| !matches!(query.language, QueryLanguage::Other(_));
    if counted.language != total.language && is_evaluated(&counted) && is_evaluated(&total) {
        findings.error(
            numerator.line,
            format!("`{}` and `total` must be of the same type of metric source", counts.column()),
        );
        return None;
    }
    if counter && matches!(total.language, QueryLanguage::Logs | QueryLanguage::Events) {
        let line = total_holder.metric_source.line;
        findings.warning(line, "`counter` means nothing for logs and events: what is found is counted");
    }
    let numerator = match counts {
        Counted::Good => Numerator::Good(counted),
        Counted::Bad => Numerator::Bad(counted),
    };
    Some(Shape::Ratio { counter, numerator, total })
}

/// One statement yields both sides. The other metric source repeats it, or names its column.
fn statement(
    numerator: &MetricHolder,
    total: Query,
    counts: Counted,
    parts: &Parts,
    findings: &mut Findings<'_>,
) -> Option<Shape> {
    let spec = &numerator.metric_source.value.spec;
    let column = spec.value.get("column").and_then(Value::as_str);
    let is_same = match column {
        Some(column) => column == counts.column(),
        None => query(numerator, false, parts, findings)?.text.trim() == total.text.trim(),
    };
    if !is_same {
        let message = format!(
            "one SQL statement returns ts, total and {0}: repeat the query of `total` here, or write `column: {0}`",
            counts.column()
        );
        findings.error(spec.line, message);
        return None;
    }
    for parameter in ["$from", "$to"] {
        if !total.text.contains(parameter) {
            let message = format!(
                "the statement does not use {parameter}; it has to return `ts`, `total` and `{}` for the range from $from to $to",
                counts.column()
            );
            findings.error(spec.line, message);
            return None;
        }
    }
    Some(Shape::Statement { query: total, counts })
}

fn threshold_shape(holder: &MetricHolder, parts: &Parts, findings: &mut Findings<'_>) -> Option<Shape> {
    let spec = &holder.metric_source.value.spec;
    let special = SPECIAL_KEYS.iter().find(|(key, _)| spec.value.get(key).is_some()).map(|(_, kind)| *kind);
    let query = query(holder, false, parts, findings)?;
    if special != Some(Special::Freshness) {
        only_promql(&query, "a threshold", holder, findings)?;
    }
    match special {
        None => Some(Shape::Threshold(query)),
        Some(Special::Freshness) => Some(Shape::Freshness(query)),
        Some(Special::Probe) => Some(Shape::Probe(query)),
        Some(Special::Histogram) => {
            let off_boundary = match spec.value.get("interpolate") {
                None | Some(Value::Bool(false)) => OffBoundary::LowerBound,
                Some(Value::Bool(true)) => OffBoundary::Interpolate,
                Some(_) => {
                    findings.error(spec.line, "`interpolate` is neither true nor false");
                    return None;
                }
            };
            Some(Shape::Histogram { buckets: Query { form: QueryForm::Counter, ..query }, off_boundary })
        }
    }
}

/// Languages that return a number of events have no level to compare.
fn only_promql(query: &Query, what: &str, holder: &MetricHolder, findings: &mut Findings<'_>) -> Option<()> {
    let language = match query.language {
        QueryLanguage::PromQl | QueryLanguage::Other(_) => return Some(()),
        QueryLanguage::Sql => "SQL",
        QueryLanguage::Logs => "logs",
        QueryLanguage::Events => "events",
    };
    findings.error(
        holder.metric_source.line,
        format!("{what} is read by PromQL; with {language} an indicator is a ratio of good or bad and total"),
    );
    None
}

fn query(holder: &MetricHolder, counter: bool, parts: &Parts, findings: &mut Findings<'_>) -> Option<Query> {
    let source = &holder.metric_source;
    let line = source.line;
    let source = &source.value;
    let written = source.source_type.as_ref().map(|at| at.value.as_str());
    let referred = source.metric_source_ref.as_ref();
    let referred_type = referred
        .and_then(|name| references::data_source(name, written.is_some(), &parts.data_sources, findings));
    if written.or(referred_type).is_none() && referred.is_none() {
        let message = "the metric source has neither `type` nor `metricSourceRef`; read as Prometheus";
        findings.warning(line, message);
    }
    let language = written.or(referred_type).map_or(QueryLanguage::PromQl, language_of);
    if let QueryLanguage::Other(named) = &language {
        let message =
            format!("metric sources of type `{named}` are not evaluated here: their SLOs will have no data");
        findings.warning_once(line, message);
        if is_empty(&source.spec.value) {
            findings.unofficial(source.spec.line, "the metric source's `spec` is empty");
        }
        let text = query_text(&source.spec).unwrap_or_else(|| source.spec.value.to_string());
        return Some(Query { form: form(&text, counter), text, data_source: ref_name(source), language });
    }
    let Some(text) = query_text(&source.spec).filter(|text| !text.trim().is_empty()) else {
        findings.error(source.spec.line, "the metric source's `spec` needs a `query`");
        return None;
    };
    Some(Query { form: form(&text, counter), text, data_source: ref_name(source), language })
}

fn ref_name(source: &crate::openslo::kinds::MetricSource) -> Option<String> {
    source.metric_source_ref.as_ref().map(|name| name.value.clone())
}

fn query_text(spec: &At<Value>) -> Option<String> {
    match &spec.value {
        Value::String(text) => Some(text.clone()),
        Value::Object(map) => {
            let keys = QUERY_KEYS.into_iter().chain(SPECIAL_KEYS.map(|(key, _)| key));
            keys.into_iter().find_map(|key| map.get(key)).and_then(Value::as_str).map(str::to_owned)
        }
        _ => None,
    }
}

fn is_empty(spec: &Value) -> bool {
    spec.is_null() || spec.as_object().is_some_and(serde_json::Map::is_empty)
}

/// Says so where nothing that refers to this data source will have data.
pub(super) fn data_source(spec: &DataSourceSpec, findings: &mut Findings<'_>) {
    if let QueryLanguage::Other(named) = language_of(&spec.source_type.value) {
        let message =
            format!("data sources of type `{named}` are not evaluated here: their SLOs will have no data");
        findings.warning_once(spec.source_type.line, message);
    }
}

fn language_of(source_type: &str) -> QueryLanguage {
    match source_type.to_ascii_lowercase().as_str() {
        "prometheus" | "promql" | "evenkeel" | "thanos" | "mimir" | "cortex" | "victoriametrics" => {
            QueryLanguage::PromQl
        }
        "sql" => QueryLanguage::Sql,
        "logs" => QueryLanguage::Logs,
        "events" => QueryLanguage::Events,
        _ => QueryLanguage::Other(source_type.to_owned()),
    }
}
