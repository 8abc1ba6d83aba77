//! The decision: each fact against its term, and what the overrides make of it.

use std::collections::BTreeMap;
use std::time::Duration;

use telemetry::Timestamp;
use telemetry::time::format_duration;

use super::{
    Check, Condition, Deployments, Freeze, GateDecision, GateFacts, GateTerms, Known, ObjectiveFact,
    OnUnknown, Outcome, Override, Relation, Verdict,
};

/// Holds the facts against the terms. Overrides that do not hold at `now` do nothing.
pub fn decide(terms: &GateTerms, facts: &GateFacts, overrides: &[Override], now: Timestamp) -> GateDecision {
    let mut judge = Judge { on_unknown: terms.on_unknown, conditions: Vec::new() };
    judge.objectives(terms, &facts.objectives);
    judge.incidents(terms, &facts.open_incidents);
    judge.pages(terms, &facts.firing_pages);
    judge.changes(terms, &facts.deployments);
    judge.freezes(&facts.freezes);
    let is_blocked = judge.conditions.iter().any(|condition| condition.blocks);
    let last = || overrides.iter().filter(|given| given.holds(now)).max_by_key(|given| given.expires_at);
    let opened_by = if is_blocked { last().cloned() } else { None };
    let verdict = match (is_blocked, &opened_by) {
        (false, _) => Verdict::Allowed,
        (true, Some(_)) => Verdict::Overridden,
        (true, None) => Verdict::Blocked,
    };
    GateDecision { verdict, conditions: judge.conditions, opened_by }
}

struct Judge {
    on_unknown: OnUnknown,
    conditions: Vec<Condition>,
}

/// A condition before it is judged.
struct Asked {
    check: Check,
    subject: Option<String>,
    window: Option<Duration>,
    relation: Relation,
    limit: f64,
}

impl Asked {
    fn condition(self, value: Option<f64>, outcome: Outcome, blocks: bool, detail: String) -> Condition {
        Condition {
            check: self.check,
            subject: self.subject,
            window: self.window.map(format_duration),
            value,
            relation: self.relation,
            limit: self.limit,
            outcome,
            blocks,
            detail,
        }
    }
}

impl Judge {
    fn judge(&mut self, asked: Asked, value: Known<f64>, said: impl FnOnce(f64) -> String) {
        let (value, outcome, detail) = match value {
            // No relation holds for what is no number.
            Ok(value) if value.is_nan() => (None, Outcome::Unknown, "the number is not known".to_owned()),
            Ok(value) if asked.relation.holds(value, asked.limit) => (Some(value), Outcome::Met, said(value)),
            Ok(value) => (Some(value), Outcome::NotMet, said(value)),
            Err(reason) => (None, Outcome::Unknown, reason),
        };
        let blocks = match outcome {
            Outcome::Met => false,
            Outcome::NotMet => true,
            Outcome::Unknown => self.on_unknown == OnUnknown::Block,
        };
        self.conditions.push(asked.condition(value, outcome, blocks, detail));
    }

    fn objectives(&mut self, terms: &GateTerms, objectives: &Known<Vec<ObjectiveFact>>) {
        if let Some(limit) = terms.budget_remaining_above {
            let asked = |subject| Asked {
                check: Check::BudgetRemaining,
                subject,
                window: None,
                relation: Relation::Above,
                limit,
            };
            let left = |objective: &ObjectiveFact| {
                let left = objective.budget_remaining;
                left.ok_or_else(|| "how much of the error budget is left is not known".to_owned())
            };
            let said = |value: f64| {
                format!("{} of the error budget is left, more than {} has to be", share(value), share(limit))
            };
            self.each_objective(objectives, asked, left, said);
        }
        for (window, limit) in &terms.burn_rate_below {
            let name = format_duration(*window);
            let asked = |subject| Asked {
                check: Check::BurnRate,
                subject,
                window: Some(*window),
                relation: Relation::Below,
                limit: *limit,
            };
            let rate = |objective: &ObjectiveFact| {
                let rate = objective.burn_rates.get(window).copied();
                rate.ok_or_else(|| format!("the burn rate over {name} is not known"))
            };
            let said = |value: f64| {
                let (value, limit) = (short(value), short(*limit));
                format!("the budget burns at {value}x over {name}, it has to be below {limit}x")
            };
            self.each_objective(objectives, asked, rate, said);
        }
    }

    /// One condition per objective, one that is unknown without any.
    fn each_objective(
        &mut self,
        objectives: &Known<Vec<ObjectiveFact>>,
        asked: impl Fn(Option<String>) -> Asked,
        value: impl Fn(&ObjectiveFact) -> Known<f64>,
        said: impl Fn(f64) -> String,
    ) {
        let unknown = match objectives {
            Ok(objectives) if objectives.is_empty() => "no objective names the service".to_owned(),
            Ok(objectives) => {
                for objective in objectives {
                    self.judge(asked(Some(objective.slo.clone())), value(objective), &said);
                }
                return;
            }
            Err(reason) => reason.clone(),
        };
        self.judge(asked(None), Err(unknown), &said);
    }

    fn incidents(&mut self, terms: &GateTerms, open: &Known<BTreeMap<String, u64>>) {
        for (severity, limit) in &terms.open_incidents_max {
            let count = match open {
                Ok(open) => Ok(open.get(severity).copied().unwrap_or(0) as f64),
                Err(reason) => Err(reason.clone()),
            };
            let said = |count: f64| format!("{count} open incidents of {severity}, at most {limit} may be");
            let subject = Some(severity.clone());
            self.judge(at_most(Check::OpenIncidents, subject, *limit as f64), count, said);
        }
    }

    fn pages(&mut self, terms: &GateTerms, firing: &Known<u64>) {
        let Some(limit) = terms.firing_pages_max else { return };
        let count = firing.clone().map(|count| count as f64);
        let said = |count: f64| format!("{count} alerts that page are firing, at most {limit} may be");
        self.judge(at_most(Check::FiringPages, None, limit as f64), count, said);
    }

    fn changes(&mut self, terms: &GateTerms, deployments: &Known<Deployments>) {
        let Some(terms) = terms.change_fail_rate_below else { return };
        let over = format_duration(terms.over);
        let asked = Asked {
            check: Check::ChangeFailRate,
            subject: None,
            window: Some(terms.over),
            relation: Relation::Below,
            limit: terms.below,
        };
        let deployments = match deployments {
            Ok(deployments) => *deployments,
            Err(reason) => return self.judge(asked, Err(reason.clone()), share),
        };
        if deployments.all < terms.deployments_min.max(1) {
            let detail = format!(
                "{} deployments in {over} are too few to tell, {} are asked for",
                deployments.all,
                terms.deployments_min.max(1)
            );
            self.conditions.push(asked.condition(None, Outcome::Met, false, detail));
            return;
        }
        let rate = deployments.failed as f64 / deployments.all as f64;
        let said = |rate: f64| {
            format!(
                "{} of {} deployments in {over} failed: {}, it has to be below {}",
                deployments.failed,
                deployments.all,
                share(rate),
                share(terms.below)
            )
        };
        self.judge(asked, Ok(rate), said);
    }

    /// A freeze that holds is one freeze too many.
    fn freezes(&mut self, freezes: &[Freeze]) {
        if freezes.is_empty() {
            self.judge(at_most(Check::Freeze, None, 0.0), Ok(0.0), |_| "no freeze holds".to_owned());
        }
        for freeze in freezes {
            let reason = freeze.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            let said = |_| format!("frozen until {}{reason}", freeze.until);
            self.judge(at_most(Check::Freeze, Some(freeze.name.clone()), 0.0), Ok(1.0), said);
        }
    }
}

fn at_most(check: Check, subject: Option<String>, limit: f64) -> Asked {
    Asked { check, subject, window: None, relation: Relation::AtMost, limit }
}

/// For people; the exact number stands beside it.
fn share(value: f64) -> String {
    format!("{} %", short(value * 100.0))
}

fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
