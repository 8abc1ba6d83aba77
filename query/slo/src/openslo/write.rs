//! Documents back to text: what `evenkeel slo convert` prints.
//!
//! What is written reads back as the same objects. Comments are not kept, and numbers stay numbers
//! unless a reader with floats would lose digits of them.

use std::collections::BTreeMap;

use serde::ser::{Serialize, Serializer};

use super::kinds::{At, Inline, OneOrMany, PolicyEntry};
use super::shorthand::Shorthand;
use super::{Document, Kind};
use crate::decimal::Decimal;

/// Texts are folded only where they have lines of their own.
const FOLDED_AT_CHARS: usize = 100_000;

/// A stream of YAML documents.
pub fn documents(documents: &[Document]) -> Result<String, serde_saphyr::SerializeError> {
    let mut text = String::new();
    for document in documents {
        if !text.is_empty() {
            text.push_str("---\n");
        }
        let options = || {
            serde_saphyr::ser_options! { folded_wrap_chars: FOLDED_AT_CHARS, compact_list_indent: false }
        };
        text.push_str(&match &document.kind {
            Kind::Service(object) => serde_saphyr::to_string_with_options(object, options()),
            Kind::DataSource(object) => serde_saphyr::to_string_with_options(object, options()),
            Kind::Sli(object) => serde_saphyr::to_string_with_options(object, options()),
            Kind::Slo(object) => serde_saphyr::to_string_with_options(object, options()),
            Kind::AlertPolicy(object) => serde_saphyr::to_string_with_options(object, options()),
            Kind::AlertCondition(object) => serde_saphyr::to_string_with_options(object, options()),
            Kind::AlertNotificationTarget(object) => serde_saphyr::to_string_with_options(object, options()),
        }?);
    }
    Ok(text)
}

impl<T: Serialize> Serialize for At<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl Serialize for OneOrMany {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [only] => only.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

impl Serialize for Shorthand {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for PolicyEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reference = |name: &String| BTreeMap::from([("alertPolicyRef", name.clone())]);
        match self {
            PolicyEntry::Name(name) => reference(name).serialize(serializer),
            PolicyEntry::Ref(name) => reference(&name.value).serialize(serializer),
            PolicyEntry::Inline(inline) => Inline::serialize(inline, serializer),
        }
    }
}

/// A decimal as a YAML number, or as text where the nearest double reads differently.
pub(super) fn number<S: Serializer>(value: &Option<At<Decimal>>, serializer: S) -> Result<S::Ok, S::Error> {
    let Some(At { value, .. }) = value else { return serializer.serialize_none() };
    decimal(value, serializer)
}

/// [`number`] where it is required.
pub(super) fn whole_number<S: Serializer>(value: &At<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
    decimal(&value.value, serializer)
}

fn decimal<S: Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    let text = value.to_string();
    if let Ok(whole) = text.parse::<u64>() {
        return serializer.serialize_u64(whole);
    }
    let nearest = value.to_f64();
    if nearest.to_string() == text {
        serializer.serialize_f64(nearest)
    } else {
        serializer.serialize_str(&text)
    }
}
