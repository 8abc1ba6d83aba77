//! The rules as they stand: what each says, how its last evaluation went, and its active alerts.

use std::collections::BTreeMap;
use std::time::Duration;

use telemetry::Timestamp;

use super::{AlertFilter, Alerting};
use crate::AlertingError;
use crate::alert::Alert;
use crate::rule::{AlertRule, RuleGroup};
use crate::store;

/// A rule group of the catalog in force.
#[derive(Clone, Debug)]
pub struct RuleGroupView {
    pub group: RuleGroup,
    /// Its own, or the configured default.
    pub interval: Duration,
    /// `None` until it was first evaluated.
    pub evaluated_at: Option<Timestamp>,
    pub rules: Vec<RuleView>,
}

#[derive(Clone, Debug)]
pub struct RuleView {
    pub rule: AlertRule,
    /// Pending and firing ones.
    pub alerts: Vec<Alert>,
    /// Why the last evaluation failed.
    pub error: Option<String>,
    /// How long its last query took; `None` before the first of this process.
    pub took: Option<Duration>,
}

impl Alerting {
    /// Every rule group, in the order of the files.
    pub async fn rule_groups(&self) -> Result<Vec<RuleGroupView>, AlertingError> {
        let inner = &self.0;
        let evaluated = store::rule_groups::all(inner.store.read()).await?;
        let mut alerts: BTreeMap<String, Vec<Alert>> = BTreeMap::new();
        for view in self.alerts(&AlertFilter::active()).await? {
            alerts.entry(view.alert.source.clone()).or_default().push(view.alert);
        }
        let (errors, took) = {
            let memory = inner.memory();
            (memory.rule_errors.clone(), memory.rule_took.clone())
        };
        let rule_view = |rule: &AlertRule| RuleView {
            alerts: alerts.get(&rule.source).cloned().unwrap_or_default(),
            error: errors.get(&rule.source).cloned(),
            took: took.get(&rule.source).copied(),
            rule: rule.clone(),
        };
        let group_view = |group: &RuleGroup| RuleGroupView {
            interval: group.interval.unwrap_or(inner.config.evaluation_interval),
            evaluated_at: evaluated.get(&group.key).copied(),
            rules: group.rules.iter().map(rule_view).collect(),
            group: group.clone(),
        };
        Ok(self.catalog().groups.iter().map(group_view).collect())
    }

    /// How often a rule group without an interval of its own is evaluated.
    pub fn evaluation_interval(&self) -> Duration {
        self.0.config.evaluation_interval
    }
}
