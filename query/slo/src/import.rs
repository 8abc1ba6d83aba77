//! What the importers share: pieces of OpenSLO documents made from objects of other tools.
//!
//! An imported object becomes OpenSLO documents whose values keep the line they were written on, so
//! that everything after reading (checks, references, conversion) is one code. What a format says and
//! OpenSLO cannot say becomes an `evenkeel.dev/` annotation.

use std::collections::BTreeMap;

use serde_json::json;

use crate::decimal::Decimal;
use crate::openslo::Kind;
use crate::openslo::kinds::{
    At, Inline, Metadata, MetricHolder, MetricSource, Object, ObjectiveSpec, OneOrMany, RatioMetric, SliSpec,
    SloSpec, TimeWindow,
};
use crate::openslo::shorthand::Shorthand;

/// OpenSLO's limit for names.
const NAME_CHARS_MAX: usize = 63;

/// An SLO of another tool on its way to OpenSLO.
pub(crate) struct Imported {
    pub name: At<String>,
    pub display_name: Option<String>,
    pub labels: BTreeMap<String, OneOrMany>,
    pub annotations: BTreeMap<String, At<String>>,
    pub description: Option<At<String>>,
    pub service: At<String>,
    pub target_percent: At<Decimal>,
    pub window: At<Shorthand>,
    pub indicator: At<RatioMetric>,
}

impl Imported {
    pub fn annotate(&mut self, key: &str, value: impl Into<String>, line: u64) {
        self.annotations.insert(format!("evenkeel.dev/{key}"), At { value: value.into(), line });
    }

    pub fn into_kind(self) -> Kind {
        let line = self.name.line;
        let at = |value| At { value, line };
        let indicator = Inline {
            api_version: None,
            kind: None,
            metadata: Metadata {
                name: self.name.clone(),
                display_name: None,
                labels: BTreeMap::new(),
                annotations: BTreeMap::new(),
            },
            spec: SliSpec { description: None, threshold_metric: None, ratio_metric: Some(self.indicator) },
        };
        let window =
            TimeWindow { duration: self.window, is_rolling: Some(At { value: true, line }), calendar: None };
        let objective =
            ObjectiveSpec { target_percent: Some(self.target_percent), ..ObjectiveSpec::default() };
        Kind::Slo(Box::new(Object {
            api_version: "openslo/v1".to_owned(),
            kind: "SLO".to_owned(),
            metadata: Metadata {
                name: self.name,
                display_name: self.display_name,
                labels: self.labels,
                annotations: self.annotations,
            },
            spec: SloSpec {
                description: self.description,
                service: self.service,
                indicator: Some(At { value: indicator, line }),
                indicator_ref: None,
                time_window: Some(At { value: vec![At { value: window, line }], line }),
                budgeting_method: at("Occurrences".to_owned()),
                objectives: At { value: vec![At { value: objective, line }], line },
                alert_policies: Vec::new(),
            },
        }))
    }
}

/// A metric source that asks Prometheus.
pub(crate) fn promql(query: At<String>) -> At<MetricHolder> {
    let line = query.line;
    let source = MetricSource {
        metric_source_ref: None,
        source_type: Some(At { value: "Prometheus".to_owned(), line }),
        spec: At { value: json!({ "query": query.value }), line },
    };
    At { value: MetricHolder { metric_source: At { value: source, line } }, line }
}

/// The nearest RFC 1123 label: lower case, hyphens for what is not allowed, cut at 63 characters.
pub(crate) fn label_name(text: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = text.chars().map(allowed).take(NAME_CHARS_MAX).collect();
    name.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_labels() {
        assert_eq!(label_name("My_Service.v2-"), "my-service-v2");
        assert_eq!(label_name(&"a-".repeat(40)).len(), 63);
        assert_eq!(label_name("été"), "t");
    }
}
