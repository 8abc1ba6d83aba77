//! The attributes of a log record, within their limits, and the columns that are read from them.
//!
//! Every key keeps its sender's spelling. Which keys become columns is one table for all dialects
//! whose records are just keys and texts, so that a question asked in SQL does not depend on the
//! shipper: Loki's labels, the Elastic Common Schema and OpenTelemetry's names side by side. A key
//! that becomes a column stays an attribute too.

use std::collections::BTreeMap;

use telemetry::Limit;

use crate::body::excerpt;
use crate::{IngestLimits, OverLimit};

/// The first that is there wins. `service` as everywhere: label `service`, else `service_name`, else
/// the part of `job` after `/`.
const SERVICE: [&str; 3] = ["service", "service.name", "service_name"];
const JOB: &str = "job";
const ENV: [&str; 5] = [
    "env",
    "deployment.environment.name",
    "deployment_environment_name",
    "deployment.environment",
    "service.environment",
];
/// `fromhost` is rsyslog's.
const HOST: [&str; 6] = ["host", "host.name", "host_name", "host.hostname", "hostname", "fromhost"];
/// `priority` is rsyslog's: the severity as a word.
const SEVERITY: [&str; 6] = ["level", "severity", "detected_level", "log.level", "severity_text", "priority"];
const TRACE_ID: [&str; 4] = ["trace_id", "trace.id", "traceID", "traceId"];
const SPAN_ID: [&str; 4] = ["span_id", "span.id", "spanID", "spanId"];

const TRACE_ID_DIGITS: usize = 32;
const SPAN_ID_DIGITS: usize = 16;

/// What an attribute costs beside its text, for [`Meter`](crate::validate::Meter).
pub(crate) const ATTRIBUTE_BYTES: usize = 32;

/// Attributes by key; a key that is set again has its last value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes(BTreeMap<Box<str>, Box<str>>);

impl Attributes {
    pub(crate) fn set(&mut self, key: &str, value: &str, limits: &IngestLimits) -> Result<(), OverLimit> {
        let max = limits.label_name_bytes_max;
        if key.len() > max {
            let what = format!("an attribute key is longer than {max} bytes");
            return Err(OverLimit::new(Limit::LabelNameBytes, what));
        }
        let max = limits.attribute_value_bytes_max;
        if value.len() > max {
            let key = excerpt(key);
            let what = format!("attribute {key:?} is longer than {max} bytes");
            return Err(OverLimit::new(Limit::AttributeValueBytes, what));
        }
        // Replacing a value keeps the key: nothing is allocated for it.
        match self.0.get_mut(key) {
            Some(present) => *present = value.into(),
            None => {
                self.check_count(1, limits)?;
                self.0.insert(key.into(), value.into());
            }
        }
        Ok(())
    }

    fn check_count(&self, more: usize, limits: &IngestLimits) -> Result<(), OverLimit> {
        let max = limits.attributes_per_log_max;
        if self.0.len() + more > max {
            return Err(OverLimit::new(Limit::AttributesPerLog, format!("more than {max} attributes")));
        }
        Ok(())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(AsRef::as_ref)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value.as_ref()))
    }

    /// What a copy of all of them costs.
    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(|(key, value)| key.len() + value.len() + ATTRIBUTE_BYTES).sum()
    }

    pub(crate) fn into_pairs(self) -> Vec<(Box<str>, Box<str>)> {
        self.0.into_iter().collect()
    }

    fn first(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.get(key).map(str::trim).filter(|value| !value.is_empty()))
    }
}

/// The columns of a record that are read from its attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) service: Option<Box<str>>,
    pub(crate) env: Option<Box<str>>,
    pub(crate) host: Option<Box<str>>,
    pub(crate) severity: Option<Box<str>>,
    pub(crate) trace_id: Option<Box<str>>,
    pub(crate) span_id: Option<Box<str>>,
}

impl Columns {
    pub(crate) fn of(attributes: &Attributes) -> Columns {
        let job = || attributes.first(&[JOB]).map(|job| job.rsplit_once('/').map_or(job, |(_, name)| name));
        Columns {
            service: attributes.first(&SERVICE).or_else(job).map(Into::into),
            env: attributes.first(&ENV).map(Into::into),
            host: attributes.first(&HOST).map(Into::into),
            severity: attributes.first(&SEVERITY).and_then(severity_word),
            trace_id: TRACE_ID.iter().find_map(|key| hex_id(attributes.get(key)?, TRACE_ID_DIGITS)),
            span_id: SPAN_ID.iter().find_map(|key| hex_id(attributes.get(key)?, SPAN_ID_DIGITS)),
        }
    }
}

/// A severity as its sender wrote it, in upper case.
pub(crate) fn severity_word(text: &str) -> Option<Box<str>> {
    const CHARS_MAX: usize = 32;
    let word: String = text.trim().chars().take(CHARS_MAX).collect();
    (!word.is_empty()).then(|| word.to_uppercase().into())
}

/// An id in lower case; `None` for what is not one, and for all zeros, which stand for none.
fn hex_id(text: &str, digits: usize) -> Option<Box<str>> {
    let is_hex = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hex && text.bytes().any(|byte| byte != b'0')).then(|| text.to_ascii_lowercase().into())
}

/// Refuses a record's text that is longer than allowed.
pub(crate) fn check_body(body: &str, limits: &IngestLimits) -> Result<(), OverLimit> {
    let max = limits.log_body_bytes_max;
    if body.len() > max {
        return Err(OverLimit::new(Limit::LogBodyBytes, format!("the body is longer than {max} bytes")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(pairs: &[(&str, &str)]) -> Attributes {
        let mut all = Attributes::default();
        for (key, value) in pairs {
            all.set(key, value, &IngestLimits::default()).unwrap();
        }
        all
    }

    fn check(pairs: &[(&str, &str)], column: fn(Columns) -> Option<Box<str>>, expect: Option<&str>) {
        assert_eq!(column(Columns::of(&attributes(pairs))).as_deref(), expect, "{pairs:?}");
    }

    #[test]
    fn the_service_is_named_by_the_rule_of_all_dialects() {
        let service = |columns: Columns| columns.service;
        check(&[("job", "shop/checkout")], service, Some("checkout"));
        check(&[("job", "checkout")], service, Some("checkout"));
        check(&[("job", "a"), ("service_name", "b")], service, Some("b"));
        check(&[("service_name", "b"), ("service", "c")], service, Some("c"));
        check(&[("service.name", "ecs"), ("job", "a")], service, Some("ecs"));
        check(&[("service", ""), ("job", "a")], service, Some("a"));
        // Not part of the rule: metrics and logs of a service must meet under one name.
        check(&[("app", "a"), ("container", "b")], service, None);
    }

    #[test]
    fn ids_are_columns_only_when_they_are_ids() {
        let trace = |columns: Columns| columns.trace_id;
        let id = "4BF92F3577B34DA6A3CE929D0E0E4736";
        check(&[("trace_id", id)], trace, Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        check(&[("traceID", id)], trace, Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        check(&[("trace_id", "none"), ("trace.id", id)], trace, Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        for none in ["", "4bf92f3577b34da6", &"0".repeat(32), &"x".repeat(32), &"é".repeat(16)] {
            check(&[("trace_id", none)], trace, None);
        }
        check(&[("span.id", "00F067AA0BA902B7")], |columns| columns.span_id, Some("00f067aa0ba902b7"));
    }

    #[test]
    fn the_other_columns_have_the_names_of_several_schemas() {
        let severity = |columns: Columns| columns.severity;
        check(&[("level", "warn")], severity, Some("WARN"));
        check(&[("log.level", "error")], severity, Some("ERROR"));
        check(&[("severity", "x"), ("level", "info")], severity, Some("INFO"));
        check(&[("level", " ")], severity, None);
        check(&[("level", &"é".repeat(99))], severity, Some("É".repeat(32).as_str()));
        check(&[("service.environment", "prod")], |columns| columns.env, Some("prod"));
        check(&[("fromhost", "web-1")], |columns| columns.host, Some("web-1"));
    }

    #[test]
    fn limits_are_named() {
        let limits = IngestLimits {
            attributes_per_log_max: 2,
            label_name_bytes_max: 4,
            attribute_value_bytes_max: 4,
            ..IngestLimits::default()
        };
        let mut all = Attributes::default();
        let mut set = |key: &str, value: &str| all.set(key, value, &limits).map_err(|over| over.to_string());
        set("a", "1").unwrap();
        set("b", "1").unwrap();
        set("a", "2").unwrap();
        assert_eq!(set("c", "1").unwrap_err(), "more than 2 attributes (attributes_per_log_max)");
        assert!(set("abcde", "1").unwrap_err().contains("(label_name_bytes_max)"));
        assert_eq!(
            set("a", "12345").unwrap_err(),
            "attribute \"a\" is longer than 4 bytes (attribute_value_bytes_max)"
        );
        assert_eq!(all.into_pairs(), [("a".into(), "2".into()), ("b".into(), "1".into())]);
    }
}
