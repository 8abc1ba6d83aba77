//! The `op` and `value` of an objective, put into the indicator that it judges.

use crate::decimal::Decimal;
use crate::grouping::Grouping;
use crate::indicator::{Comparison, Indicator, Numerator, Query, QueryForm};
use crate::openslo::findings::Findings;
use crate::openslo::kinds::{At, ObjectiveSpec};

use super::sli::Shape;

impl Shape {
    /// `None` after the defects are put down. `line` is where the objective begins. The official
    /// validator refuses a threshold beside a ratio where the ratio `is_inline` in the SLO.
    pub(super) fn with_threshold(
        self,
        spec: &ObjectiveSpec,
        line: u64,
        is_inline: bool,
        grouping: Option<&Grouping>,
        findings: &mut Findings<'_>,
    ) -> Option<Indicator> {
        match self {
            Shape::Ratio { counter, numerator, total } => {
                means_nothing_beside("a ratio", spec, is_inline, findings);
                Some(Indicator::Ratio { counter, numerator, total })
            }
            Shape::Raw { query, reads } => {
                means_nothing_beside("a ratio", spec, is_inline, findings);
                Some(Indicator::Raw { query, reads })
            }
            Shape::Statement { query, counts } => {
                means_nothing_beside("a ratio", spec, is_inline, findings);
                Some(Indicator::Statement { query, counts })
            }
            Shape::Probe(query) => {
                means_nothing_beside("a probe", spec, false, findings);
                Some(probe(&query, grouping))
            }
            Shape::Threshold(query) => {
                let (op, value) = threshold(spec, line, findings)?;
                Some(Indicator::Threshold { query, op: op.value, threshold: value.value })
            }
            Shape::Histogram { buckets, off_boundary } => {
                let threshold = upper_bound("a histogram", spec, line, findings)?;
                Some(Indicator::Latency { buckets, threshold, off_boundary })
            }
            Shape::Freshness(newest) => {
                let age_secs_max = upper_bound("freshness", spec, line, findings)?;
                Some(Indicator::Freshness { newest, age_secs_max })
            }
        }
    }
}

/// Each sample is one event; 1 is good and 0 is bad, so that their sum is the number of good ones.
fn probe(query: &Query, grouping: Option<&Grouping>) -> Indicator {
    let by = grouping.map(|grouping| format!(" by ({})", grouping.labels.join(", "))).unwrap_or_default();
    let over = |function: &str| Query {
        text: format!("sum{by} ({function}({}[{{{{.window}}}}]))", query.text.trim()),
        form: QueryForm::Windowed,
        ..query.clone()
    };
    Indicator::Ratio {
        counter: false,
        numerator: Numerator::Good(over("sum_over_time")),
        total: over("count_over_time"),
    }
}

fn threshold<'s>(
    spec: &'s ObjectiveSpec,
    line: u64,
    findings: &mut Findings<'_>,
) -> Option<(At<Comparison>, &'s At<Decimal>)> {
    let (op, value) = match (&spec.op, &spec.value) {
        (Some(op), Some(value)) => (op, value),
        (op, value) => {
            let missing = match (op, value) {
                (Some(_), None) => "`value` is missing",
                (None, Some(_)) => "`op` is missing",
                _ => "`op` and `value` are missing",
            };
            let message = format!(
                "{missing}: the objective of a threshold SLI says what is good, such as `op: lte` and `value: 200`"
            );
            findings.error(line, message);
            return None;
        }
    };
    let Some(comparison) = Comparison::parse(&op.value) else {
        findings.error(op.line, format!("op `{}` is none of lte, gte, lt and gt", op.value));
        return None;
    };
    Some((At { value: comparison, line: op.line }, value))
}

/// Of what is good below a bound only.
fn upper_bound(what: &str, spec: &ObjectiveSpec, line: u64, findings: &mut Findings<'_>) -> Option<Decimal> {
    let (op, value) = threshold(spec, line, findings)?;
    match op.value {
        Comparison::Lte => {}
        Comparison::Lt => {
            findings.warning(op.line, format!("the bound of {what} is inclusive: `op: lt` is read as lte"));
        }
        Comparison::Gt | Comparison::Gte => {
            findings.error(
                op.line,
                format!("`op` says what is good, and {what} is good below its bound: write `op: lte`"),
            );
            return None;
        }
    }
    if value.value.is_zero() {
        findings.error(value.line, format!("the bound of {what} must be above 0: nothing could be good"));
        return None;
    }
    Some(value.value)
}

fn means_nothing_beside(what: &str, spec: &ObjectiveSpec, is_refused: bool, findings: &mut Findings<'_>) {
    let op = spec.op.as_ref().map(|op| ("op", op.line));
    let value = spec.value.as_ref().map(|value| ("value", value.line));
    for (key, line) in [op, value].into_iter().flatten() {
        let message = format!("`{key}` means nothing beside {what}; leave it out");
        if is_refused { findings.unofficial(line, message) } else { findings.warning(line, message) }
    }
}
