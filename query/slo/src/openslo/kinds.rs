//! OpenSLO v1 documents as written: one type per kind, unknown keys refused, places kept.
//!
//! Only shapes live here. Whether the values make sense is decided in `check`, whether references
//! lead anywhere in [`crate::catalog`].

mod alerting;
mod inline;

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_saphyr::Spanned;

use super::shorthand::Shorthand;
use crate::decimal::Decimal;

pub use alerting::{
    AlertConditionSpec, AlertPolicySpec, Condition, ConditionEntry, NotificationTargetSpec, PolicyEntry,
    TargetEntry,
};
pub use inline::Inline;

/// A key without a value (`alertPolicies:`) is the same as no key.
fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A value and the line it was written on, counted from 1.
#[derive(Clone, Debug)]
pub struct At<T> {
    pub value: T,
    pub line: u64,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<At<T>, D::Error> {
        let spanned = Spanned::<T>::deserialize(deserializer)?;
        Ok(At { value: spanned.value, line: spanned.referenced.line() })
    }
}

/// A whole document.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Object<S> {
    pub api_version: String,
    pub kind: String,
    pub metadata: Metadata,
    pub spec: S,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    pub name: At<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, OneOrMany>,
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, At<String>>,
}

/// A label's value: one text or a list of them.
#[derive(Clone, Debug)]
pub struct OneOrMany(pub Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OneOrMany, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = OneOrMany;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.to_owned()]))
            }
            fn visit_bool<E: de::Error>(self, value: bool) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![value.to_string()]))
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![value.to_string()]))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![value.to_string()]))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![value.to_string()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMany, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(OneOrMany(values))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<At<String>>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DataSourceSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<At<String>>,
    #[serde(rename = "type")]
    pub source_type: At<String>,
    pub connection_details: serde_json::Value,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SliSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<At<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold_metric: Option<At<MetricHolder>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio_metric: Option<At<RatioMetric>>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RatioMetric {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counter: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub good: Option<At<MetricHolder>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bad: Option<At<MetricHolder>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<At<MetricHolder>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<At<MetricHolder>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_type: Option<At<String>>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetricHolder {
    pub metric_source: At<MetricSource>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetricSource {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_source_ref: Option<At<String>>,
    #[serde(rename = "type")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_type: Option<At<String>>,
    pub spec: At<serde_json::Value>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SloSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<At<String>>,
    pub service: At<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub indicator: Option<At<Inline<SliSpec>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub indicator_ref: Option<At<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_window: Option<At<Vec<At<TimeWindow>>>>,
    pub budgeting_method: At<String>,
    pub objectives: At<Vec<At<ObjectiveSpec>>>,
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub alert_policies: Vec<At<PolicyEntry>>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TimeWindow {
    pub duration: At<Shorthand>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_rolling: Option<At<bool>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calendar: Option<At<Calendar>>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Calendar {
    /// Required where the calendar means something; a rolling window has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<At<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<At<String>>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectiveSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op: Option<At<String>>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::write::number")]
    pub value: Option<At<Decimal>>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::write::number")]
    pub target: Option<At<Decimal>>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::write::number")]
    pub target_percent: Option<At<Decimal>>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::write::number")]
    pub time_slice_target: Option<At<Decimal>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_slice_window: Option<At<Shorthand>>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::write::number")]
    pub composite_weight: Option<At<Decimal>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub indicator: Option<At<Inline<SliSpec>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub indicator_ref: Option<At<String>>,
}
