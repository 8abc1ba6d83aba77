//! `series_cost`, `label_cost`, `source_cost`: what series cost and who sends them, as the index in
//! memory knows it.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::TableProvider;
use lake::Lake;

use super::in_memory::InMemoryTable;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CostOf {
    Metrics,
    Labels,
    Sources,
}

impl CostOf {
    pub(super) const ALL: [CostOf; 3] = [CostOf::Metrics, CostOf::Labels, CostOf::Sources];

    pub(super) fn name(self) -> &'static str {
        match self {
            CostOf::Metrics => "series_cost",
            CostOf::Labels => "label_cost",
            CostOf::Sources => "source_cost",
        }
    }

    pub(super) fn table(self, lake: Lake) -> Arc<dyn TableProvider> {
        InMemoryTable::provider(Schema::new(self.fields()), move |schema| {
            Ok(RecordBatch::try_new(schema.clone(), self.columns(&lake))?)
        })
    }

    fn fields(self) -> Vec<Field> {
        let text = |name: &str| Field::new(name, DataType::Utf8, false);
        let count = |name: &str| Field::new(name, DataType::Int64, false);
        match self {
            CostOf::Metrics => vec![
                text("metric"),
                count("series"),
                Field::new("samples_per_minute", DataType::Float64, false),
            ],
            CostOf::Labels => {
                vec![text("label"), count("value_count"), count("series"), count("value_bytes")]
            }
            CostOf::Sources => vec![text("source"), count("series"), count("samples"), count("rejected")],
        }
    }

    fn columns(self, lake: &Lake) -> Vec<ArrayRef> {
        match self {
            CostOf::Metrics => {
                let costs = lake.series().metric_costs();
                let rates = costs.iter().map(|cost| cost.samples_per_minute);
                vec![
                    texts(costs.iter().map(|cost| cost.metric.as_str())),
                    counts(costs.iter().map(|cost| cost.series)),
                    Arc::new(Float64Array::from_iter_values(rates)),
                ]
            }
            CostOf::Labels => {
                let costs = lake.series().label_costs();
                vec![
                    texts(costs.iter().map(|cost| cost.label.as_str())),
                    counts(costs.iter().map(|cost| cost.values)),
                    counts(costs.iter().map(|cost| cost.series)),
                    counts(costs.iter().map(|cost| cost.value_bytes)),
                ]
            }
            CostOf::Sources => {
                let costs = lake.source_costs();
                vec![
                    texts(costs.iter().map(|cost| cost.source.as_str())),
                    counts(costs.iter().map(|cost| cost.series)),
                    counts(costs.iter().map(|cost| cost.samples)),
                    counts(costs.iter().map(|cost| cost.rejected)),
                ]
            }
        }
    }
}

fn texts<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn counts(values: impl Iterator<Item = u64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values.map(|count| i64::try_from(count).unwrap_or(i64::MAX))))
}
