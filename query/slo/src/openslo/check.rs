//! What one document can get wrong by itself: names, lengths, things that exclude each other.

mod sli;

use telemetry::Defect;

use super::findings::Findings;
use super::kinds::{AlertPolicySpec, At, Metadata, MetricHolder, PolicyEntry, SliSpec, SloSpec};
use super::{DESCRIPTION_CHARS_MAX, Document, Kind};

/// OpenSLO's limit for names (RFC 1123 label), display names and the keys of labels.
const NAME_CHARS_MAX: usize = 63;
/// OpenSLO's limit for what stands before the `/` in the key of an annotation.
const PREFIX_CHARS_MAX: usize = 253;
const NAME_RULE: &str = "at most 63 lower-case letters, digits and hyphens, a letter or digit at both ends";

/// `is_imported` documents were written for other tools, which allow other labels.
pub(super) fn document(document: &Document, is_imported: bool, defects: &mut Vec<Defect>) {
    let mut check = Findings::new(&document.file, document.mode, defects);
    let metadata = document.kind.metadata();
    check.name(metadata);
    if !is_imported {
        check.keys(metadata);
    }
    match &document.kind {
        Kind::Service(object) => check.description(object.spec.description.as_ref()),
        Kind::DataSource(object) => {
            check.description(object.spec.description.as_ref());
            check.required("type", &object.spec.source_type);
        }
        Kind::AlertNotificationTarget(object) => {
            check.description(object.spec.description.as_ref());
            check.required("target", &object.spec.target);
        }
        Kind::AlertCondition(object) => {
            check.description(object.spec.description.as_ref());
            check.required("severity", &object.spec.severity);
        }
        Kind::AlertPolicy(object) => check.policy(&object.spec),
        Kind::Sli(object) => {
            check.sources(&object.spec);
            check.sli(&object.spec, document.line);
        }
        Kind::Slo(object) => check.slo(&object.spec),
    }
}

impl Findings<'_> {
    fn slo(&mut self, spec: &SloSpec) {
        self.description(spec.description.as_ref());
        self.required("service", &spec.service);
        self.reference("indicatorRef", spec.indicator_ref.as_ref());
        let own = spec.objectives.value.iter().filter_map(|objective| objective.value.indicator.as_ref());
        for inline in spec.indicator.iter().chain(own) {
            let At { value: inline, line } = inline;
            self.name(&inline.metadata);
            self.keys(&inline.metadata);
            for (key, written) in [("apiVersion", &inline.api_version), ("kind", &inline.kind)] {
                if let Some(written) = written {
                    let message = format!("an inline indicator has no `{key}` in OpenSLO v1; leave it out");
                    self.unofficial(written.line, message);
                }
            }
            self.sources(&inline.spec);
            self.sli(&inline.spec, *line);
        }
        for objective in &spec.objectives.value {
            self.reference("indicatorRef", objective.value.indicator_ref.as_ref());
        }
        for entry in &spec.alert_policies {
            self.policy_entry(entry);
        }
    }

    fn policy_entry(&mut self, entry: &At<PolicyEntry>) {
        match &entry.value {
            PolicyEntry::Name(name) => self.unofficial(
                entry.line,
                format!("a bare name in `alertPolicies` is not OpenSLO v1; write `alertPolicyRef: {name}`"),
            ),
            PolicyEntry::Ref(name) => self.reference("alertPolicyRef", Some(name)),
            PolicyEntry::Inline(inline) => {
                let (version, kind) = (inline.api_version.as_ref(), inline.kind.as_ref());
                self.inline("AlertPolicy", version, kind, &inline.metadata);
                self.policy(&inline.spec);
            }
        }
    }

    fn policy(&mut self, spec: &AlertPolicySpec) {
        self.description(spec.description.as_ref());
        for At { value: entry, .. } in &spec.conditions.value {
            self.reference("conditionRef", entry.condition_ref.as_ref());
            if let (Some(metadata), Some(spec)) = (&entry.metadata, &entry.spec) {
                self.inline("AlertCondition", entry.api_version.as_ref(), entry.kind.as_ref(), metadata);
                self.description(spec.description.as_ref());
                self.required("severity", &spec.severity);
            }
        }
        for At { value: entry, .. } in &spec.notification_targets {
            self.reference("targetRef", entry.target_ref.as_ref());
            if let (Some(metadata), Some(spec)) = (&entry.metadata, &entry.spec) {
                let (version, found) = (entry.api_version.as_ref(), entry.kind.as_ref());
                self.inline("AlertNotificationTarget", version, found, metadata);
                self.description(spec.description.as_ref());
                self.required("target", &spec.target);
            }
        }
    }

    /// What stands around the `spec` of an object inside of another one.
    fn inline(
        &mut self,
        kind: &str,
        version: Option<&At<String>>,
        found: Option<&At<String>>,
        metadata: &Metadata,
    ) {
        self.name(metadata);
        self.keys(metadata);
        if let Some(version) = version {
            let message = format!("an inline {kind} has no `apiVersion` in OpenSLO v1; leave it out");
            self.unofficial(version.line, message);
        }
        match found {
            Some(found) if found.value != kind => {
                self.error(found.line, format!("kind `{}` is not {kind}", found.value));
            }
            Some(_) => {}
            None => self.unofficial(
                metadata.name.line,
                format!("the inline {kind} `{}` has no `kind: {kind}`", metadata.name.value),
            ),
        }
    }

    fn name(&mut self, metadata: &Metadata) {
        let name = &metadata.name.value;
        if is_name(name) {
            return;
        }
        let message = format!("`{name}` is not a name: {NAME_RULE}");
        // Older examples write CamelCase; what would break an id or a path is refused everywhere.
        let is_harmless = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if !name.is_empty() && name.len() <= NAME_CHARS_MAX && name.bytes().all(is_harmless) {
            self.unofficial(metadata.name.line, message);
        } else {
            self.error(metadata.name.line, message);
        }
    }

    /// Display names and keys, which change nothing here but are refused elsewhere.
    fn keys(&mut self, metadata: &Metadata) {
        let line = metadata.name.line;
        let length = metadata.display_name.as_ref().map_or(0, |name| name.chars().count());
        if length > NAME_CHARS_MAX {
            let message = format!("the displayName has {length} characters, more than {NAME_CHARS_MAX}");
            self.unofficial(line, message);
        }
        for key in metadata.labels.keys().filter(|key| !is_key(key)) {
            self.unofficial(line, format!("`{key}` is not the key of a label: {KEY_RULE}"));
        }
        for (key, value) in &metadata.annotations {
            let (prefix, own) = key.rsplit_once('/').map_or((None, key.as_str()), |(a, b)| (Some(a), b));
            if !is_key(own) || !prefix.is_none_or(is_domain) {
                let message = format!(
                    "`{key}` is not the key of an annotation: a domain and `/` or nothing, then {KEY_RULE}"
                );
                self.unofficial(value.line, message);
            }
        }
    }

    /// The object itself is told about, too; the validator refuses both.
    fn reference(&mut self, key: &str, name: Option<&At<String>>) {
        if let Some(name) = name.filter(|name| !is_name(&name.value)) {
            self.strict_error(name.line, format!("`{key}: {}` is not a name: {NAME_RULE}", name.value));
        }
    }

    fn sources(&mut self, spec: &SliSpec) {
        let ratio = spec.ratio_metric.as_ref().map(|ratio| &ratio.value);
        let sides = ratio.into_iter().flat_map(|ratio| [&ratio.good, &ratio.bad, &ratio.total, &ratio.raw]);
        let holders = sides.chain([&spec.threshold_metric]).flatten();
        for At { value: MetricHolder { metric_source }, .. } in holders {
            self.reference("metricSourceRef", metric_source.value.metric_source_ref.as_ref());
        }
    }

    fn required(&mut self, key: &str, text: &At<String>) {
        if text.value.trim().is_empty() {
            self.error(text.line, format!("`{key}` is empty"));
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
}

const KEY_RULE: &str = "at most 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends";

/// The key of a label, or of an annotation behind its domain.
fn is_key(text: &str) -> bool {
    let is_end = |c: char| c.is_ascii_alphanumeric();
    text.len() <= NAME_CHARS_MAX
        && text.starts_with(is_end)
        && text.ends_with(is_end)
        && text.chars().all(|c| is_end(c) || matches!(c, '-' | '_' | '.'))
}

fn is_domain(text: &str) -> bool {
    text.len() <= PREFIX_CHARS_MAX && text.split('.').all(is_name)
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
