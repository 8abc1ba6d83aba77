//! Rules and alerts as Prometheus lists them. Recording rules do not exist here; alerts of burn rates
//! come from no rule and are in `alerts` only.

use std::collections::BTreeMap;

use alerting::rule::Template;
use alerting::{AlertFilter, AlertState, RuleGroupView, RuleView};
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use telemetry::{Labels, Matcher, Timestamp};

use super::answer::{ApiError, Success, answer, aside};
use super::number::format_value;
use super::params::Params;
use super::series::selectors;
use crate::state::AppState;

/// What Go's zero time is written as: never.
const NEVER: &str = "0001-01-01T00:00:00Z";

#[derive(Serialize)]
struct Groups {
    groups: Vec<Group>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: String,
    file: String,
    rules: Vec<Rule>,
    interval: f64,
    limit: usize,
    evaluation_time: f64,
    last_evaluation: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    state: &'static str,
    name: String,
    query: String,
    duration: f64,
    keep_firing_for: f64,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    alerts: Vec<Alert>,
    health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    evaluation_time: f64,
    last_evaluation: String,
    r#type: &'static str,
}

#[derive(Serialize)]
struct Alerts {
    alerts: Vec<Alert>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    labels: Labels,
    annotations: BTreeMap<String, String>,
    state: &'static str,
    active_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_firing_since: Option<String>,
    value: String,
}

/// `/prometheus/api/v1/rules`
pub(crate) async fn rules(State(state): State<AppState>, params: Params) -> Response {
    answer(list_rules(&state, params).await)
}

async fn list_rules(state: &AppState, params: Params) -> Result<Success<Groups>, ApiError> {
    let wanted = aside(move || Wanted::of(&params)).await?;
    let groups = state.alerting.rule_groups().await.map_err(|error| ApiError::internal(&error))?;
    Ok(Success::of(Groups { groups: groups.into_iter().filter_map(|group| wanted.group(group)).collect() }))
}

/// `/prometheus/api/v1/alerts`
pub(crate) async fn alerts(State(state): State<AppState>) -> Response {
    let alerts = state.alerting.alerts(&AlertFilter::active()).await;
    answer(
        alerts
            .map(|alerts| {
                Success::of(Alerts {
                    alerts: alerts.into_iter().map(|view| Alert::from(view.alert)).collect(),
                })
            })
            .map_err(|error| ApiError::internal(&error)),
    )
}

/// What the parameters of `rules` ask for; an empty list is no condition.
struct Wanted {
    alerting: bool,
    without_alerts: bool,
    names: Vec<String>,
    groups: Vec<String>,
    files: Vec<String>,
    selectors: Vec<Vec<Matcher>>,
}

impl Wanted {
    fn of(params: &Params) -> Result<Wanted, ApiError> {
        let alerting = match params.get("type").map(str::to_ascii_lowercase).as_deref() {
            None | Some("alert") => true,
            Some("record") => false,
            Some(other) => {
                return Err(ApiError::parameter("type", format!("not supported value {other:?}")));
            }
        };
        let texts = |name: &str| params.all(name).map(str::to_owned).collect();
        Ok(Wanted {
            alerting,
            without_alerts: params.flag("exclude_alerts")?,
            names: texts("rule_name[]"),
            groups: texts("rule_group[]"),
            files: texts("file[]"),
            selectors: selectors(params)?,
        })
    }

    /// The group with the rules that are wanted; `None` when there is none.
    fn group(&self, view: RuleGroupView) -> Option<Group> {
        let among = |names: &[String], name: &String| names.is_empty() || names.contains(name);
        let group = &view.group;
        if !self.alerting || !among(&self.groups, &group.name) || !among(&self.files, &group.file) {
            return None;
        }
        let last_evaluation = time(view.evaluated_at);
        let evaluation_time = view.rules.iter().filter_map(|rule| rule.took).sum::<std::time::Duration>();
        let rules: Vec<Rule> = view
            .rules
            .into_iter()
            .filter(|rule| among(&self.names, &rule.rule.alert) && self.selects(rule))
            .map(|rule| Rule::of(rule, view.evaluated_at, self.without_alerts))
            .collect();
        (!rules.is_empty()).then(|| Group {
            name: group.name.clone(),
            file: group.file.clone(),
            rules,
            interval: view.interval.as_secs_f64(),
            limit: group.limit,
            evaluation_time: evaluation_time.as_secs_f64(),
            last_evaluation,
        })
    }

    /// By the labels of the rule as they are written, before anything is filled in.
    fn selects(&self, view: &RuleView) -> bool {
        let written = |name: &str| view.rule.labels.get(name).map_or("", Template::as_written);
        let holds = |matcher: &Matcher| matcher.accepts(written(matcher.name()));
        self.selectors.is_empty() || self.selectors.iter().any(|selector| selector.iter().all(holds))
    }
}

impl Rule {
    fn of(view: RuleView, evaluated_at: Option<Timestamp>, without_alerts: bool) -> Rule {
        let state = if view.alerts.iter().any(|alert| alert.is_firing()) {
            "firing"
        } else if view.alerts.is_empty() {
            "inactive"
        } else {
            "pending"
        };
        let health = match (&view.error, evaluated_at) {
            (Some(_), _) => "err",
            (None, Some(_)) => "ok",
            (None, None) => "unknown",
        };
        let texts = |templates: &BTreeMap<String, Template>| {
            let written = templates.iter().map(|(name, text)| (name.clone(), text.as_written().to_owned()));
            written.collect()
        };
        let alerts = if without_alerts { Vec::new() } else { view.alerts };
        Rule {
            state,
            name: view.rule.alert.clone(),
            query: view.rule.expr.clone(),
            duration: view.rule.hold.as_secs_f64(),
            keep_firing_for: view.rule.keep_firing_for.as_secs_f64(),
            labels: texts(&view.rule.labels),
            annotations: texts(&view.rule.annotations),
            alerts: alerts.into_iter().map(Alert::from).collect(),
            health,
            last_error: view.error,
            evaluation_time: view.took.unwrap_or_default().as_secs_f64(),
            last_evaluation: time(evaluated_at),
            r#type: "alerting",
        }
    }
}

impl From<alerting::Alert> for Alert {
    fn from(alert: alerting::Alert) -> Alert {
        Alert {
            state: match alert.state {
                AlertState::Pending => "pending",
                AlertState::Firing => "firing",
                AlertState::Resolved => "inactive",
            },
            active_at: alert.active_at.to_string(),
            keep_firing_since: alert.keep_firing_since.map(|since| since.to_string()),
            value: scientific(alert.value),
            labels: alert.labels,
            annotations: alert.annotations,
        }
    }
}

fn time(time: Option<Timestamp>) -> String {
    time.map_or_else(|| NEVER.to_owned(), |time| time.to_string())
}

/// As Go writes a float with the verb `e`: `1e+00`, `2.5e-01`.
fn scientific(value: f64) -> String {
    if !value.is_finite() {
        return format_value(value);
    }
    let text = format!("{value:e}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    match exponent.strip_prefix('-') {
        Some(exponent) => format!("{digits}e-{exponent:0>2}"),
        None => format!("{digits}e+{exponent:0>2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_does() {
        for (value, text) in [
            (1.0, "1e+00"),
            (0.25, "2.5e-01"),
            (-1234.5, "-1.2345e+03"),
            (1e100, "1e+100"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(scientific(value), text);
        }
    }
}
