//! Objects written inside of others.

use serde::de;
use serde::{Deserialize, Deserializer, Serialize};

use super::{At, Metadata, SliSpec};

/// An object written inside of another one.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inline<S> {
    /// Of drafts before v1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<At<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<At<String>>,
    pub metadata: Metadata,
    pub spec: S,
}

/// The indicator of an SLO: what it lacks is told with its name, since the document around it has
/// `metadata` and `spec` too.
impl<'de> Deserialize<'de> for Inline<SliSpec> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Inline<SliSpec>, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct Written {
            api_version: Option<At<String>>,
            kind: Option<At<String>>,
            metadata: Option<Metadata>,
            spec: Option<SliSpec>,
        }
        let Written { api_version, kind, metadata, spec } = Written::deserialize(deserializer)?;
        let metadata = metadata
            .ok_or_else(|| de::Error::custom("the inline indicator has no `metadata` with a `name`"))?;
        let spec = spec.ok_or_else(|| {
            de::Error::custom(format!(
                "the inline indicator `{}` has no `spec`: add one with `ratioMetric` or `thresholdMetric`, or name an SLI in `indicatorRef` instead",
                metadata.name.value
            ))
        })?;
        Ok(Inline { api_version, kind, metadata, spec })
    }
}
