//! Alerting rules as Prometheus writes them, ready to be evaluated.

pub mod template;

use std::collections::BTreeMap;
use std::time::Duration;

use telemetry::Timestamp;

pub use template::Template;

/// The label that names an alert.
pub const ALERT_NAME: &str = "alertname";

/// Rules that are evaluated together.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleGroup {
    /// `FILE/NAME`: unique over all files.
    pub key: String,
    pub name: String,
    pub file: String,
    /// `None`: the configured default.
    pub interval: Option<Duration>,
    /// The most alerts one rule may have; 0 is no limit.
    pub limit: usize,
    pub rules: Vec<AlertRule>,
}

impl RuleGroup {
    /// Whether an evaluation falls due: at the multiples of the interval, and at once if there
    /// was none.
    pub fn is_due(&self, last: Option<Timestamp>, default_interval: Duration, now: Timestamp) -> bool {
        let interval = self.interval.unwrap_or(default_interval);
        last.is_none_or(|last| now.floor_to(interval) > last.floor_to(interval))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlertRule {
    /// `rule:FILE/GROUP/ALERT`, with a number behind when a group has several of one name. Where
    /// an alert's state belongs.
    pub source: String,
    pub alert: String,
    pub expr: String,
    /// How long the expression has to hold.
    pub hold: Duration,
    /// How long the alert goes on firing after the expression stops to hold.
    pub keep_firing_for: Duration,
    pub labels: BTreeMap<String, Template>,
    pub annotations: BTreeMap<String, Template>,
    pub line: u64,
}

impl AlertRule {
    /// Why it fires, for people.
    pub fn explains(&self) -> String {
        if self.hold.is_zero() {
            self.expr.clone()
        } else {
            format!("{} for {}", self.expr, telemetry::time::format_duration(self.hold))
        }
    }
}
