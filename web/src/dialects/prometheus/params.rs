//! The parameters of a request: query string and, for POST, form body; a name may come several
//! times (`match[]`). The first value of a name counts where one is meant.

use std::time::Duration;

use axum::RequestExt;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use telemetry::Timestamp;

use super::answer::ApiError;
use super::times::{parse_span, parse_time};
use crate::error::WebError;
use crate::state::AppState;

/// More pairs than this are not a query.
const PAIRS_MAX: usize = 1_000;

#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl FromRequest<AppState> for Params {
    type Rejection = Response;

    async fn from_request(request: Request, state: &AppState) -> Result<Params, Response> {
        let mut pairs = pairs_of(request.uri().query().unwrap_or_default().as_bytes());
        let is_form = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|text| text.starts_with("application/x-www-form-urlencoded"));
        if is_form {
            let bytes_max = state.config.api_body_bytes_max;
            let body = request.extract::<Bytes, _>().await;
            let body = body.map_err(|_| WebError::TooLarge { bytes_max }.into_response())?;
            pairs.extend(pairs_of(&body));
        }
        if pairs.len() > PAIRS_MAX {
            return Err(ApiError::bad_data(format!("more than {PAIRS_MAX} parameters")).into_response());
        }
        Ok(Params(pairs))
    }
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

    pub(super) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name)
            .ok_or_else(|| ApiError::bad_data(format!("invalid parameter \"{name}\": it is missing")))
    }

    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let time = parse_time(text);
        time.map(Some).ok_or_else(|| {
            ApiError::bad_data(format!(
                "invalid parameter \"{name}\": cannot parse {text:?} to a valid timestamp"
            ))
        })
    }

    pub(super) fn required_time(&self, name: &str) -> Result<Timestamp, ApiError> {
        self.required(name)?;
        let time = self.time(name)?;
        time.ok_or_else(|| ApiError::bad_data(format!("invalid parameter \"{name}\": it is missing")))
    }

    pub(super) fn duration(&self, name: &str) -> Result<Option<Duration>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let span = parse_span(text);
        span.map(Some).ok_or_else(|| {
            ApiError::bad_data(format!(
                "invalid parameter \"{name}\": cannot parse {text:?} to a valid duration"
            ))
        })
    }

    /// The step of a range query; zero and negative ones are refused here, with Prometheus' words.
    pub(super) fn step(&self) -> Result<Duration, ApiError> {
        let text = self.required("step")?;
        let is_negative = text.trim_start().starts_with('-');
        let step = self.duration("step").or_else(|error| if is_negative { Ok(None) } else { Err(error) })?;
        step.filter(|step| !step.is_zero()).ok_or_else(|| {
            ApiError::bad_data(
                "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. \
                 Try a positive integer",
            )
        })
    }

    /// How many series the answer may have; 0 and absent are no limit.
    pub(super) fn limit(&self) -> Result<Option<usize>, ApiError> {
        self.count("limit")
    }

    /// How many of something; 0 and absent are no limit.
    pub(super) fn count(&self, name: &str) -> Result<Option<usize>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let count: usize = text.parse().map_err(|_| {
            ApiError::bad_data(format!("invalid parameter {name:?}: {text:?} is not a number"))
        })?;
        Ok((count > 0).then_some(count))
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
    fn faults_name_the_parameter() {
        let params = Params::of("time=soon&step=-5&limit=many&empty=&match[]=a&match[]=b");
        assert_eq!(
            params.time("time").unwrap_err().message(),
            "invalid parameter \"time\": cannot parse \"soon\" to a valid timestamp"
        );
        assert!(params.step().unwrap_err().message().contains("zero or negative"));
        assert!(Params::of("step=0").step().unwrap_err().message().contains("zero or negative"));
        assert!(params.limit().unwrap_err().message().contains("\"many\" is not a number"));
        assert_eq!(
            params.required("empty").unwrap_err().message(),
            "invalid parameter \"empty\": it is missing"
        );
        assert_eq!(params.all("match[]").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(Params::of("step=15").step().unwrap(), Duration::from_secs(15));
    }
}
