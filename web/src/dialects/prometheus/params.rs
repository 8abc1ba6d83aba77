//! The parameters of a request: form body, then query string; a name may come several times
//! (`match[]`). The first value of a name counts where one is meant. Faults are told in Prometheus'
//! words.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use telemetry::Timestamp;

use super::answer::ApiError;
use super::times::{SpanError, parse_span, parse_time};
use crate::extract::read;
use crate::state::AppState;

/// More pairs than this are not a query.
const PAIRS_MAX: usize = 1_000;

#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl FromRequest<AppState> for Params {
    type Rejection = Response;

    async fn from_request(request: Request, state: &AppState) -> Result<Params, Response> {
        let in_path = pairs_of(request.uri().query().unwrap_or_default().as_bytes());
        let mut pairs = Vec::new();
        let is_form = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|text| text.starts_with("application/x-www-form-urlencoded"));
        if is_form {
            let body = read(request, state).await.map_err(IntoResponse::into_response)?;
            pairs = pairs_of(&body);
        }
        pairs.extend(in_path);
        if pairs.len() > PAIRS_MAX {
            return Err(ApiError::bad_data(format!("more than {PAIRS_MAX} parameters")).into_response());
        }
        Ok(Params(pairs))
    }
}

/// What Prometheus' parser says of an empty text.
pub(super) const NO_EXPRESSION: &str = "1:1: parse error: no expression found in input";

const NO_STEP: &str =
    "zero or negative query resolution step widths are not accepted. Try a positive integer";

fn no_time(text: &str) -> String {
    format!("cannot parse {text:?} to a valid timestamp")
}

fn no_span(text: &str, error: SpanError) -> String {
    let end = if error == SpanError::TooLong { ". It overflows int64" } else { "" };
    format!("cannot parse {text:?} to a valid duration{end}")
}

fn pairs_of(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).into_owned().take(PAIRS_MAX + 1).collect()
}

impl Params {
    #[cfg(test)]
    pub(super) fn of(query: &str) -> Params {
        Params(pairs_of(query.as_bytes()))
    }

    /// An empty value is as good as none, as in Prometheus.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next().filter(|value| !value.is_empty())
    }

    pub(super) fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The expression of a query.
    pub(super) fn expression(&self) -> Result<&str, ApiError> {
        self.get("query").ok_or_else(|| ApiError::parameter("query", NO_EXPRESSION))
    }

    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let time = parse_time(text);
        time.map(Some).ok_or_else(|| {
            let fault = format!("Invalid time value for '{name}': {}", no_time(text));
            ApiError::parameter(name, fault)
        })
    }

    pub(super) fn required_time(&self, name: &str) -> Result<Timestamp, ApiError> {
        let text = self.get(name).unwrap_or_default();
        parse_time(text).ok_or_else(|| ApiError::parameter(name, no_time(text)))
    }

    /// `Some(None)` is a span of no length or a negative one.
    pub(super) fn span(&self, name: &str) -> Result<Option<Option<Duration>>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let span = parse_span(text);
        span.map(Some).map_err(|error| ApiError::parameter(name, no_span(text, error)))
    }

    /// The step of a range query.
    pub(super) fn step(&self) -> Result<Duration, ApiError> {
        let text = self.get("step").unwrap_or_default();
        let step = parse_span(text).map_err(|error| ApiError::parameter("step", no_span(text, error)))?;
        step.ok_or_else(|| ApiError::parameter("step", NO_STEP))
    }

    /// How old a sample may be; without or with one of no length, the server's own counts.
    pub(super) fn lookback(&self) -> Result<Option<Duration>, ApiError> {
        let Some(text) = self.get("lookback_delta") else { return Ok(None) };
        parse_span(text).map_err(|error| {
            ApiError::bad_data(format!("error parsing lookback delta duration: {}", no_span(text, error)))
        })
    }

    /// How many items the answer may have; 0 and absent are no limit.
    pub(super) fn limit(&self) -> Result<Option<usize>, ApiError> {
        let Some(text) = self.get("limit") else { return Ok(None) };
        let limit: i64 = text.parse().map_err(|_| {
            ApiError::parameter("limit", format!("strconv.Atoi: parsing {text:?}: invalid syntax"))
        })?;
        match usize::try_from(limit) {
            Ok(limit) => Ok((limit > 0).then_some(limit)),
            Err(_) => Err(ApiError::parameter("limit", "limit must be non-negative")),
        }
    }

    /// How many of something; less than none and absent are no limit.
    pub(super) fn count(&self, name: &str) -> Result<usize, ApiError> {
        let Some(text) = self.get(name) else { return Ok(usize::MAX) };
        let count: i64 = text.parse().map_err(|_| ApiError::bad_data(format!("{name} must be a number")))?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// `true`, `1` and the like; absent is false.
    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.get(name) {
            None | Some("0" | "f" | "false") => Ok(false),
            Some("1" | "t" | "true") => Ok(true),
            Some(text) => {
                Err(ApiError::bad_data(format!("invalid parameter {name:?}: {text:?} is not true or false")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_as_prometheus_tells_them() {
        let of = |text: &str| Params::of(text);
        let faults = [
            (
                of("time=soon").time("time").map(drop),
                "\"time\": Invalid time value for 'time': cannot parse \"soon\" to a valid timestamp",
            ),
            (of("").required_time("end").map(drop), "\"end\": cannot parse \"\" to a valid timestamp"),
            (of("").step().map(drop), "\"step\": cannot parse \"\" to a valid duration"),
            (
                of("step=-5").step().map(drop),
                "\"step\": zero or negative query resolution step widths are not accepted. Try a positive integer",
            ),
            (
                of("step=0s").step().map(drop),
                "\"step\": zero or negative query resolution step widths are not accepted. Try a positive integer",
            ),
            (
                of("step=1e300").step().map(drop),
                "\"step\": cannot parse \"1e300\" to a valid duration. It overflows int64",
            ),
            (of("limit=x").limit().map(drop), "\"limit\": strconv.Atoi: parsing \"x\": invalid syntax"),
            (of("limit=-1").limit().map(drop), "\"limit\": limit must be non-negative"),
            (
                of("query=").expression().map(drop),
                "\"query\": 1:1: parse error: no expression found in input",
            ),
        ];
        for (outcome, says) in faults {
            assert_eq!(outcome.unwrap_err().message(), format!("invalid parameter {says}"));
        }
        assert_eq!(of("limit=x").count("limit").unwrap_err().message(), "limit must be a number");
    }

    #[test]
    fn what_is_not_said_or_says_nothing_is_the_default() {
        let params =
            Params::of("step=15&limit=0&limit_per_metric=-1&lookback_delta=-5&timeout=0&match[]=a&match[]=b");
        assert_eq!(params.step().unwrap(), Duration::from_secs(15));
        assert_eq!(params.limit().unwrap(), None);
        assert_eq!(params.count("limit_per_metric").unwrap(), usize::MAX);
        assert_eq!(params.lookback().unwrap(), None);
        assert_eq!(params.span("timeout").unwrap(), Some(None));
        assert_eq!(params.span("nothing").unwrap(), None);
        assert_eq!(params.all("match[]").collect::<Vec<_>>(), ["a", "b"]);
    }
}
