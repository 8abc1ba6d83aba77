//! The runbooks that are known: those that ship, and those of the configuration directory.

use std::collections::BTreeMap;
use std::sync::Arc;

use telemetry::{Defect, Labels};

use crate::document::{self, Runbook};

/// The runbooks that ship with Evenkeel, linted by a test.
const SHIPPED: [(&str, &str); 2] = [
    ("library/disk-filling-up.md", include_str!("../library/disk-filling-up.md")),
    ("library/target-down.md", include_str!("../library/target-down.md")),
];

/// All runbooks by id. Immutable: a reload builds another one.
#[derive(Clone, Debug, Default)]
pub struct Library {
    runbooks: BTreeMap<String, Arc<Runbook>>,
}

/// A runbook that fits an alert, and why.
#[derive(Clone, Debug)]
pub struct Suggestion {
    pub runbook: Arc<Runbook>,
    /// The matchers that fit, for people.
    pub reason: String,
}

impl Library {
    /// The shipped runbooks and `own` ones; an own one replaces a shipped one of the same id.
    pub fn build(own: Vec<Runbook>) -> (Library, Vec<Defect>) {
        let mut defects = Vec::new();
        let mut runbooks = BTreeMap::new();
        for runbook in own {
            let runbook = Arc::new(runbook);
            if let Some(first) = runbooks.insert(runbook.id.clone(), runbook.clone()) {
                let message = format!("runbook id {:?} is taken by {}", first.id, first.source);
                defects.push(Defect::error(&runbook.source, None, message));
                runbooks.insert(first.id.clone(), first);
            }
        }
        for (file, text) in SHIPPED {
            match document::parse(file, text) {
                Ok(runbook) => {
                    runbooks.entry(runbook.id.clone()).or_insert_with(|| Arc::new(runbook));
                }
                Err(mut found) => defects.append(&mut found),
            }
        }
        (Library { runbooks }, defects)
    }

    pub fn get(&self, id: &str) -> Option<&Arc<Runbook>> {
        self.runbooks.get(id)
    }

    /// In id order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Runbook>> {
        self.runbooks.values()
    }

    /// The runbooks whose matchers all fit one of the alerts, the most specific first.
    pub fn suggest<'a>(&self, alerts: impl Iterator<Item = &'a Labels> + Clone) -> Vec<Suggestion> {
        let fits =
            |runbook: &Runbook, alert: &Labels| runbook.matchers.iter().all(|matcher| matcher.matches(alert));
        let mut found: Vec<Suggestion> = self
            .runbooks
            .values()
            .filter(|runbook| !runbook.matchers.is_empty())
            .filter(|runbook| alerts.clone().any(|alert| fits(runbook, alert)))
            .map(|runbook| {
                let matchers: Vec<String> = runbook.matchers.iter().map(ToString::to_string).collect();
                Suggestion { runbook: runbook.clone(), reason: format!("matches {}", matchers.join(", ")) }
            })
            .collect();
        found.sort_by_key(|suggestion| std::cmp::Reverse(suggestion.runbook.matchers.len()));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runbook(id: &str, matchers: &str) -> Runbook {
        let text = format!(
            "---\nid: {id}\ntitle: T\ntrigger: {{matchers: [{matchers}]}}\n---\n```sh {{step=a}}\n```\n"
        );
        document::parse(&format!("{id}.md"), &text).unwrap()
    }

    #[test]
    fn the_shipped_runbooks_are_good() {
        let (library, defects) = Library::build(Vec::new());
        assert_eq!(defects, []);
        assert_eq!(library.iter().count(), SHIPPED.len());
    }

    #[test]
    fn the_most_specific_runbook_comes_first() {
        let own = vec![
            runbook("any", r#"'service="chat"'"#),
            runbook("exact", r#"'service="chat"', 'region="eu"'"#),
            runbook("other", r#"'service="inventory"'"#),
            runbook("never", ""),
        ];
        let (library, _) = Library::build(own);
        let alert = Labels::new([("service", "chat"), ("region", "eu")]).unwrap();
        let found = library.suggest([&alert].into_iter());
        let ids: Vec<&str> = found.iter().map(|suggestion| suggestion.runbook.id.as_str()).collect();
        assert_eq!(ids, ["exact", "any"]);
        assert_eq!(found[1].reason, r#"matches service="chat""#);
    }

    #[test]
    fn the_first_of_two_runbooks_with_one_id_stays() {
        let mut second = runbook("x", "");
        second.source = "second.md".to_owned();
        let (library, defects) = Library::build(vec![runbook("x", ""), second]);
        assert_eq!(library.get("x").unwrap().source, "x.md");
        assert_eq!(defects[0].to_string(), r#"second.md: runbook id "x" is taken by x.md"#);
    }
}
