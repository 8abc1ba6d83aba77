//! An SLO in one line per objective: what linting shows of what was understood.

use telemetry::time::format_duration;

use crate::burn::{Exceeds, Tier};
use crate::composite::Composite;
use crate::indicator::latency::OffBoundary;
use crate::indicator::{Comparison, Indicator, Numerator, Query, QueryForm, QueryLanguage, RawType};
use crate::objective::{Counting, EmptyPolicy, Objective, Slo};
use crate::window::Window;

/// Every objective, then the composite.
pub fn describe(slo: &Slo) -> Vec<String> {
    let objectives = slo.objectives.iter().map(|objective| {
        let text = format!(
            "{}: {} of {}, {}",
            slo.slo_id(objective),
            objective.target,
            indicator(&objective.indicator),
            counting(objective)
        );
        line(slo, text, &objective.tiers)
    });
    let composite = slo.composite.as_ref().map(|composite| {
        line(slo, format!("{}/{}: {}", slo.name, composite.name, members(slo, composite)), &composite.tiers)
    });
    objectives.chain(composite).collect()
}

fn line(slo: &Slo, mut text: String, tiers: &[Tier]) -> String {
    let windows: Vec<String> = slo.windows().map(window).collect();
    text.push_str(&format!(", over {}", windows.join(" and ")));
    if let Some(grouping) = &slo.grouping {
        text.push_str(&format!(
            " per {} (at most {} groups)",
            grouping.labels.join(", "),
            grouping.groups_max
        ));
    }
    let alerts: Vec<String> = tiers.iter().map(tier).collect();
    text.push_str(&if alerts.is_empty() {
        "; no alerts".to_owned()
    } else {
        format!("; {}", alerts.join(", "))
    });
    text
}

fn tier(tier: &Tier) -> String {
    let sign = match tier.exceeds {
        Exceeds::Above => '>',
        Exceeds::AtLeast => '≥',
    };
    let factor = (tier.threshold.to_f64() * 10_000.0).round() / 10_000.0;
    format!("{} {sign}{factor} in {}", tier.severity.name(), tier.windows())
}

fn window(window: &Window) -> String {
    match window {
        Window::Rolling { text, .. } => text.clone(),
        Window::Calendar { text, anchor, zone, .. } => {
            format!("{text} from {anchor} {}", zone.iana_name().unwrap_or("local time"))
        }
    }
}

fn indicator(indicator: &Indicator) -> String {
    match indicator {
        Indicator::Ratio { numerator, total, .. } => {
            let side = match numerator {
                Numerator::Good(_) => "good/total",
                Numerator::Bad(_) => "bad/total",
            };
            format!("{side} by {}", source(total))
        }
        Indicator::Raw { query, reads } => {
            let reads = match reads {
                RawType::Success => "success",
                RawType::Failure => "failure",
            };
            format!("raw {reads} ratio by {}", source(query))
        }
        Indicator::Threshold { query, op, threshold } => {
            let op = match op {
                Comparison::Lte => "≤",
                Comparison::Gte => "≥",
                Comparison::Lt => "<",
                Comparison::Gt => ">",
            };
            format!("values {op} {threshold} by {}", source(query))
        }
        Indicator::Latency { threshold, off_boundary, .. } => {
            let bound = match off_boundary {
                OffBoundary::LowerBound => "lower bound",
                OffBoundary::Interpolate => "interpolated",
            };
            format!("observations ≤ {threshold} of a histogram ({bound})")
        }
        Indicator::Freshness { newest, age_secs_max } => {
            format!("slices with data at most {age_secs_max} s old by {}", source(newest))
        }
        Indicator::Statement { counts, .. } => format!("{}/total by a SQL statement", counts.column()),
    }
}

fn source(query: &Query) -> &str {
    match (&query.language, query.form) {
        (QueryLanguage::PromQl, QueryForm::Windowed) => "PromQL over the slice",
        (QueryLanguage::PromQl, QueryForm::Counter) => "PromQL counters",
        (QueryLanguage::PromQl, QueryForm::Gauge) => "PromQL values",
        (QueryLanguage::Sql, _) => "SQL",
        (QueryLanguage::Logs, _) => "log searches",
        (QueryLanguage::Events, _) => "event conditions",
        (QueryLanguage::Other(name), _) => name,
    }
}

fn counting(objective: &Objective) -> String {
    let (text, empty) = match objective.counting {
        Counting::Occurrences => return "by Occurrences".to_owned(),
        Counting::Timeslices { width, target, empty } => {
            (format!("by Timeslices of {} with {target}", format_duration(width)), empty)
        }
        Counting::RatioTimeslices { width, empty } => {
            (format!("by RatioTimeslices of {}", format_duration(width)), empty)
        }
    };
    match empty {
        EmptyPolicy::Exclude => text,
        EmptyPolicy::Good => format!("{text}, empty ones good"),
        EmptyPolicy::Bad => format!("{text}, empty ones bad"),
    }
}

fn members(slo: &Slo, composite: &Composite) -> String {
    let target = composite.target.map(|target| format!("{target} of ")).unwrap_or_default();
    let members: Vec<String> = composite
        .members
        .iter()
        .map(|member| format!("{} × {}/{}", member.weight, member.slo, member.objective))
        .collect();
    format!("{target}{} of {}, by {}", composite.kind.name(), members.join(" + "), slo.method.name())
}
