//! The decision: each fact against its term, and what the overrides make of it.

use std::collections::BTreeMap;

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

impl Judge {
    fn judge(
        &mut self,
        check: Check,
        subject: Option<String>,
        relation: Relation,
        limit: f64,
        value: Known<f64>,
        said: impl FnOnce(f64) -> String,
    ) {
        let (value, outcome, detail) = match value {
            // No relation holds for what is no number.
            Ok(value) if value.is_nan() => (None, Outcome::Unknown, "the number is not known".to_owned()),
            Ok(value) if relation.holds(value, limit) => (Some(value), Outcome::Met, said(value)),
            Ok(value) => (Some(value), Outcome::NotMet, said(value)),
            Err(reason) => (None, Outcome::Unknown, reason),
        };
        let blocks = match outcome {
            Outcome::Met => false,
            Outcome::NotMet => true,
            Outcome::Unknown => self.on_unknown == OnUnknown::Block,
        };
        self.conditions.push(Condition { check, subject, value, relation, limit, outcome, blocks, detail });
    }

    fn objectives(&mut self, terms: &GateTerms, objectives: &Known<Vec<ObjectiveFact>>) {
        let none = || "no objective names the service".to_owned();
        let known: Known<&[ObjectiveFact]> = match objectives {
            Ok(objectives) if objectives.is_empty() => Err(none()),
            Ok(objectives) => Ok(objectives),
            Err(reason) => Err(reason.clone()),
        };
        if let Some(limit) = terms.budget_remaining_above {
            let (check, relation) = (Check::BudgetRemaining, Relation::Above);
            let said = |value: f64| {
                format!("{} of the error budget is left, more than {} has to be", share(value), share(limit))
            };
            match &known {
                Err(reason) => self.judge(check, None, relation, limit, Err(reason.clone()), said),
                Ok(objectives) => {
                    for objective in *objectives {
                        let left = objective
                            .budget_remaining
                            .ok_or_else(|| "how much of the error budget is left is not known".to_owned());
                        self.judge(check, Some(objective.slo.clone()), relation, limit, left, said);
                    }
                }
            }
        }
        for (window, limit) in &terms.burn_rate_below {
            let (check, relation) = (Check::BurnRate, Relation::Below);
            let name = window.name();
            let said = |value: f64| {
                format!(
                    "the budget burns at {}x over {name}, below {}x it has to be",
                    short(value),
                    short(*limit)
                )
            };
            match &known {
                Err(reason) => self.judge(check, None, relation, *limit, Err(reason.clone()), said),
                Ok(objectives) => {
                    for objective in *objectives {
                        let rate = objective.burn_rates.get(window).copied();
                        let rate = rate.ok_or_else(|| format!("the burn rate over {name} is not known"));
                        self.judge(check, Some(objective.slo.clone()), relation, *limit, rate, said);
                    }
                }
            }
        }
    }

    fn incidents(&mut self, terms: &GateTerms, open: &Known<BTreeMap<String, u64>>) {
        for (severity, limit) in &terms.open_incidents_max {
            let count = match open {
                Ok(open) => Ok(open.get(severity).copied().unwrap_or(0) as f64),
                Err(reason) => Err(reason.clone()),
            };
            let said = |count: f64| format!("{count} open incidents of {severity}, at most {limit} may be");
            let (check, subject) = (Check::OpenIncidents, Some(severity.clone()));
            self.judge(check, subject, Relation::AtMost, *limit as f64, count, said);
        }
    }

    fn pages(&mut self, terms: &GateTerms, firing: &Known<u64>) {
        let Some(limit) = terms.firing_pages_max else { return };
        let count = firing.clone().map(|count| count as f64);
        let said = |count: f64| format!("{count} alerts that page are firing, at most {limit} may be");
        self.judge(Check::FiringPages, None, Relation::AtMost, limit as f64, count, said);
    }

    fn changes(&mut self, terms: &GateTerms, deployments: &Known<Deployments>) {
        let Some(terms) = terms.change_fail_rate_below else { return };
        let over = format_duration(terms.over);
        let (check, relation) = (Check::ChangeFailRate, Relation::Below);
        let deployments = match deployments {
            Ok(deployments) => *deployments,
            Err(reason) => return self.judge(check, None, relation, terms.below, Err(reason.clone()), share),
        };
        if deployments.all < terms.deployments_min.max(1) {
            let detail = format!(
                "{} deployments in {over} are too few to tell, {} are asked for",
                deployments.all,
                terms.deployments_min.max(1)
            );
            self.conditions.push(Condition {
                check,
                subject: None,
                value: None,
                relation,
                limit: terms.below,
                outcome: Outcome::Met,
                blocks: false,
                detail,
            });
            return;
        }
        let rate = deployments.failed as f64 / deployments.all as f64;
        let said = |rate: f64| {
            format!(
                "{} of {} deployments in {over} failed: {}, below {} it has to be",
                deployments.failed,
                deployments.all,
                share(rate),
                share(terms.below)
            )
        };
        self.judge(check, None, relation, terms.below, Ok(rate), said);
    }

    /// A freeze that holds is one freeze too many.
    fn freezes(&mut self, freezes: &[Freeze]) {
        if freezes.is_empty() {
            self.judge(Check::Freeze, None, Relation::AtMost, 0.0, Ok(0.0), |_| "no freeze holds".to_owned());
        }
        for freeze in freezes {
            let reason = freeze.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            let said = |_| format!("frozen until {}{reason}", freeze.until);
            self.judge(Check::Freeze, Some(freeze.name.clone()), Relation::AtMost, 0.0, Ok(1.0), said);
        }
    }
}

/// For people; the exact number stands beside it.
fn share(value: f64) -> String {
    format!("{} %", short(value * 100.0))
}

fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
