//! Alert policies, conditions and notification targets as written.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{At, Inline, Metadata, null_as_default};
use crate::decimal::Decimal;
use crate::openslo::shorthand::Shorthand;

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
            api_version: Option<At<String>>,
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

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AlertPolicySpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<At<String>>,
    #[serde(default)]
    pub alert_when_no_data: bool,
    #[serde(default)]
    pub alert_when_resolved: bool,
    #[serde(default)]
    pub alert_when_breaching: bool,
    pub conditions: At<Vec<At<ConditionEntry>>>,
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub notification_targets: Vec<At<TargetEntry>>,
}

/// One entry of `conditions`: a reference or the condition itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConditionEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition_ref: Option<At<String>>,
    /// Of drafts before v1, which joined the conditions of a policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<At<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<At<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<At<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<AlertConditionSpec>,
}

/// One entry of `notificationTargets`: a reference or the target itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_ref: Option<At<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<At<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<At<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<NotificationTargetSpec>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AlertConditionSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<At<String>>,
    pub severity: At<String>,
    pub condition: At<Condition>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Condition {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<At<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op: Option<At<String>>,
    #[serde(serialize_with = "crate::openslo::write::whole_number")]
    pub threshold: At<Decimal>,
    pub lookback_window: At<Shorthand>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert_after: Option<At<Shorthand>>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotificationTargetSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<At<String>>,
    pub target: At<String>,
}
