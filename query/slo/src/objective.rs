//! The resolved domain types: an SLO with everything it refers to in place.
//!
//! Built by [`crate::catalog::resolve`]; immutable afterwards. Targets, thresholds and factors are
//! exact decimals.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::burn::Tier;
use crate::composite::Composite;
use crate::decimal::{Decimal, Ratio};
use crate::grouping::Grouping;
use crate::indicator::Indicator;
use crate::window::Window;

/// Width of a base slice unless annotated.
pub const SLICE_DEFAULT: Duration = Duration::from_secs(30);
/// Narrower slices cost storage and say nothing at usual scrape intervals.
pub const SLICE_MIN: Duration = Duration::from_secs(10);
/// Wider slices could not tell the shortest burn window (5 m).
pub const SLICE_MAX: Duration = Duration::from_secs(300);

/// How good and bad are added up over a window (the names are OpenSLO's).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum BudgetingMethod {
    /// Good events over all events.
    Occurrences,
    /// Good time slices over measured time slices.
    Timeslices,
    /// The mean of the ratios of the time slices.
    RatioTimeslices,
}

impl BudgetingMethod {
    pub fn name(self) -> &'static str {
        match self {
            BudgetingMethod::Occurrences => "Occurrences",
            BudgetingMethod::Timeslices => "Timeslices",
            BudgetingMethod::RatioTimeslices => "RatioTimeslices",
        }
    }
}

/// What a time slice counts as that was measured and had no events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EmptyPolicy {
    /// Left out of both sides.
    #[default]
    Exclude,
    Good,
    /// For freshness: nothing arrived, which is the failure.
    Bad,
}

/// How an objective folds base slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    Occurrences,
    /// A slice of `width` is good when good/total is at least `target`.
    Timeslices {
        width: Duration,
        target: Decimal,
        empty: EmptyPolicy,
    },
    RatioTimeslices {
        width: Duration,
        empty: EmptyPolicy,
    },
}

/// One target of an SLO.
#[derive(Clone, Debug)]
pub struct Objective {
    /// The display name where it can be part of an id, else the index from 1. With the SLO's name it
    /// is the `slo_id` of the slices.
    pub name: String,
    pub display_name: Option<String>,
    pub target: Ratio,
    pub indicator: Indicator,
    pub counting: Counting,
    /// Only in composite SLOs, where each objective has its own indicator; 1 unless written.
    pub composite_weight: Decimal,
    /// Changes when the definition of good or total changes.
    pub generation: i64,
    /// The burn-rate tiers that alert: custom ones from alert policies, else the defaults; none
    /// when alerts are off.
    pub tiers: Vec<Tier>,
}

/// One condition of an alert policy, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlertCondition {
    pub name: String,
    pub severity: String,
    pub threshold: Decimal,
    pub lookback: Duration,
    pub alert_after: Duration,
}

/// An alert policy with its conditions and the names of whom it notifies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlertPolicy {
    pub name: String,
    pub display_name: Option<String>,
    pub description: Option<String>,
    pub when_no_data: bool,
    pub when_resolved: bool,
    pub when_breaching: bool,
    pub conditions: Vec<AlertCondition>,
    /// `target` of each AlertNotificationTarget: a receiver or an escalation policy.
    pub notify: Vec<String>,
}

/// How one SLO is evaluated; `None` leaves it to the installation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evaluation {
    /// A slice is settled when it is this old.
    pub delay: Option<Duration>,
    /// Share of a window that must be measured for it to decide anything; at most 1.
    pub coverage_floor: Option<Decimal>,
    /// Valid and bad events that the long window of a burn-rate tier must hold for it to fire; below,
    /// it is held for low volume.
    pub min_total: Option<u64>,
    pub min_bad: Option<u64>,
    /// Counters by PromQL's `increase`, extrapolated to the edges of the slice, instead of exact
    /// increases.
    pub is_extrapolated: bool,
}

/// What becomes of slices under an exclusion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExclusionEffect {
    /// Good and total are left out.
    #[default]
    Remove,
    /// Every event counts as good.
    CountAsGood,
}

/// A service level objective, ready to be evaluated.
#[derive(Clone, Debug)]
pub struct Slo {
    pub name: String,
    pub display_name: Option<String>,
    pub service: String,
    pub description: Option<String>,
    pub labels: BTreeMap<String, Vec<String>>,
    pub annotations: BTreeMap<String, String>,
    /// What budgets, states and alerts are of.
    pub window: Window,
    /// The same objectives reported over more windows; nothing alerts on these.
    pub further_windows: Vec<Window>,
    pub method: BudgetingMethod,
    /// In the order written; empty only in a composite of other SLOs' objectives.
    pub objectives: Vec<Objective>,
    /// A verdict over several objectives.
    pub composite: Option<Composite>,
    /// Divides every objective into one per group.
    pub grouping: Option<Grouping>,
    pub evaluation: Evaluation,
    /// Subjects of maintenance events whose time does not count, beside those of the service.
    pub exclusions: Vec<String>,
    /// What exclusions of this SLO do that do not say it themselves.
    pub exclusion_effect: ExclusionEffect,
    pub alert_policies: Vec<AlertPolicy>,
    /// False with the annotation `evenkeel.dev/alerts: "off"`.
    pub alerts_on: bool,
    /// Width of the base slices.
    pub slice: Duration,
    pub file: String,
    pub line: u64,
}

impl Slo {
    /// `NAME/OBJECTIVE`, the key of slices and statuses.
    pub fn slo_id(&self, objective: &Objective) -> String {
        format!("{}/{}", self.name, objective.name)
    }

    /// Every window to report on, the one that alerts first.
    pub fn windows(&self) -> impl Iterator<Item = &Window> {
        std::iter::once(&self.window).chain(&self.further_windows)
    }

    /// The same over another of its windows, by its text; `None` for one that it has not.
    pub fn over(&self, window: &str) -> Option<Slo> {
        let window = self.windows().find(|known| known.text() == window)?.clone();
        Some(Slo { window, ..self.clone() })
    }

    /// The name of an objective or of the composite: the one that is asked for, else the first.
    pub fn objective_name(&self, asked: Option<&str>) -> Option<&str> {
        let composite = self.composite.as_ref().map(|composite| composite.name.as_str());
        let mut names = self.objectives.iter().map(|objective| objective.name.as_str()).chain(composite);
        match asked {
            Some(asked) => names.find(|name| *name == asked),
            None => names.next(),
        }
    }

    pub fn objective(&self, name: &str) -> Option<&Objective> {
        self.objectives.iter().find(|objective| objective.name == name)
    }
}
