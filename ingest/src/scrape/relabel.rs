//! Relabelling, the rules of Prometheus' `relabel_configs` and `metric_relabel_configs`.
//!
//! Pure: labels in, labels out or dropped. Regular expressions match the whole text, linear in its
//! length, and are bounded in size.

use std::collections::BTreeMap;

use md5::{Digest, Md5};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use telemetry::{LabelError, Labels};

/// A regular expression's program. Large enough for long lists of names, and a bound on what a file
/// can make us allocate.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// Labels while they are being changed. A label with an empty value is one that is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSet(BTreeMap<String, String>);

impl LabelSet {
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        if value.is_empty() {
            self.0.remove(name);
        } else {
            self.0.insert(name.to_owned(), value);
        }
    }

    /// Sets a label unless it is there.
    pub fn set_missing(&mut self, name: &str, value: &str) {
        if !self.has(name) {
            self.set(name, value);
        }
    }

    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| keep(name));
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub fn to_labels(&self) -> Result<Labels, LabelError> {
        Labels::new(self.iter())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for LabelSet {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(pairs: T) -> LabelSet {
        let mut labels = LabelSet::default();
        for (name, value) in pairs {
            labels.set(&name.into(), value);
        }
        labels
    }
}

/// What a rule does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// Sets `target_label` to `replacement` where the joined source labels match.
    #[default]
    Replace,
    /// Drops what does not match.
    Keep,
    /// Drops what matches.
    Drop,
    /// Drops where the joined source labels are not `target_label`'s value.
    KeepEqual,
    /// Drops where they are.
    DropEqual,
    /// Sets `target_label` to a hash of the joined source labels, modulo `modulus`.
    HashMod,
    /// Copies every label whose name matches to the name that `replacement` makes of it.
    LabelMap,
    /// Removes the labels whose names match.
    LabelDrop,
    /// Removes the labels whose names do not match.
    LabelKeep,
    Lowercase,
    Uppercase,
}

impl Action {
    const NAMES: [(&'static str, Action); 11] = [
        ("replace", Action::Replace),
        ("keep", Action::Keep),
        ("drop", Action::Drop),
        ("keepequal", Action::KeepEqual),
        ("dropequal", Action::DropEqual),
        ("hashmod", Action::HashMod),
        ("labelmap", Action::LabelMap),
        ("labeldrop", Action::LabelDrop),
        ("labelkeep", Action::LabelKeep),
        ("lowercase", Action::Lowercase),
        ("uppercase", Action::Uppercase),
    ];

    /// In any case, as in Prometheus.
    fn from_name(name: &str) -> Option<Action> {
        let known = Self::NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(known.1)
    }

    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, action)| *action == self).map_or("", |(name, _)| name)
    }
}

/// A rule as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    source_labels: Option<Vec<String>>,
    separator: Option<String>,
    regex: Option<String>,
    modulus: Option<u64>,
    target_label: Option<String>,
    replacement: Option<String>,
    action: Option<String>,
}

/// One checked rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "RuleText")]
pub struct RelabelRule {
    action: Action,
    source_labels: Vec<String>,
    separator: String,
    regex: Regex,
    /// The regular expression is the default one, which matches everything.
    matches_all: bool,
    modulus: u64,
    target_label: String,
    replacement: String,
}

const DEFAULT_SEPARATOR: &str = ";";
const DEFAULT_REGEX: &str = "(.*)";
const DEFAULT_REPLACEMENT: &str = "$1";

impl TryFrom<RuleText> for RelabelRule {
    type Error = String;

    fn try_from(text: RuleText) -> Result<RelabelRule, String> {
        let action = match &text.action {
            None => Action::Replace,
            Some(name) => {
                Action::from_name(name).ok_or_else(|| format!("{name:?} is not a relabel action"))?
            }
        };
        check_fields(action, &text)?;
        let regex = text.regex.as_deref().unwrap_or(DEFAULT_REGEX);
        Ok(RelabelRule {
            action,
            source_labels: text.source_labels.unwrap_or_default(),
            separator: text.separator.unwrap_or_else(|| DEFAULT_SEPARATOR.to_owned()),
            regex: anchored(regex)?,
            matches_all: regex == DEFAULT_REGEX,
            modulus: text.modulus.unwrap_or_default(),
            target_label: text.target_label.unwrap_or_default(),
            replacement: text.replacement.unwrap_or_else(|| DEFAULT_REPLACEMENT.to_owned()),
        })
    }
}

/// Which fields an action needs, and which it must not have.
fn check_fields(action: Action, text: &RuleText) -> Result<(), String> {
    use Action::*;
    let name = action.name();
    let target = text.target_label.as_deref().unwrap_or_default();
    let needs_target = matches!(action, Replace | KeepEqual | DropEqual | HashMod | Lowercase | Uppercase);
    if needs_target && target.is_empty() {
        return Err(format!("relabel action {name} needs a target_label"));
    }
    if target.chars().any(char::is_control) {
        return Err(format!("target_label {target:?} holds a control character"));
    }
    if action == HashMod && text.modulus.unwrap_or_default() == 0 {
        return Err("relabel action hashmod needs a modulus above 0".to_owned());
    }
    let sets_its_own = matches!(action, Lowercase | Uppercase | KeepEqual | DropEqual);
    if sets_its_own && text.replacement.as_deref().is_some_and(|text| text != DEFAULT_REPLACEMENT) {
        return Err(format!("relabel action {name} takes no replacement"));
    }
    let extra = |fields: &[(&str, bool)]| {
        fields.iter().find(|(_, is_set)| *is_set).map(|(field, _)| (*field).to_owned())
    };
    let refused = match action {
        KeepEqual | DropEqual => extra(&[
            ("regex", text.regex.as_deref().is_some_and(|regex| regex != DEFAULT_REGEX)),
            ("modulus", text.modulus.is_some_and(|modulus| modulus != 0)),
            ("separator", text.separator.as_deref().is_some_and(|text| text != DEFAULT_SEPARATOR)),
        ])
        .map(|field| format!("relabel action {name} takes source_labels and target_label, no {field}")),
        LabelDrop | LabelKeep => extra(&[
            ("source_labels", text.source_labels.is_some()),
            ("target_label", !target.is_empty()),
            ("modulus", text.modulus.is_some_and(|modulus| modulus != 0)),
            ("separator", text.separator.as_deref().is_some_and(|text| text != DEFAULT_SEPARATOR)),
            ("replacement", text.replacement.as_deref().is_some_and(|text| text != DEFAULT_REPLACEMENT)),
        ])
        .map(|field| format!("relabel action {name} takes a regex, no {field}")),
        _ => None,
    };
    refused.map_or(Ok(()), Err)
}

fn anchored(pattern: &str) -> Result<Regex, String> {
    // Alone first, so that an unbalanced parenthesis cannot leave the group around it.
    let build = |text: &str| RegexBuilder::new(text).size_limit(REGEX_BYTES_MAX).build();
    build(pattern)
        .and_then(|_| build(&format!("^(?s:{pattern})$")))
        .map_err(|error| format!("regex {pattern:?}: {error}"))
}

/// Applies rules in order; `false` when one of them dropped it.
pub fn relabel(rules: &[RelabelRule], labels: &mut LabelSet) -> bool {
    rules.iter().all(|rule| rule.apply(labels))
}

impl RelabelRule {
    fn apply(&self, labels: &mut LabelSet) -> bool {
        let joined =
            self.source_labels.iter().map(|name| labels.get(name)).collect::<Vec<_>>().join(&self.separator);
        match self.action {
            Action::Keep => return self.regex.is_match(&joined),
            Action::Drop => return !self.regex.is_match(&joined),
            Action::KeepEqual => return labels.get(&self.target_label) == joined,
            Action::DropEqual => return labels.get(&self.target_label) != joined,
            Action::Replace => self.replace(&joined, labels),
            Action::HashMod => labels.set(&self.target_label, hash_modulo(&joined, self.modulus)),
            Action::Lowercase => labels.set(&self.target_label, joined.to_lowercase()),
            Action::Uppercase => labels.set(&self.target_label, joined.to_uppercase()),
            Action::LabelMap => {
                let mapped: Vec<(String, String)> = labels
                    .iter()
                    .filter(|(name, _)| self.regex.is_match(name))
                    .map(|(name, value)| {
                        (
                            self.regex.replace_all(name, self.replacement.as_str()).into_owned(),
                            value.to_owned(),
                        )
                    })
                    .collect();
                for (name, value) in mapped.into_iter().filter(|(name, _)| is_name(name)) {
                    labels.set(&name, value);
                }
            }
            Action::LabelDrop => labels.retain(|name| !self.regex.is_match(name)),
            Action::LabelKeep => labels.retain(|name| self.regex.is_match(name)),
        }
        true
    }

    fn replace(&self, joined: &str, labels: &mut LabelSet) {
        // What most rules of a large configuration come down to: a constant, or nothing to do.
        if self.matches_all && !self.target_label.contains('$') && !self.replacement.contains('$') {
            return labels.set(&self.target_label, self.replacement.as_str());
        }
        let Some(captures) = self.regex.captures(joined) else { return };
        let (mut target, mut value) = (String::new(), String::new());
        captures.expand(&self.target_label, &mut target);
        captures.expand(&self.replacement, &mut value);
        if is_name(&target) {
            labels.set(&target, value);
        }
    }
}

/// A template may make anything of a value.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(char::is_control)
}

/// The last 8 bytes of the MD5 sum: shards of a Prometheus fleet agree with ours.
fn hash_modulo(text: &str, modulus: u64) -> String {
    let sum: [u8; 16] = Md5::digest(text.as_bytes()).into();
    let mut last = [0; 8];
    last.copy_from_slice(&sum[8..]);
    (u64::from_be_bytes(last) % modulus).to_string()
}

#[cfg(test)]
mod tests;
