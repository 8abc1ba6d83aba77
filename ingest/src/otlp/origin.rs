//! Labels that data points get from their resource, their scope and their own attributes.
//!
//! The strategy of Prometheus' OTLP endpoint: `job` and `instance` name the resource, four of its
//! attributes are promoted to labels, the others are in `target_info` alone; the scope is in
//! `otel_scope_…`.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use telemetry::{Limit, METRIC_NAME, RejectReason};

use super::names::label_name;
use super::values::{TooDeep, attribute, text};
use crate::body::excerpt;
use crate::validate::{Refusal, check_label_sizes, pair_bytes};
use crate::{IngestLimits, OverLimit};

/// Labels by name, without the metric's.
pub(super) type LabelMap = BTreeMap<String, String>;

/// Resource attributes that become labels of every series; the others are in `target_info` alone.
const PROMOTED: [(&str, &str); 4] = [
    ("service.name", "service_name"),
    ("deployment.environment.name", "deployment_environment_name"),
    ("host.name", "host_name"),
    ("cloud.region", "cloud_region"),
];

/// Resource attributes that are in `job` and `instance`.
const IDENTIFYING: [&str; 3] = ["service.name", "service.namespace", "service.instance.id"];

/// What the points of one resource and scope have in common.
pub(super) struct Origin<'a> {
    resource: &'a [KeyValue],
    /// `job` and `instance`.
    identity: Vec<(String, String)>,
    /// Labels that attributes of the same name win over.
    promoted: Vec<(&'static str, String)>,
    /// Labels that win over attributes of the same name: those of the scope, and the identity.
    fixed: Vec<(String, String)>,
}

impl<'a> Origin<'a> {
    pub(super) fn of(resource: &'a [KeyValue]) -> Origin<'a> {
        let promoted = PROMOTED
            .iter()
            .filter_map(|(key, label)| Some((*label, attribute(resource, key)?.into_owned())))
            .collect();
        Origin { resource, identity: identity(resource), promoted, fixed: Vec::new() }
    }

    /// Goes on to the points of a scope. Its labels are checked here once, for they are copied for
    /// each of the points.
    pub(super) fn enter(
        &mut self,
        scope: Option<&InstrumentationScope>,
        schema_url: &str,
        limits: &IngestLimits,
    ) -> Result<(), Refusal> {
        self.fixed = scope_labels(scope, schema_url, limits)?;
        self.fixed.extend(self.identity.iter().cloned());
        Ok(check_label_sizes(&self.shared(), limits)?)
    }

    /// Bytes that are copied for each point.
    pub(super) fn shared_bytes(&self) -> usize {
        pair_bytes(&self.shared())
    }

    fn shared(&self) -> Vec<(&str, &str)> {
        let promoted = self.promoted.iter().map(|(name, value)| (*name, value.as_str()));
        promoted.chain(self.fixed.iter().map(|(name, value)| (name.as_str(), value.as_str()))).collect()
    }

    /// The labels of a point with these attributes.
    pub(super) fn point_labels(
        &self,
        attributes: &[KeyValue],
        limits: &IngestLimits,
    ) -> Result<LabelMap, Refusal> {
        let mut map = attribute_labels(attributes, "", limits)?;
        for (label, value) in &self.promoted {
            map.entry((*label).to_owned()).or_insert_with(|| value.clone());
        }
        map.extend(self.fixed.iter().cloned());
        map.remove(METRIC_NAME);
        Ok(map)
    }

    /// The labels of `target_info`; `None` when they would say nothing, or of nobody.
    pub(super) fn info_labels(&self, limits: &IngestLimits) -> Result<Option<LabelMap>, Refusal> {
        let is_other = |pair: &&KeyValue| !IDENTIFYING.contains(&pair.key.as_str());
        let others: Vec<KeyValue> = self.resource.iter().filter(is_other).cloned().collect();
        if self.identity.is_empty() || others.is_empty() {
            return Ok(None);
        }
        let mut map = attribute_labels(&others, "", limits)?;
        map.extend(self.identity.iter().cloned());
        map.remove(METRIC_NAME);
        Ok(Some(map))
    }
}

fn identity(attributes: &[KeyValue]) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    if let Some(name) = attribute(attributes, "service.name") {
        let job = match attribute(attributes, "service.namespace") {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name.into_owned(),
        };
        labels.push(("job".to_owned(), job));
    }
    if let Some(instance) = attribute(attributes, "service.instance.id") {
        labels.push(("instance".to_owned(), instance.into_owned()));
    }
    labels
}

/// `otel_scope_name` and the rest; nothing for a scope without a name.
fn scope_labels(
    scope: Option<&InstrumentationScope>,
    schema_url: &str,
    limits: &IngestLimits,
) -> Result<Vec<(String, String)>, Refusal> {
    let Some(scope) = scope.filter(|scope| !scope.name.is_empty()) else { return Ok(Vec::new()) };
    let mut labels = attribute_labels(&scope.attributes, "otel_scope_", limits)?;
    labels.insert("otel_scope_name".to_owned(), scope.name.clone());
    labels.insert("otel_scope_version".to_owned(), scope.version.clone());
    labels.insert("otel_scope_schema_url".to_owned(), schema_url.to_owned());
    labels.retain(|_, value| !value.is_empty());
    Ok(labels.into_iter().collect())
}

/// Attributes whose names become the same label are joined with `;` in the order of their keys, as
/// Prometheus does.
pub(super) fn attribute_labels(
    attributes: &[KeyValue],
    prefix: &str,
    limits: &IngestLimits,
) -> Result<LabelMap, Refusal> {
    let mut sorted: Vec<&KeyValue> = attributes.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    let mut map = LabelMap::new();
    for pair in sorted {
        let name = label_name(&format!("{prefix}{}", pair.key)).ok_or_else(|| {
            let what = format!(
                "the attribute key {:?} holds nothing that a label name may have",
                excerpt(&pair.key)
            );
            (RejectReason::InvalidLabels, what)
        })?;
        let value = text(pair.value.as_ref(), limits.value_depth_max).map_err(|TooDeep| {
            let (key, max) = (excerpt(&pair.key), limits.value_depth_max);
            let what = format!("attribute {key:?} nests deeper than {max} levels");
            OverLimit::new(Limit::ValueDepth, what)
        })?;
        match map.get_mut(&name) {
            None => {
                map.insert(name, value.into_owned());
            }
            Some(joined) => {
                joined.push(';');
                joined.push_str(&value);
            }
        }
    }
    Ok(map)
}
