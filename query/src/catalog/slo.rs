//! `slo_status` and `slo_history`: numbers that the `slo` crate computes, shown as tables.
//!
//! Both are exactly what the API and the CLI show; nothing is computed in SQL. They are empty until
//! an evaluator has published something.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Array, Float64Builder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray, TimestampMicrosecondBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::error::Result;
use parking_lot::RwLock;
use slo::SloStatus;
use slo::budget::NoData;
use telemetry::Timestamp;

use super::in_memory::InMemoryTable;
use crate::SloHistorySource;
use crate::functions::timestamp_type;
use crate::sli::SloReportSource;

/// What has been published; shared between the engine and the two tables.
#[derive(Clone, Default)]
pub(crate) struct SloTables {
    published: Arc<Published>,
}

#[derive(Default)]
struct Published {
    statuses: RwLock<Arc<Vec<SloStatus>>>,
    history: RwLock<Option<Arc<dyn SloHistorySource>>>,
    reports: RwLock<Option<Arc<dyn SloReportSource>>>,
}

impl SloTables {
    pub(crate) fn publish_status(&self, statuses: Vec<SloStatus>) {
        *self.published.statuses.write() = Arc::new(statuses);
    }

    pub(crate) fn publish_history(&self, source: Arc<dyn SloHistorySource>) {
        *self.published.history.write() = Some(source);
    }

    pub(crate) fn publish_reports(&self, source: Arc<dyn SloReportSource>) {
        *self.published.reports.write() = Some(source);
    }

    /// Who makes reports, once there is somebody.
    pub(crate) fn reports(&self) -> Option<Arc<dyn SloReportSource>> {
        self.published.reports.read().clone()
    }

    pub(super) fn status_table(&self) -> Arc<dyn TableProvider> {
        let published = self.published.clone();
        InMemoryTable::provider(status_schema(), move |schema| status_rows(&published, schema))
    }

    pub(super) fn history_table(&self) -> Arc<dyn TableProvider> {
        let published = self.published.clone();
        InMemoryTable::provider(history_schema(), move |schema| history_rows(&published, schema))
    }
}

/// A column of `slo_status`: how to read it from a row.
enum Cell {
    Text(fn(&SloStatus) -> &str),
    Word(fn(&SloStatus) -> Option<&'static str>),
    Number(fn(&SloStatus) -> Option<f64>),
    Time(fn(&SloStatus) -> Option<Timestamp>),
}

/// In the order of the view; what came later stands at the end.
const STATUS: [(&str, Cell); 28] = [
    ("slo", Cell::Text(|row| &row.slo)),
    ("objective", Cell::Text(|row| &row.objective)),
    ("service", Cell::Text(|row| &row.service)),
    ("window", Cell::Text(|row| &row.window)),
    ("target", Cell::Number(|row| Some(row.target))),
    ("good", Cell::Number(|row| row.good)),
    ("total", Cell::Number(|row| row.total)),
    ("sli", Cell::Number(|row| row.sli)),
    ("error_budget_remaining", Cell::Number(|row| row.error_budget_remaining)),
    ("burn_rate_1h", Cell::Number(|row| row.burn_rate_1h)),
    ("burn_rate_6h", Cell::Number(|row| row.burn_rate_6h)),
    ("coverage", Cell::Number(|row| Some(row.coverage))),
    ("state", Cell::Text(|row| row.state.name())),
    ("as_of", Cell::Time(|row| row.as_of)),
    ("group_key", Cell::Text(|row| &row.group)),
    ("method", Cell::Text(|row| row.method)),
    ("bad", Cell::Number(|row| row.bad)),
    ("allowed_bad", Cell::Number(|row| row.allowed_bad)),
    ("consumed", Cell::Number(|row| row.consumed)),
    ("error_budget_remaining_units", Cell::Number(|row| row.error_budget_remaining_units)),
    ("error_budget_remaining_secs", Cell::Number(|row| row.error_budget_remaining_secs)),
    ("error_budget_remaining_to_date", Cell::Number(|row| row.error_budget_remaining_to_date)),
    ("exhausted_at", Cell::Time(|row| row.exhausted_at)),
    ("exhausted_in_pace_secs", Cell::Number(|row| seconds(row.exhausted_in_pace_secs))),
    ("exhausted_in_fixed_window_secs", Cell::Number(|row| seconds(row.exhausted_in_fixed_window_secs))),
    ("exhausted_in_rolling_secs", Cell::Number(|row| seconds(row.exhausted_in_rolling_secs))),
    ("clamped_slices", Cell::Number(|row| Some(row.clamped_slices as f64))),
    ("no_data", Cell::Word(|row| row.no_data.map(NoData::name))),
];

fn seconds(secs: Option<u64>) -> Option<f64> {
    secs.map(|secs| secs as f64)
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn number(name: &str) -> Field {
    Field::new(name, DataType::Float64, true)
}

fn status_schema() -> Schema {
    let field = |(name, cell): &(&str, Cell)| match cell {
        Cell::Text(_) | Cell::Word(_) => text(name),
        Cell::Number(_) => number(name),
        Cell::Time(_) => Field::new(*name, timestamp_type(), true),
    };
    Schema::new(STATUS.iter().map(field).collect::<Vec<_>>())
}

fn status_rows(published: &Published, schema: &SchemaRef) -> Result<RecordBatch> {
    let statuses = published.statuses.read().clone();
    let column = |(_, cell): &(&str, Cell)| -> ArrayRef {
        match cell {
            Cell::Text(read) => Arc::new(StringArray::from_iter_values(statuses.iter().map(read))),
            Cell::Word(read) => Arc::new(statuses.iter().map(read).collect::<StringArray>()),
            Cell::Number(read) => Arc::new(statuses.iter().map(read).collect::<Float64Array>()),
            Cell::Time(read) => {
                let micros = statuses.iter().map(|row| read(row).map(|time| time.micros()));
                Arc::new(micros.collect::<TimestampMicrosecondArray>().with_data_type(timestamp_type()))
            }
        }
    };
    Ok(RecordBatch::try_new(schema.clone(), STATUS.iter().map(column).collect())?)
}

fn history_schema() -> Schema {
    Schema::new(vec![
        text("slo"),
        text("objective"),
        Field::new("at", timestamp_type(), true),
        number("good"),
        number("total"),
        number("sli"),
        number("error_budget_remaining"),
        text("group_key"),
    ])
}

fn history_rows(published: &Published, schema: &SchemaRef) -> Result<RecordBatch> {
    let source = published.history.read().clone();
    let [mut slos, mut objectives, mut groups]: [StringBuilder; 3] = Default::default();
    let mut times = TimestampMicrosecondBuilder::new().with_data_type(timestamp_type());
    let mut numbers: [Float64Builder; 4] = Default::default();
    for objective in source.iter().flat_map(|source| source.slo_history()) {
        for point in &objective.points {
            slos.append_value(&objective.slo);
            objectives.append_value(&objective.objective);
            groups.append_value(&objective.group);
            times.append_value(point.at.micros());
            let values = [point.good, point.total, point.sli, point.error_budget_remaining];
            for (column, value) in numbers.iter_mut().zip(values) {
                column.append_option(value);
            }
        }
    }
    let mut columns: Vec<ArrayRef> =
        vec![Arc::new(slos.finish()), Arc::new(objectives.finish()), Arc::new(times.finish())];
    for mut column in numbers {
        columns.push(Arc::new(column.finish()));
    }
    columns.push(Arc::new(groups.finish()));
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}
