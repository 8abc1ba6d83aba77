//! Which series, label names and label values there are: what editors complete from. Answered by the
//! index of series; no sample is read.

use std::ops::Range;

use axum::extract::{Path, State};
use axum::response::Response;
use query::promql;
use telemetry::{Labels, Matcher, Timestamp};

use super::answer::{ApiError, Success, answer, aside};
use super::params::Params;
use crate::state::AppState;

/// `/prometheus/api/v1/series`
pub(crate) async fn series(State(state): State<AppState>, params: Params) -> Response {
    answer(aside(move || find_series(&state, &params)).await)
}

fn find_series(state: &AppState, params: &Params) -> Result<Success<Vec<Labels>>, ApiError> {
    let wanted = Wanted::of(params)?;
    if wanted.selectors.is_empty() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    complete(state)?;
    let found = state.engine.series(&wanted.selectors, wanted.range);
    Ok(cut(found.into_iter(), limit(state, params)?))
}

/// `/prometheus/api/v1/labels`
pub(crate) async fn labels(State(state): State<AppState>, params: Params) -> Response {
    answer(aside(move || label_names(&state, &params)).await)
}

fn label_names(state: &AppState, params: &Params) -> Result<Success<Vec<String>>, ApiError> {
    let wanted = Wanted::of(params)?;
    complete(state)?;
    let found = state.engine.label_names(&wanted.selectors, wanted.range);
    Ok(cut(found.into_iter(), limit(state, params)?))
}

/// `/prometheus/api/v1/label/{name}/values`
pub(crate) async fn label_values(
    State(state): State<AppState>,
    Path(name): Path<String>,
    params: Params,
) -> Response {
    answer(aside(move || values_of(&state, &name, &params)).await)
}

fn values_of(state: &AppState, name: &str, params: &Params) -> Result<Success<Vec<String>>, ApiError> {
    let name = unescaped(name);
    if name.is_empty() {
        return Err(ApiError::bad_data("invalid label name: \"\""));
    }
    let wanted = Wanted::of(params)?;
    complete(state)?;
    let found = state.engine.label_values(&name, &wanted.selectors, wanted.range);
    Ok(cut(found.into_iter(), limit(state, params)?))
}

/// While the lake is replayed the index does not know every series.
pub(super) fn complete(state: &AppState) -> Result<(), ApiError> {
    Ok(state.engine.lake().check_replayed().map_err(query::QueryError::from)?)
}

/// A label name as it stands in a path: `U__` marks an escaped one, in which `__` is an underscore and
/// `_2e_` the character with that code point. What does not read as one is taken as it is.
fn unescaped(name: &str) -> String {
    let Some(mut rest) = name.strip_prefix("U__") else { return name.to_owned() };
    let mut plain = String::new();
    while let Some(at) = rest.find('_') {
        plain.push_str(&rest[..at]);
        let Some((code, after)) = rest[at + 1..].split_once('_') else { return name.to_owned() };
        let decoded = match code {
            "" => Some('_'),
            code => u32::from_str_radix(code, 16).ok().and_then(char::from_u32),
        };
        let Some(decoded) = decoded else { return name.to_owned() };
        plain.push(decoded);
        rest = after;
    }
    plain + rest
}

/// What the parameters `match[]`, `start` and `end` ask for.
struct Wanted {
    selectors: Vec<Vec<Matcher>>,
    range: Range<Timestamp>,
}

impl Wanted {
    fn of(params: &Params) -> Result<Wanted, ApiError> {
        let from = params.time("start")?.unwrap_or(Timestamp::MIN);
        let to = params.time("end")?.unwrap_or(Timestamp::MAX);
        // Nothing is in a range that ends before it begins.
        let to = to.max(from);
        Ok(Wanted { selectors: selectors(params)?, range: from..to })
    }
}

/// Regular expressions in all selectors of one request: a hostile one takes tens of milliseconds.
const PATTERNS_MAX: usize = 100;

/// The selectors in `match[]`.
pub(super) fn selectors(params: &Params) -> Result<Vec<Vec<Matcher>>, ApiError> {
    let patterns: usize = params.all("match[]").map(|text| text.matches('~').count()).sum();
    if patterns > PATTERNS_MAX {
        let fault = format!("{patterns} regular expressions, more than {PATTERNS_MAX}");
        return Err(ApiError::parameter("match[]", fault));
    }
    params.all("match[]").map(parse_selector).collect()
}

fn parse_selector(text: &str) -> Result<Vec<Matcher>, ApiError> {
    promql::parse_selector(text).map_err(|error| ApiError::parameter("match[]", error))
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
        for bad in ["sum(up)", "up + 1", "up[5m]", "up offset 5m", "(up)", "1", "up{", "{}", "{job=~\"(\"}"] {
            assert!(parse_selector(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn regular_expressions_are_counted_over_all_selectors() {
        let many = |count: usize| Params::of(&"match[]={a=~%22b%22}&".repeat(count));
        assert_eq!(selectors(&many(PATTERNS_MAX)).unwrap().len(), PATTERNS_MAX);
        let fault = selectors(&many(PATTERNS_MAX + 1)).unwrap_err();
        assert!(fault.message().contains("101 regular expressions, more than 100"), "{}", fault.message());
    }

    #[test]
    fn escaped_names_are_read() {
        for (escaped, plain) in [
            ("job", "job"),
            ("U__http_2e_status", "http.status"),
            ("U__a__b", "a_b"),
            ("U__caf_e9_", "café"),
            ("U__", ""),
            // No escapes after all.
            ("U__a_zz_", "U__a_zz_"),
            ("U__a_b", "U__a_b"),
            ("U__a_d800_", "U__a_d800_"),
        ] {
            assert_eq!(unescaped(escaped), plain, "{escaped}");
        }
    }

    #[test]
    fn a_cut_answer_says_so() {
        assert!(cut([1, 2].into_iter(), 2).warnings.is_empty());
        assert_eq!(cut([1, 2, 3].into_iter(), 2).warnings, ["results truncated due to limit"]);
    }
}
