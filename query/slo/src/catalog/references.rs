//! References between objects: found, or what is said about those that lead nowhere.
//!
//! What an SLO cannot do without (SLI, alert policy, condition, notification target) is an error.
//! Services and data sources only describe and may live elsewhere: warnings, in strict mode too, since
//! the official validator does not look at references.

use std::collections::{BTreeMap, BTreeSet};

use crate::openslo::findings::Findings;
use crate::openslo::kinds::At;
use crate::openslo::wording::did_you_mean;

/// Files that a message names; of more it says how many.
const FILES_NAMED_MAX: usize = 5;

/// Kinds that an SLO cannot do without once it refers to them.
#[derive(Clone, Copy)]
pub(super) enum Needed {
    Sli,
    AlertPolicy,
    AlertCondition,
    AlertNotificationTarget,
}

impl Needed {
    fn kind(self) -> &'static str {
        match self {
            Needed::Sli => "SLI",
            Needed::AlertPolicy => "AlertPolicy",
            Needed::AlertCondition => "AlertCondition",
            Needed::AlertNotificationTarget => "AlertNotificationTarget",
        }
    }

    /// How the same is written without a reference.
    fn in_place(self) -> &'static str {
        match self {
            Needed::Sli => "as `indicator`",
            _ => "with `kind`, `metadata` and `spec`",
        }
    }
}

/// Looks a reference up; a dangling one and one to a broken object are errors.
pub(super) fn referred<'a, T>(
    what: Needed,
    name: &At<String>,
    among: &'a BTreeMap<String, Option<T>>,
    files: &BTreeSet<String>,
    findings: &mut Findings<'_>,
) -> Option<&'a T> {
    match among.get(&name.value) {
        Some(Some(found)) => Some(found),
        Some(None) => {
            findings.error_once(name.line, format!("{} `{}` has errors", what.kind(), name.value));
            None
        }
        None => {
            let known: Vec<&str> = among.keys().map(String::as_str).collect();
            findings.error_once(name.line, dangling(what, &name.value, &known, files));
            None
        }
    }
}

pub(super) fn dangling(what: Needed, name: &str, known: &[&str], files: &BTreeSet<String>) -> String {
    let (kind, hint, in_place) = (what.kind(), did_you_mean(name, known), what.in_place());
    if files.len() <= 1 {
        return format!(
            "no {kind} `{name}` was read{hint}; there is only this file: read it with the file or directory that has it, or write it here {in_place}"
        );
    }
    let mut named: Vec<&str> = files.iter().take(FILES_NAMED_MAX).map(String::as_str).collect();
    let rest = format!("{} more", files.len().saturating_sub(FILES_NAMED_MAX));
    if files.len() > FILES_NAMED_MAX {
        named.push(&rest);
    }
    format!(
        "no {kind} `{name}` was read{hint}; there are {} files ({}): add it, or write it here {in_place}",
        files.len(),
        named.join(", ")
    )
}

pub(super) fn service(name: &At<String>, services: &BTreeSet<String>, findings: &mut Findings<'_>) {
    if services.contains(&name.value) {
        return;
    }
    let known: Vec<&str> = services.iter().map(String::as_str).collect();
    let message = format!(
        "no Service `{}` was read{}; only its name is known until there is one, of openslo/v1 or evenkeel/v1",
        name.value,
        did_you_mean(&name.value, &known)
    );
    findings.warning_once(name.line, message);
}

/// The type of the data source, `None` where it was not read. `written` says that the metric source
/// has a `type` of its own.
pub(super) fn data_source<'a>(
    name: &At<String>,
    written: bool,
    data_sources: &'a BTreeMap<String, String>,
    findings: &mut Findings<'_>,
) -> Option<&'a str> {
    let found = data_sources.get(&name.value).map(String::as_str);
    if found.is_none() {
        let known: Vec<&str> = data_sources.keys().map(String::as_str).collect();
        let hint = did_you_mean(&name.value, &known);
        let then = if written {
            "the `type` beside the reference is what counts"
        } else {
            "read as Prometheus: add the DataSource, or a `type` beside the reference"
        };
        findings.warning_once(name.line, format!("no DataSource `{}` was read{hint}; {then}", name.value));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_until_there_are_too_many() {
        let files = |count: usize| (0..count).map(|index| format!("{index}.yaml")).collect();
        let message = |count| dangling(Needed::Sli, "chekout", &["checkout"], &files(count));
        assert_eq!(
            message(1),
            "no SLI `chekout` was read, did you mean `checkout`?; there is only this file: read it with the file or directory that has it, or write it here as `indicator`"
        );
        assert_eq!(
            message(7),
            "no SLI `chekout` was read, did you mean `checkout`?; there are 7 files (0.yaml, 1.yaml, 2.yaml, 3.yaml, 4.yaml, 2 more): add it, or write it here as `indicator`"
        );
    }
}
