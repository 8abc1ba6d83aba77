//! OpenSLO v1 documents as written: one type per kind, unknown keys refused, places kept.
//!
//! Only shapes live here. Whether the values make sense is decided in `check`, whether references
//! lead anywhere in [`crate::catalog`].

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use super::shorthand::Shorthand;
use crate::decimal::Decimal;

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
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Object<S> {
    pub api_version: String,
    pub kind: String,
    pub metadata: Metadata,
    pub spec: S,
}

/// An object written inside of another one.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inline<S> {
    pub api_version: Option<String>,
    pub kind: Option<At<String>>,
    pub metadata: Metadata,
    pub spec: S,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    pub name: At<String>,
    pub display_name: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: BTreeMap<String, OneOrMany>,
    #[serde(default, deserialize_with = "null_as_default")]
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

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceSpec {
    pub description: Option<At<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DataSourceSpec {
    pub description: Option<At<String>>,
    #[serde(rename = "type")]
    pub source_type: At<String>,
    pub connection_details: serde_json::Value,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotificationTargetSpec {
    pub description: Option<At<String>>,
    pub target: At<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SliSpec {
    pub description: Option<At<String>>,
    pub threshold_metric: Option<At<MetricHolder>>,
    pub ratio_metric: Option<At<RatioMetric>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RatioMetric {
    pub counter: Option<bool>,
    pub good: Option<At<MetricHolder>>,
    pub bad: Option<At<MetricHolder>>,
    pub total: Option<At<MetricHolder>>,
    pub raw: Option<At<MetricHolder>>,
    pub raw_type: Option<At<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetricHolder {
    pub metric_source: At<MetricSource>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetricSource {
    pub metric_source_ref: Option<At<String>>,
    #[serde(rename = "type")]
    pub source_type: Option<At<String>>,
    pub spec: At<serde_json::Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SloSpec {
    pub description: Option<At<String>>,
    pub service: At<String>,
    pub indicator: Option<At<Inline<SliSpec>>>,
    pub indicator_ref: Option<At<String>>,
    pub time_window: Option<At<Vec<At<TimeWindow>>>>,
    pub budgeting_method: At<String>,
    pub objectives: At<Vec<At<ObjectiveSpec>>>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub alert_policies: Vec<At<PolicyEntry>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TimeWindow {
    pub duration: At<Shorthand>,
    pub is_rolling: Option<At<bool>>,
    pub calendar: Option<At<Calendar>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Calendar {
    pub start_time: At<String>,
    pub time_zone: At<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectiveSpec {
    pub display_name: Option<String>,
    pub op: Option<At<String>>,
    pub value: Option<At<Decimal>>,
    pub target: Option<At<Decimal>>,
    pub target_percent: Option<At<Decimal>>,
    pub time_slice_target: Option<At<Decimal>>,
    pub time_slice_window: Option<At<Shorthand>>,
    pub composite_weight: Option<At<Decimal>>,
    pub indicator: Option<At<Inline<SliSpec>>>,
    pub indicator_ref: Option<At<String>>,
}

/// One entry of `alertPolicies`.
#[derive(Clone, Debug)]
pub enum PolicyEntry {
    /// A bare name, as older documents write it.
    Name(String),
    Ref(At<String>),
    Inline(Box<Inline<AlertPolicySpec>>),
}

impl<'de> Deserialize<'de> for PolicyEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PolicyEntry, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct Entry {
            alert_policy_ref: Option<At<String>>,
            api_version: Option<String>,
            kind: Option<At<String>>,
            metadata: Option<Metadata>,
            spec: Option<AlertPolicySpec>,
        }
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = PolicyEntry;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an alert policy or a reference to one")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<PolicyEntry, E> {
                Ok(PolicyEntry::Name(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PolicyEntry, A::Error> {
                let entry = Entry::deserialize(MapAccessDeserializer::new(map))?;
                match (entry.alert_policy_ref, entry.metadata, entry.spec) {
                    (Some(name), None, None) => Ok(PolicyEntry::Ref(name)),
                    (None, Some(metadata), Some(spec)) => Ok(PolicyEntry::Inline(Box::new(Inline {
                        api_version: entry.api_version,
                        kind: entry.kind,
                        metadata,
                        spec,
                    }))),
                    _ => Err(de::Error::custom(
                        "an alert policy is either `alertPolicyRef` or `kind`, `metadata` and `spec`",
                    )),
                }
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AlertPolicySpec {
    pub description: Option<At<String>>,
    #[serde(default)]
    pub alert_when_no_data: bool,
    #[serde(default)]
    pub alert_when_resolved: bool,
    #[serde(default)]
    pub alert_when_breaching: bool,
    pub conditions: At<Vec<At<ConditionEntry>>>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub notification_targets: Vec<At<TargetEntry>>,
}

/// One entry of `conditions`: a reference or the condition itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConditionEntry {
    pub condition_ref: Option<At<String>>,
    pub api_version: Option<String>,
    pub kind: Option<String>,
    pub metadata: Option<Metadata>,
    pub spec: Option<AlertConditionSpec>,
}

/// One entry of `notificationTargets`: a reference or the target itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetEntry {
    pub target_ref: Option<At<String>>,
    pub api_version: Option<String>,
    pub kind: Option<String>,
    pub metadata: Option<Metadata>,
    pub spec: Option<NotificationTargetSpec>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AlertConditionSpec {
    pub description: Option<At<String>>,
    pub severity: At<String>,
    pub condition: At<Condition>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Condition {
    pub kind: At<String>,
    pub op: At<String>,
    pub threshold: At<Decimal>,
    pub lookback_window: At<Shorthand>,
    pub alert_after: Option<At<Shorthand>>,
}
