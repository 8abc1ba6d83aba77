//! Prometheus rule files: `groups: [{name, interval, rules: [...]}]`.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{DurationText, Reader, Spec};
use crate::rule::{ALERT_NAME, AlertRule, RuleGroup, Template};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    groups: Vec<GroupSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupSpec {
    name: Spanned<String>,
    interval: Option<DurationText>,
    #[serde(default)]
    limit: usize,
    query_offset: Option<Spanned<String>>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    rules: Vec<Spanned<RuleSpec>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleSpec {
    alert: Option<String>,
    record: Option<String>,
    expr: String,
    #[serde(rename = "for")]
    hold: Option<DurationText>,
    keep_firing_for: Option<DurationText>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Vec<(u64, Spec)> {
    let Some(file) = reader.deserialize::<RuleFile>() else { return Vec::new() };
    let mut groups = Vec::new();
    for spec in file.groups {
        let line = spec.name.referenced.line();
        groups.extend(group(reader, spec).map(|group| (line, Spec::Rules(group))));
    }
    groups
}

fn group(reader: &mut Reader<'_>, spec: GroupSpec) -> Option<RuleGroup> {
    let line = spec.name.referenced.line();
    let name = spec.name.value;
    if name.is_empty() {
        reader.error(line, "a group needs a name");
        return None;
    }
    if let Some(offset) = &spec.query_offset {
        reader.warning(offset.referenced.line(), "query_offset has no effect yet");
    }
    let interval = match &spec.interval {
        Some(text) => Some(text.read(reader)?).filter(|interval| !interval.is_zero()),
        None => None,
    };
    // The folder is left out: the same rules keep their state when the folder moves.
    let base =
        Path::new(reader.file).file_name().map_or_else(|| reader.file.into(), |base| base.to_string_lossy());
    let key = format!("{base}/{name}");
    let (mut rules, mut seen) = (Vec::new(), HashMap::<String, usize>::new());
    for rule in spec.rules {
        let line = rule.referenced.line();
        rules.extend(alert_rule(reader, rule.value, line, &key, &spec.labels, &mut seen));
    }
    Some(RuleGroup { key, name, file: reader.file.to_owned(), interval, limit: spec.limit, rules })
}

fn alert_rule(
    reader: &mut Reader<'_>,
    spec: RuleSpec,
    line: u64,
    group_key: &str,
    group_labels: &BTreeMap<String, String>,
    seen: &mut HashMap<String, usize>,
) -> Option<AlertRule> {
    let alert = match (spec.alert, spec.record) {
        (Some(alert), None) if !alert.is_empty() => alert,
        (None, Some(record)) => {
            reader
                .warning(line, format!("recording rules are not supported yet: {record:?} is not computed"));
            return None;
        }
        _ => {
            reader.error(line, "a rule has exactly one of alert and record");
            return None;
        }
    };
    if spec.expr.trim().is_empty() {
        reader.error(line, format!("alert {alert:?} has an empty expr"));
        return None;
    }
    if spec.labels.contains_key(ALERT_NAME) {
        reader.error(line, format!("alert {alert:?} may not set the label {ALERT_NAME}"));
        return None;
    }
    let hold = DurationText::read_or_zero(&spec.hold, reader)?;
    let keep_firing_for = DurationText::read_or_zero(&spec.keep_firing_for, reader)?;
    let labels =
        group_labels.iter().chain(&spec.labels).map(|(name, text)| (name.clone(), text.clone())).collect();
    let labels = templates(reader, line, labels);
    let annotations = templates(reader, line, spec.annotations);
    let count = seen.entry(alert.clone()).and_modify(|count| *count += 1).or_insert(1);
    let suffix = if *count > 1 { format!("#{count}") } else { String::new() };
    Some(AlertRule {
        source: format!("rule:{group_key}/{alert}{suffix}"),
        alert,
        expr: spec.expr.trim().to_owned(),
        hold,
        keep_firing_for,
        labels,
        annotations,
        line,
    })
}

fn templates(
    reader: &mut Reader<'_>,
    line: u64,
    texts: BTreeMap<String, String>,
) -> BTreeMap<String, Template> {
    let mut templates = BTreeMap::new();
    for (name, text) in texts {
        let (template, unsupported) = Template::parse(&text);
        for action in unsupported {
            reader.warning(line, format!("{name}: the template {action} is not supported and stays as text"));
        }
        templates.insert(name, template);
    }
    templates
}
