//! What series cost, and who is to blame.

use query::cardinality::{Explosion, LabelCost, MetricCost, SourceCost};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Cardinality {
    /// Series in the index, and its limits.
    pub series: u64,
    pub series_max: u64,
    pub series_per_metric_max: u64,
    pub series_per_source_max: u64,
    /// The most expensive first; not all of them.
    pub metrics: Vec<MetricCardinality>,
    pub labels: Vec<LabelCardinality>,
    pub sources: Vec<SourceCardinality>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MetricCardinality {
    pub metric: String,
    pub series: u64,
    /// Over the last minutes.
    pub samples_per_minute: f64,
    /// The label with the most values among the metric's series.
    #[schema(required)]
    pub widest_label: Option<WidestLabel>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct WidestLabel {
    pub label: String,
    pub values: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LabelCardinality {
    pub label: String,
    /// Distinct values.
    pub values: u64,
    /// Series that have the label.
    pub series: u64,
    /// Text of the values, counted for each series.
    pub value_bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SourceCardinality {
    /// Dialect and token.
    pub source: String,
    /// Series that it sent first.
    pub series: u64,
    /// Stored since the start of the server.
    pub samples: u64,
    /// Rows refused since the start of the server.
    pub rejected: u64,
}

impl MetricCardinality {
    pub fn of(cost: MetricCost, widest: Option<Explosion>) -> MetricCardinality {
        MetricCardinality {
            metric: cost.metric,
            series: cost.series,
            samples_per_minute: cost.samples_per_minute,
            widest_label: widest
                .map(|widest| WidestLabel { label: widest.label.to_string(), values: widest.values }),
        }
    }
}

impl From<LabelCost> for LabelCardinality {
    fn from(cost: LabelCost) -> LabelCardinality {
        let LabelCost { label, values, series, value_bytes } = cost;
        LabelCardinality { label, values, series, value_bytes }
    }
}

impl From<SourceCost> for SourceCardinality {
    fn from(cost: SourceCost) -> SourceCardinality {
        let SourceCost { source, series, samples, rejected } = cost;
        SourceCardinality { source, series, samples, rejected }
    }
}
