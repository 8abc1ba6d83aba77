//! Which series, label names and label values there are, and the types of metrics: what editors
//! complete from. Answered by the lake's index of series; no sample is read.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Path, State};
use axum::response::Response;
use query::promql::Matcher;
use serde::Serialize;
use telemetry::{Labels, Timestamp};

use super::answer::{ApiError, Success, answer};
use super::params::Params;
use crate::state::AppState;

/// `/prometheus/api/v1/series`
pub(crate) async fn series(State(state): State<AppState>, params: Params) -> Response {
    answer(find_series(&state, &params))
}

fn find_series(state: &AppState, params: &Params) -> Result<Success<Vec<Labels>>, ApiError> {
    let wanted = Wanted::of(params)?;
    if wanted.selectors.is_empty() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let found: BTreeSet<Labels> = wanted.series(state).collect();
    Ok(cut(found.into_iter(), limit(state, params)?))
}

/// `/prometheus/api/v1/labels`
pub(crate) async fn labels(State(state): State<AppState>, params: Params) -> Response {
    answer(label_names(&state, &params))
}

fn label_names(state: &AppState, params: &Params) -> Result<Success<Vec<String>>, ApiError> {
    let wanted = Wanted::of(params)?;
    let limit = limit(state, params)?;
    if wanted.selectors.is_empty() {
        let names = state.engine.lake().series().label_names(&[], wanted.from..wanted.to);
        return Ok(cut(names.into_iter(), limit));
    }
    let found: BTreeSet<String> = wanted
        .series(state)
        .flat_map(|labels| labels.iter().map(|(name, _)| name.to_owned()).collect::<Vec<String>>())
        .collect();
    Ok(cut(found.into_iter(), limit))
}

/// `/prometheus/api/v1/label/{name}/values`
pub(crate) async fn label_values(
    State(state): State<AppState>,
    Path(name): Path<String>,
    params: Params,
) -> Response {
    answer(values_of(&state, &name, &params))
}

fn values_of(state: &AppState, name: &str, params: &Params) -> Result<Success<Vec<String>>, ApiError> {
    if name.is_empty() {
        return Err(ApiError::bad_data("invalid label name: \"\""));
    }
    let wanted = Wanted::of(params)?;
    let limit = limit(state, params)?;
    if wanted.selectors.is_empty() {
        let values = state.engine.lake().series().label_values(name, &[], wanted.from..wanted.to);
        return Ok(cut(values.into_iter(), limit));
    }
    let found: BTreeSet<String> =
        wanted.series(state).filter_map(|labels| labels.get(name).map(str::to_owned)).collect();
    Ok(cut(found.into_iter(), limit))
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct MetricMetadata {
    r#type: &'static str,
    help: &'static str,
    unit: String,
}

/// `/prometheus/api/v1/metadata`; `help` texts are not kept.
pub(crate) async fn metadata(State(state): State<AppState>, params: Params) -> Response {
    answer(find_metadata(&state, &params))
}

fn find_metadata(
    state: &AppState,
    params: &Params,
) -> Result<Success<BTreeMap<String, BTreeSet<MetricMetadata>>>, ApiError> {
    let only = params.all("metric").next().filter(|metric| !metric.is_empty());
    let limit = limit(state, params)?;
    let mut found: BTreeMap<String, BTreeSet<MetricMetadata>> = BTreeMap::new();
    for entry in state.engine.lake().series().find(&[], Timestamp::MIN..Timestamp::MAX) {
        let metric = entry.labels.metric();
        let is_wanted = only.is_none_or(|only| only == metric);
        if is_wanted && (found.len() < limit || found.contains_key(metric)) {
            found.entry(metric.to_owned()).or_default().insert(MetricMetadata {
                r#type: entry.meta.metric_type.as_str(),
                help: "",
                unit: entry.meta.unit.as_deref().unwrap_or_default().to_owned(),
            });
        }
    }
    Ok(Success::of(found))
}

/// What the parameters `match[]`, `start` and `end` ask for.
struct Wanted {
    selectors: Vec<Vec<Matcher>>,
    from: Timestamp,
    to: Timestamp,
}

impl Wanted {
    fn of(params: &Params) -> Result<Wanted, ApiError> {
        let selectors = params.all("match[]").map(parse_selector).collect::<Result<_, _>>()?;
        let from = params.time("start")?.unwrap_or(Timestamp::MIN);
        let to = params.time("end")?.unwrap_or(Timestamp::MAX);
        if to < from {
            return Err(ApiError::bad_data(
                "invalid parameter \"end\": end timestamp must not be before start time",
            ));
        }
        Ok(Wanted { selectors, from, to })
    }

    /// The label sets that any of the selectors selects.
    fn series<'a>(&'a self, state: &AppState) -> impl Iterator<Item = Labels> + use<'a> {
        let all = state.engine.lake().series().find(&[], self.from..self.to);
        let is_selected = |labels: &Labels| {
            self.selectors.iter().any(|selector| selector.iter().all(|it| it.matches_labels(labels)))
        };
        all.into_iter().map(|entry| entry.labels.clone()).filter(is_selected)
    }
}

fn parse_selector(text: &str) -> Result<Vec<Matcher>, ApiError> {
    let bad = |why: String| ApiError::bad_data(format!("invalid parameter \"match[]\": {why}"));
    let query = query::promql::parse(text).map_err(|error| bad(error.to_string()))?;
    match query.selectors() {
        [selector] if is_bare_selector(text) => Ok(selector.clone()),
        _ => Err(bad(format!("{text:?} is not a series selector"))),
    }
}

/// A selector is a name and a pair of braces; an operator, a call or a range makes it a query.
fn is_bare_selector(text: &str) -> bool {
    let head = text.split('{').next().unwrap_or_default().trim();
    let tail = text.rsplit_once('}').map_or("", |(_, tail)| tail).trim();
    head.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | ':')) && tail.is_empty()
}

fn limit(state: &AppState, params: &Params) -> Result<usize, ApiError> {
    let series_max = state.config.series_rows_max;
    Ok(params.limit()?.unwrap_or(series_max).min(series_max))
}

fn cut<T>(mut found: impl Iterator<Item = T>, limit: usize) -> Success<Vec<T>> {
    let kept: Vec<T> = found.by_ref().take(limit).collect();
    let mut success = Success::of(kept);
    if found.next().is_some() {
        success.warnings.push("results truncated due to limit".into());
    }
    success
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_selectors_are_selectors() {
        for good in ["up", "{job=\"a\"}", "up{job=~\"a(b)|c\", x!=\"}\"}", " node:cpu "] {
            assert!(parse_selector(good).is_ok(), "{good}");
        }
        for bad in ["sum(up)", "up + 1", "up[5m]", "up offset 5m", "1", "up{", "{job=~\"(\"}"] {
            assert!(parse_selector(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_cut_answer_says_so() {
        assert!(cut([1, 2].into_iter(), 2).warnings.is_empty());
        assert_eq!(cut([1, 2, 3].into_iter(), 2).warnings, ["results truncated due to limit"]);
    }
}
