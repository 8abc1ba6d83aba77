//! `query_exemplars`: the exemplars of all series that an expression's selectors name.

use axum::extract::State;
use axum::response::Response;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use telemetry::{Exemplar, Labels, SeriesExemplars, Timestamp};

use super::answer::{ApiError, Success, answer};
use super::number::{format_secs, format_value};
use super::params::Params;
use crate::state::AppState;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeriesView {
    series_labels: Labels,
    exemplars: Vec<ExemplarView>,
}

#[derive(Serialize)]
struct ExemplarView {
    labels: Labels,
    value: String,
    #[serde(serialize_with = "seconds")]
    timestamp: Timestamp,
}

/// `/prometheus/api/v1/query_exemplars`
pub(crate) async fn query_exemplars(State(state): State<AppState>, params: Params) -> Response {
    answer(find(&state, &params).await)
}

async fn find(state: &AppState, params: &Params) -> Result<Success<Vec<SeriesView>>, ApiError> {
    let from = params.time("start")?.unwrap_or(Timestamp::MIN);
    let to = params.time("end")?.unwrap_or(Timestamp::MAX);
    if to < from {
        return Err(ApiError::bad_data("end timestamp must not be before start timestamp"));
    }
    let query = state.engine.parse_promql(params.expression()?).await?;
    let found = state.engine.exemplars(query.selectors(), from, to).await?;
    Ok(Success::of(found.into_iter().map(view).collect()))
}

fn view(SeriesExemplars { labels, exemplars, .. }: SeriesExemplars) -> SeriesView {
    let view = |Exemplar { ts, value, labels }: Exemplar| ExemplarView {
        labels,
        value: format_value(value),
        timestamp: ts,
    };
    SeriesView { series_labels: labels, exemplars: exemplars.into_iter().map(view).collect() }
}

/// `1435781451.781`, with as many digits as were sent.
fn seconds<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    let text = RawValue::from_string(format_secs(*at)).map_err(serde::ser::Error::custom)?;
    text.serialize(serializer)
}
