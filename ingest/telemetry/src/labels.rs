//! A label set: what names a series.

use std::cmp::Ordering;
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
///
/// A process holds millions of these, so a set is one allocation: the number of pairs, then each name
/// and value behind its length ([`push_number`]). Equal sets are equal texts.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels(Arc<str>);

impl Labels {
    /// The set without labels.
    pub fn empty() -> Labels {
        Labels::pack(0, [].into_iter())
    }

    /// Sorts the pairs, drops empty values and checks the names.
    pub fn new<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Result<Labels, LabelError>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let pairs: Vec<(N, V)> = pairs.into_iter().collect();
        let mut sorted: Vec<(&str, &str)> =
            pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
        for (name, _) in &sorted {
            check_name(name)?;
        }
        if !sorted.is_sorted_by(|a, b| a.0 < b.0) {
            sorted.sort_by_key(|(name, _)| *name);
            if let Some(twice) = sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                return Err(LabelError::Duplicate(twice[0].0.to_owned()));
            }
        }
        sorted.retain(|(_, value)| !value.is_empty());
        Ok(Labels::pack(sorted.len(), sorted.into_iter()))
    }

    /// Puts `count` sorted pairs with valid names together.
    fn pack<'a>(count: usize, pairs: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Labels {
        const LENGTHS_BYTES: usize = 4;
        let bytes: usize = pairs.clone().map(|(name, value)| name.len() + value.len() + LENGTHS_BYTES).sum();
        let mut text = String::with_capacity(bytes + 1);
        push_number(&mut text, count);
        for part in pairs.flat_map(|(name, value)| [name, value]) {
            push_number(&mut text, part.len());
            text.push_str(part);
        }
        Labels(text.into())
    }

    /// The value of a label, if it is there.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The metric's name, or `""`.
    pub fn metric(&self) -> &str {
        self.get(METRIC_NAME).unwrap_or_default()
    }

    /// The pairs in name order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        let (left, rest) = split_number(&self.0);
        Pairs { left, rest }
    }

    pub fn len(&self) -> usize {
        split_number(&self.0).0
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The set with one label set to a value (removed when the value is empty).
    pub fn with(&self, name: &str, value: &str) -> Labels {
        let mut pairs: Vec<_> = self.iter().filter(|(other, _)| *other != name).collect();
        if !value.is_empty() {
            let at = pairs.partition_point(|(other, _)| *other < name);
            pairs.insert(at, (name, value));
        }
        Labels::pack(pairs.len(), pairs.into_iter())
    }

    /// The set without the metric's name.
    pub fn without_metric(&self) -> Labels {
        self.filter(|name| name != METRIC_NAME)
    }

    /// The labels whose names a predicate keeps.
    pub fn filter(&self, keep: impl Fn(&str) -> bool) -> Labels {
        let pairs: Vec<_> = self.iter().filter(|(name, _)| keep(name)).collect();
        Labels::pack(pairs.len(), pairs.into_iter())
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        const COUNTS_BYTES: usize = 16;
        COUNTS_BYTES + self.0.len()
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

fn check_name(name: &str) -> Result<(), LabelError> {
    if name.is_empty() {
        return Err(LabelError::EmptyName);
    }
    let plain = |byte: u8| matches!(byte, b' '..=b'~');
    if !name.bytes().all(plain) && name.chars().any(char::is_control) {
        return Err(LabelError::ControlCharacter(name.to_owned()));
    }
    Ok(())
}

/// Six bits of a number in each ASCII character, lowest first; this bit is set where more follow.
const MORE: u8 = 0x40;

fn push_number(text: &mut String, mut number: usize) {
    while number >= usize::from(MORE) {
        text.push(char::from((number % usize::from(MORE)) as u8 | MORE));
        number /= usize::from(MORE);
    }
    text.push(char::from(number as u8));
}

/// A number, and what follows it.
fn split_number(text: &str) -> (usize, &str) {
    let (mut number, mut bits) = (0, 0);
    for (at, byte) in text.bytes().enumerate() {
        number |= usize::from(byte & (MORE - 1)) << bits;
        if byte & MORE == 0 {
            return (number, &text[at + 1..]);
        }
        bits += 6;
    }
    (number, "")
}

#[derive(Clone)]
struct Pairs<'a> {
    left: usize,
    rest: &'a str,
}

impl<'a> Pairs<'a> {
    fn part(&mut self) -> &'a str {
        let (length, rest) = split_number(self.rest);
        let (part, rest) = rest.split_at(length);
        self.rest = rest;
        part
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some((self.part(), self.part()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Pairs<'_> {}

/// Pair by pair, not by the packed text.
impl Ord for Labels {
    fn cmp(&self, other: &Labels) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Labels) -> Option<Ordering> {
        Some(self.cmp(other))
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
    fn long_texts_and_many_labels_read_back() {
        for length in [1, 63, 64, 4095, 4096, 300_000] {
            let value = "ü".repeat(length);
            let labels = Labels::new([("a", "1"), ("ü", &value), ("z", "2")]).unwrap();
            assert_eq!(labels.get("ü"), Some(value.as_str()));
            assert_eq!(labels.get("z"), Some("2"));
        }
        let many = Labels::new((0..200).map(|at| (format!("l{at:03}"), at.to_string()))).unwrap();
        assert_eq!((many.len(), many.iter().count()), (200, 200));
        assert_eq!(many.get("l150"), Some("150"));
        assert!(Labels::empty().is_empty() && Labels::empty().iter().next().is_none());
    }

    #[test]
    fn sets_are_ordered_by_their_pairs() {
        let set = |pairs: &[(&str, &str)]| Labels::new(pairs.iter().copied()).unwrap();
        let sorted = [
            set(&[]),
            set(&[("a", "1")]),
            set(&[("a", "1"), ("b", "1")]),
            set(&[("a", "10")]),
            set(&[("a", "2")]),
            set(&[("aa", "1")]),
            set(&[("b", "")]).with("c", "1"),
        ];
        assert!(sorted.is_sorted_by(|a, b| a < b));
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
