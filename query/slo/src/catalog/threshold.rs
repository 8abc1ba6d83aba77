//! The `op` and `value` of an objective, put into the indicator that it judges.

use crate::decimal::Decimal;
use crate::grouping::Grouping;
use crate::indicator::{Comparison, Indicator, Numerator, Query, QueryForm};
use crate::openslo::findings::Findings;
use crate::openslo::kinds::{At, ObjectiveSpec};

use super::sli::Shape;

impl Shape {
    /// `None` after the defects are put down. `line` is where the objective begins.
    pub(super) fn with_threshold(
        self,
        spec: &ObjectiveSpec,
        line: u64,
        grouping: Option<&Grouping>,
        findings: &mut Findings<'_>,
    ) -> Option<Indicator> {
        match self {
            Shape::Ratio { counter, numerator, total } => {
                means_nothing_beside("a ratio", spec, findings);
                Some(Indicator::Ratio { counter, numerator, total })
            }
            Shape::Raw { query, reads } => {
                means_nothing_beside("a ratio", spec, findings);
                Some(Indicator::Raw { query, reads })
            }
            Shape::Statement { query, counts } => {
                means_nothing_beside("a ratio", spec, findings);
                Some(Indicator::Statement { query, counts })
            }
            Shape::Probe(query) => {
                means_nothing_beside("a probe", spec, findings);
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
    let (Some(op), Some(value)) = (&spec.op, &spec.value) else {
        findings.error(line, "a threshold SLI needs `op` and `value` in the objective");
        return None;
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

fn means_nothing_beside(what: &str, spec: &ObjectiveSpec, findings: &mut Findings<'_>) {
    if let Some(op) = &spec.op {
        findings.unofficial(op.line, format!("`op` means nothing beside {what}"));
    }
    if let Some(value) = &spec.value {
        findings.unofficial(value.line, format!("`value` means nothing beside {what}"));
    }
}
