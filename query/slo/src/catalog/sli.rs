//! SLI documents to indicators without their threshold, which each objective brings along.

use serde_json::Value;

use super::{Parts, missing_description};
use crate::indicator::{Numerator, Query, QueryLanguage, RawType, form};
use crate::openslo::findings::Findings;
use crate::openslo::kinds::{At, MetricHolder, SliSpec};

/// Keys of a metric source's `spec` that hold the query text, in the order tried.
const QUERY_KEYS: [&str; 4] = ["query", "expr", "promql", "sql"];

/// An indicator before an objective's `op` and `value` are known.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Ratio { counter: bool, numerator: Numerator, total: Query },
    Raw { query: Query, reads: RawType },
    Threshold(Query),
}

/// `None` after the defects are put down.
pub(super) fn shape(spec: &SliSpec, parts: &Parts, findings: &mut Findings<'_>) -> Option<Shape> {
    if let Some(metric) = &spec.threshold_metric {
        return Some(Shape::Threshold(query(&metric.value, false, parts, findings)?));
    }
    let ratio = &spec.ratio_metric.as_ref()?.value;
    let counter = ratio.counter.unwrap_or(false);
    if let Some(raw) = &ratio.raw {
        let reads = match ratio.raw_type.as_ref()?.value.as_str() {
            "success" => RawType::Success,
            _ => RawType::Failure,
        };
        return Some(Shape::Raw { query: query(&raw.value, counter, parts, findings)?, reads });
    }
    let numerator = match (&ratio.good, &ratio.bad) {
        (Some(good), _) => query(&good.value, counter, parts, findings).map(Numerator::Good),
        (None, Some(bad)) => query(&bad.value, counter, parts, findings).map(Numerator::Bad),
        (None, None) => None,
    };
    let total = query(&ratio.total.as_ref()?.value, counter, parts, findings);
    Some(Shape::Ratio { counter, numerator: numerator?, total: total? })
}

fn query(holder: &MetricHolder, counter: bool, parts: &Parts, findings: &mut Findings<'_>) -> Option<Query> {
    let source = &holder.metric_source;
    let line = source.line;
    let source = &source.value;
    let referred_type = source.metric_source_ref.as_ref().and_then(|name| {
        let found = parts.data_sources.get(&name.value);
        if found.is_none() {
            missing_description("DataSource", &name.value, name.line, findings);
        }
        found.map(String::as_str)
    });
    let language = match source.source_type.as_ref().map(|at| at.value.as_str()).or(referred_type) {
        Some(named) => language_of(named),
        None if source.metric_source_ref.is_some() => QueryLanguage::PromQl,
        None => {
            findings.unofficial(
                line,
                "the metric source has neither `type` nor `metricSourceRef`; read as Prometheus",
            );
            QueryLanguage::PromQl
        }
    };
    if let QueryLanguage::Other(named) = &language {
        let message =
            format!("metric sources of type `{named}` are not evaluated here: the SLO will have no data");
        findings.warning(line, message);
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
            QUERY_KEYS.iter().find_map(|key| map.get(*key)).and_then(Value::as_str).map(str::to_owned)
        }
        _ => None,
    }
}

fn language_of(source_type: &str) -> QueryLanguage {
    match source_type.to_ascii_lowercase().as_str() {
        "prometheus" | "promql" | "evenkeel" | "thanos" | "mimir" | "cortex" | "victoriametrics" => {
            QueryLanguage::PromQl
        }
        "sql" => QueryLanguage::Sql,
        _ => QueryLanguage::Other(source_type.to_owned()),
    }
}
