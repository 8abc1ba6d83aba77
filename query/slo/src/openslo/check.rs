//! What one document can get wrong by itself: names, lengths, things that exclude each other.

use telemetry::Defect;

use super::findings::Findings;
use super::kinds::{At, Inline, Metadata, PolicyEntry, SliSpec};
use super::{DESCRIPTION_CHARS_MAX, Document, Kind};

/// OpenSLO's limit for names (RFC 1123 label).
const NAME_CHARS_MAX: usize = 63;

pub(super) fn document(document: &Document, defects: &mut Vec<Defect>) {
    let mut check = Findings { file: &document.file, mode: document.mode, defects };
    check.metadata(document.kind.metadata());
    match &document.kind {
        Kind::Service(object) => check.description(object.spec.description.as_ref()),
        Kind::DataSource(object) => check.description(object.spec.description.as_ref()),
        Kind::AlertNotificationTarget(object) => check.description(object.spec.description.as_ref()),
        Kind::AlertCondition(object) => check.description(object.spec.description.as_ref()),
        Kind::AlertPolicy(object) => check.description(object.spec.description.as_ref()),
        Kind::Sli(object) => check.sli(&object.spec, document.line),
        Kind::Slo(object) => {
            let spec = &object.spec;
            check.description(spec.description.as_ref());
            if let Some(inline) = &spec.indicator {
                check.inline_sli(inline);
            }
            for objective in &spec.objectives.value {
                if let Some(inline) = &objective.value.indicator {
                    check.inline_sli(inline);
                }
            }
            for entry in &spec.alert_policies {
                check.policy_entry(entry);
            }
        }
    }
}

impl Findings<'_> {
    fn metadata(&mut self, metadata: &Metadata) {
        let name = &metadata.name.value;
        if is_name(name) {
            return;
        }
        let message = format!(
            "`{name}` is not a name: at most {NAME_CHARS_MAX} lower-case letters, digits and hyphens, a letter or digit at both ends"
        );
        // Older examples write CamelCase; what would break an id or a path is refused everywhere.
        let is_harmless = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if !name.is_empty() && name.len() <= NAME_CHARS_MAX && name.bytes().all(is_harmless) {
            self.unofficial(metadata.name.line, message);
        } else {
            self.error(metadata.name.line, message);
        }
    }

    fn description(&mut self, description: Option<&At<String>>) {
        let Some(text) = description else { return };
        let count = text.value.chars().count();
        if count > DESCRIPTION_CHARS_MAX {
            let message =
                format!("the description has {count} characters, more than {DESCRIPTION_CHARS_MAX}");
            self.unofficial(text.line, message);
        }
    }

    fn inline_sli(&mut self, inline: &At<Inline<SliSpec>>) {
        self.metadata(&inline.value.metadata);
        self.sli(&inline.value.spec, inline.line);
    }

    fn sli(&mut self, spec: &SliSpec, line: u64) {
        self.description(spec.description.as_ref());
        let ratio = match (&spec.threshold_metric, &spec.ratio_metric) {
            (Some(_), None) => return,
            (None, Some(ratio)) => ratio,
            (Some(_), Some(ratio)) => {
                return self
                    .error(ratio.line, "an SLI has either `thresholdMetric` or `ratioMetric`, not both");
            }
            (None, None) => return self.error(line, "an SLI needs `thresholdMetric` or `ratioMetric`"),
        };
        let metric = &ratio.value;
        if let Some(raw) = &metric.raw {
            if metric.good.is_some() || metric.bad.is_some() || metric.total.is_some() {
                self.error(raw.line, "`raw` stands alone, without `good`, `bad` and `total`");
            }
            match &metric.raw_type {
                None => self.error(raw.line, "`raw` needs `rawType`: success or failure"),
                Some(kind) if !matches!(kind.value.as_str(), "success" | "failure") => {
                    self.error(kind.line, format!("rawType `{}` is neither success nor failure", kind.value));
                }
                Some(_) => {}
            }
            return;
        }
        match (&metric.good, &metric.bad) {
            (Some(_), Some(bad)) => {
                self.error(
                    bad.line,
                    "`good` and `bad` exclude each other: with `total`, one of them says everything",
                );
            }
            (None, None) => self.error(ratio.line, "a ratio needs `good` or `bad` beside `total`, or `raw`"),
            _ if metric.total.is_none() => {
                self.error(ratio.line, "`total` is missing beside `good` or `bad`")
            }
            _ => {}
        }
        if let Some(raw_type) = &metric.raw_type {
            self.error(raw_type.line, "`rawType` belongs to `raw`");
        }
        if metric.counter.is_none() {
            self.warning(
                ratio.line,
                "`counter` is missing; read as false: each value is the events of one slice",
            );
        }
    }

    fn policy_entry(&mut self, entry: &At<PolicyEntry>) {
        match &entry.value {
            PolicyEntry::Name(name) => self.unofficial(
                entry.line,
                format!("a bare name in `alertPolicies` is not OpenSLO v1; write `alertPolicyRef: {name}`"),
            ),
            PolicyEntry::Ref(_) => {}
            PolicyEntry::Inline(inline) => {
                self.metadata(&inline.metadata);
                self.description(inline.spec.description.as_ref());
                if let Some(kind) = inline.kind.as_ref().filter(|kind| kind.value != "AlertPolicy") {
                    self.error(kind.line, format!("kind `{}` is not AlertPolicy", kind.value));
                }
            }
        }
    }
}

/// RFC 1123 label.
pub(crate) fn is_name(text: &str) -> bool {
    let is_inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty()
        && text.len() <= NAME_CHARS_MAX
        && text.bytes().all(is_inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}
