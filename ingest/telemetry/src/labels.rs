//! A label set: what names a series.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};

/// The label that carries the metric's name.
pub const METRIC_NAME: &str = "__name__";

/// What is wrong with a label set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    #[error("a label has an empty name")]
    EmptyName,
    #[error("label {0:?} occurs twice")]
    Duplicate(String),
    #[error("label name {0:?} holds a control character")]
    ControlCharacter(String),
}

/// Name/value pairs, sorted by name, each name once, no empty values (an empty value means that
/// the label is absent, as in Prometheus). Cheap to clone.
///
/// Names are any UTF-8 without control characters (Prometheus 3's rule); the metric's name is the
/// label [`METRIC_NAME`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[(Box<str>, Box<str>)]>);

impl Labels {
    /// The set without labels.
    pub fn empty() -> Labels {
        Labels(Arc::from([]))
    }

    /// Sorts the pairs, drops empty values and checks the names.
    pub fn new<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Result<Labels, LabelError>
    where
        N: Into<Box<str>>,
        V: Into<Box<str>>,
    {
        let mut sorted: Vec<(Box<str>, Box<str>)> = Vec::new();
        for (name, value) in pairs {
            let (name, value) = (name.into(), value.into());
            if name.is_empty() {
                return Err(LabelError::EmptyName);
            }
            if name.chars().any(char::is_control) {
                return Err(LabelError::ControlCharacter(name.into()));
            }
            sorted.push((name, value));
        }
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(LabelError::Duplicate(twice[0].0.to_string()));
        }
        sorted.retain(|(_, value)| !value.is_empty());
        Ok(Labels(sorted.into()))
    }

    /// The value of a label, if it is there.
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|pair| pair.0.as_ref().cmp(name)).ok()?;
        Some(&self.0[at].1)
    }

    /// The metric's name, or `""`.
    pub fn metric(&self) -> &str {
        self.get(METRIC_NAME).unwrap_or_default()
    }

    /// The pairs in name order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The set with one label set to a value (removed when the value is empty).
    pub fn with(&self, name: &str, value: &str) -> Labels {
        let mut pairs: Vec<_> = self.0.iter().filter(|pair| pair.0.as_ref() != name).cloned().collect();
        if !value.is_empty() {
            let at = pairs.partition_point(|pair| pair.0.as_ref() < name);
            pairs.insert(at, (name.into(), value.into()));
        }
        Labels(pairs.into())
    }

    /// The set without the metric's name.
    pub fn without_metric(&self) -> Labels {
        self.filter(|name| name != METRIC_NAME)
    }

    /// The labels whose names a predicate keeps.
    pub fn filter(&self, keep: impl Fn(&str) -> bool) -> Labels {
        Labels(self.0.iter().filter(|pair| keep(&pair.0)).cloned().collect())
    }

    /// FNV-1a-64 over name, 0xFF, value, 0xFF in name order: the fingerprint that Prometheus and
    /// Alertmanager give a label set.
    pub fn fingerprint(&self) -> u64 {
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let mut hash = OFFSET;
        let mut feed = |bytes: &[u8]| {
            for byte in bytes.iter().chain(&[0xff]) {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
            }
        };
        for (name, value) in self.iter() {
            feed(name.as_bytes());
            feed(value.as_bytes());
        }
        hash
    }
}

impl Default for Labels {
    fn default() -> Self {
        Labels::empty()
    }
}

/// As PromQL writes it: `up{job="api"}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.metric())?;
        f.write_str("{")?;
        let mut separator = "";
        for (name, value) in self.iter().filter(|(name, _)| *name != METRIC_NAME) {
            write!(f, "{separator}{name}={value:?}")?;
            separator = ", ";
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Labels, D::Error> {
        let pairs = std::collections::BTreeMap::<String, String>::deserialize(deserializer)?;
        Labels::new(pairs).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_sorted_and_empty_values_are_absent() {
        let labels = Labels::new([("z", "1"), ("a", "2"), ("m", "")]).unwrap();
        assert_eq!(labels.to_string(), r#"{a="2", z="1"}"#);
        assert_eq!(labels.get("m"), None);
        assert_eq!(labels.with("m", "3").to_string(), r#"{a="2", m="3", z="1"}"#);
        assert_eq!(labels.with("a", ""), Labels::new([("z", "1")]).unwrap());
    }

    #[test]
    fn bad_names_are_refused_by_name() {
        assert_eq!(Labels::new([("", "x")]), Err(LabelError::EmptyName));
        assert_eq!(Labels::new([("a", "x"), ("a", "y")]), Err(LabelError::Duplicate("a".into())));
        assert_eq!(Labels::new([("a\n", "x")]), Err(LabelError::ControlCharacter("a\n".into())));
    }

    #[test]
    fn fingerprints_are_those_of_prometheus() {
        let labels = Labels::new([
            ("alertname", "InstanceDown"),
            ("code", "200"),
            ("instance", "127.0.0.1:9090"),
            ("job", "prometheus"),
            ("monitor", "codelab-monitor"),
            ("severity", "critical"),
        ])
        .unwrap();
        assert_eq!(format!("{:016x}", labels.fingerprint()), "791cec13fcba0368");
        let other = labels.with("instance", "localhost:9090");
        assert_eq!(format!("{:016x}", other.fingerprint()), "8df98227bdd81384");
    }

    #[test]
    fn json_is_a_map() {
        let labels = Labels::new([("__name__", "up"), ("job", "api")]).unwrap();
        let json = serde_json::to_string(&labels).unwrap();
        assert_eq!(json, r#"{"__name__":"up","job":"api"}"#);
        assert_eq!(serde_json::from_str::<Labels>(&json).unwrap(), labels);
    }
}
