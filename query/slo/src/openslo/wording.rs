//! What the YAML reader found, in words for somebody who edits the file.

use serde_saphyr::{DefaultMessageFormatter, Error, MessageFormatter};
use telemetry::Defect;

/// The sentence without its place.
pub(super) fn of_yaml_error(error: &Error) -> String {
    match error.without_snippet() {
        Error::SerdeUnknownField { field, expected, .. } => unknown_key(field, expected),
        Error::SerdeMissingField { field: "budgetingMethod", .. } => {
            "`budgetingMethod` is missing: Occurrences, Timeslices or RatioTimeslices".to_owned()
        }
        Error::SerdeMissingField { field, .. } => format!("`{field}` is missing"),
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            format!("expected {expected}, found {unexpected}")
        }
        Error::Unexpected { expected: "mapping start", .. } => {
            "expected an object with keys and values".to_owned()
        }
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("the key `{key}` is written twice"),
        Error::DuplicateMappingKey { key: None, .. } => "a key is written twice".to_owned(),
        other => DefaultMessageFormatter.format_message(other).into_owned(),
    }
}

/// Keys that are read only to say something better about them than that they are unknown.
const TOLERATED_KEYS: [&str; 1] = ["operator"];

fn unknown_key(key: &str, expected: &[&str]) -> String {
    let known: Vec<&str> = expected.iter().filter(|known| !TOLERATED_KEYS.contains(known)).copied().collect();
    if known.is_empty() {
        return format!("unknown key `{key}`");
    }
    let hint = match misplaced(key, &known) {
        Some(hint) => format!(": {hint}"),
        None => did_you_mean(key, &known),
    };
    format!("unknown key `{key}`{hint}; known here: {}", known.join(", "))
}

/// Where a key belongs that published documents have at another place, told by what is known there.
fn misplaced(key: &str, known: &[&str]) -> Option<&'static str> {
    let is_among = |sibling: &str| known.contains(&sibling);
    match key {
        "counter" if is_among("ratioMetric") => Some("it belongs in `ratioMetric`"),
        "count" | "unit" if is_among("isRolling") => Some("write both as `duration`, such as 30d"),
        "timeWindows" if is_among("timeWindow") => {
            Some("write one `timeWindow` with a `duration` such as 30d")
        }
        "ratioMetric" | "ratioMetrics" | "thresholdMetric" if is_among("indicator") => {
            Some("it belongs in the `spec` of an `indicator`")
        }
        "sli" if is_among("indicator") => Some("it is `indicator` in OpenSLO v1"),
        "sliRef" if is_among("indicatorRef") => Some("it is `indicatorRef` in OpenSLO v1"),
        "dataSourceRef" | "source" if is_among("metricSource") => {
            Some("write `metricSource` with `metricSourceRef` or `type`, and `spec`")
        }
        "type" if is_among("lookbackWindow") => Some("it is `kind` in OpenSLO v1"),
        "denominator_corrected" if is_among("events") => Some("write its queries as `events`"),
        "matchers" if known == ["metric"] => {
            Some("write them in `metric`, as in requests_total{job=\"api\"}")
        }
        _ => None,
    }
}

/// `; did you mean ...?` where one of `known` is a slip of the hand away from `word`, else nothing.
pub(crate) fn did_you_mean(word: &str, known: &[&str]) -> String {
    let word = word.to_lowercase();
    let distance = |candidate: &&&str| strsim::osa_distance(&word, &candidate.to_lowercase());
    let nearest = known.iter().min_by_key(|candidate| distance(candidate));
    match nearest.filter(|candidate| distance(candidate) <= (word.chars().count() / 3).max(1)) {
        Some(candidate) => format!(", did you mean `{candidate}`?"),
        None => String::new(),
    }
}

/// Words that the specification and its examples put where a value belongs.
const PLACEHOLDER_WORDS: [&str; 7] =
    ["string", "numeric", "number", "integer", "boolean", "object", "duration-shorthand"];

/// When the line an error points at holds a placeholder, that is the mistake to report: the document
/// is a template that nobody filled in.
pub(super) fn name_placeholder(defect: &mut Defect, text: &str) {
    if !defect.is_error() {
        return;
    }
    let Some(line) = defect.line else { return };
    let lines: Vec<&str> = text.lines().take(line as usize).collect();
    // A template directive makes the reader stumble only some lines later.
    let near = lines.iter().enumerate().rev().take(3);
    for (index, content) in near {
        if let Some(placeholder) = placeholder_in(content) {
            defect.line = Some(index as u64 + 1);
            defect.message = format!(
                "the placeholder `{placeholder}` is not filled in: this document is a template ({})",
                defect.message
            );
            return;
        }
        if !defect.message.starts_with("this is not YAML") {
            return;
        }
    }
}

fn placeholder_in(line: &str) -> Option<&str> {
    let content = line.trim().trim_start_matches("- ").trim();
    if content.starts_with('#') {
        return None;
    }
    let value = if content.starts_with("{{") { content } else { content.split_once(": ")?.1 };
    let value = value.split(" #").next().unwrap_or(value).trim().trim_matches(['"', '\'']);
    let is_template = value.starts_with("{{") && !value.contains(".window");
    let is_variable = value.starts_with("${") || (value.starts_with('<') && value.ends_with('>'));
    let first_word = value.split([' ', '[', '(', ',']).next().unwrap_or(value);
    let is_choice = value.contains(" | ") && value.split(" | ").all(|word| !word.contains(' '));
    (is_template || is_variable || is_choice || PLACEHOLDER_WORDS.contains(&first_word)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_hand_are_recognised() {
        let known = ["target", "targetPercent", "timeSliceTarget", "op"];
        assert_eq!(did_you_mean("targett", &known), ", did you mean `target`?");
        assert_eq!(did_you_mean("targetpercent", &known), ", did you mean `targetPercent`?");
        assert_eq!(did_you_mean("po", &known), ", did you mean `op`?");
        assert_eq!(did_you_mean("colour", &known), "");
        assert_eq!(did_you_mean("x", &[]), "");
    }

    #[test]
    fn placeholders_are_recognised() {
        for (line, found) in [
            ("  target: {{ .Values.target }}", Some("{{ .Values.target }}")),
            ("  name: \"{{ name }}\" # fill in", Some("{{ name }}")),
            ("{{- if .Values.enabled }}", Some("{{- if .Values.enabled }}")),
            ("  - duration: duration-shorthand", Some("duration-shorthand")),
            ("  target: numeric [0.0, 1.0)", Some("numeric [0.0, 1.0)")),
            ("  budgetingMethod: Occurrences | Timeslices", Some("Occurrences | Timeslices")),
            ("  service: ${SERVICE}", Some("${SERVICE}")),
            ("  service: <your-service>", Some("<your-service>")),
            ("  query: {{.window}}", None),
            ("  name: stringent", None),
            ("  # target: numeric", None),
        ] {
            assert_eq!(placeholder_in(line), found, "{line}");
        }
    }
}
