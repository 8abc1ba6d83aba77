//! Where series come from and what they cost.

use axum::Json;
use axum::extract::State;
use query::cardinality::MetricCost;

use crate::dto::cardinality::{Cardinality, LabelCardinality, MetricCardinality, SourceCardinality};
use crate::state::AppState;

/// Entries of each list: more is for SQL (`series_cost`, `label_cost`, `source_cost`).
const ENTRIES_MAX: usize = 50;

/// Metrics with the most series, labels with the most values, sources with the most series.
#[utoipa::path(
    get,
    path = "/api/cardinality",
    operation_id = "cardinality",
    tag = "observe",
    responses((status = 200, body = Cardinality))
)]
pub(crate) async fn get(State(state): State<AppState>) -> Json<Cardinality> {
    let lake = state.engine.lake();
    let index = lake.series();
    let limits = lake.series_limits();
    let metric = |cost: MetricCost| {
        let widest = index.explosion_of(&cost.metric);
        MetricCardinality::of(cost, widest)
    };
    Json(Cardinality {
        series: index.len() as u64,
        series_max: limits.all,
        series_per_metric_max: limits.per_metric,
        series_per_source_max: limits.per_source,
        metrics: index.metric_costs().into_iter().take(ENTRIES_MAX).map(metric).collect(),
        labels: index.label_costs().into_iter().take(ENTRIES_MAX).map(LabelCardinality::from).collect(),
        sources: lake.source_costs().into_iter().take(ENTRIES_MAX).map(SourceCardinality::from).collect(),
    })
}
