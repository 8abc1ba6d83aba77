//! `slo_status` and `slo_history`: numbers that the `slo` crate computes, shown as tables.
//!
//! Both are exactly what the API and the CLI show; nothing is computed in SQL. They are empty until
//! an evaluator has published something.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::error::Result;
use parking_lot::RwLock;
use slo::SloStatus;

use super::in_memory::InMemoryTable;
use crate::SloHistorySource;
use crate::functions::timestamp_type;

/// What has been published; shared between the engine and the two tables.
#[derive(Default)]
pub(crate) struct SloTables {
    published: Arc<Published>,
}

#[derive(Default)]
struct Published {
    statuses: RwLock<Arc<Vec<SloStatus>>>,
    history: RwLock<Option<Arc<dyn SloHistorySource>>>,
}

impl SloTables {
    pub(crate) fn publish_status(&self, statuses: Vec<SloStatus>) {
        *self.published.statuses.write() = Arc::new(statuses);
    }

    pub(crate) fn publish_history(&self, source: Arc<dyn SloHistorySource>) {
        *self.published.history.write() = Some(source);
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

const STATUS_TEXTS: [&str; 4] = ["slo", "objective", "service", "window"];
const STATUS_NUMBERS: [&str; 8] =
    ["target", "good", "total", "sli", "error_budget_remaining", "burn_rate_1h", "burn_rate_6h", "coverage"];

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn number(name: &str) -> Field {
    Field::new(name, DataType::Float64, true)
}

fn status_schema() -> Schema {
    let mut fields: Vec<Field> = STATUS_TEXTS.map(text).into();
    fields.extend(STATUS_NUMBERS.map(number));
    fields.push(text("state"));
    fields.push(Field::new("as_of", timestamp_type(), true));
    Schema::new(fields)
}

fn status_rows(published: &Published, schema: &SchemaRef) -> Result<RecordBatch> {
    let statuses = published.statuses.read().clone();
    let mut texts: [StringBuilder; 5] = Default::default();
    let mut numbers: [Float64Builder; 8] = Default::default();
    let mut as_of = TimestampMicrosecondBuilder::new().with_data_type(timestamp_type());
    for row in statuses.iter() {
        let values = [&row.slo, &row.objective, &row.service, &row.window];
        for (column, value) in texts.iter_mut().zip(values) {
            column.append_value(value);
        }
        texts[4].append_value(row.state.name());
        let values = [
            Some(row.target),
            row.good,
            row.total,
            row.sli,
            row.error_budget_remaining,
            row.burn_rate_1h,
            row.burn_rate_6h,
            Some(row.coverage),
        ];
        for (column, value) in numbers.iter_mut().zip(values) {
            column.append_option(value);
        }
        as_of.append_option(row.as_of.map(|time| time.micros()));
    }
    let [slo, objective, service, window, mut state] = texts;
    let mut columns: Vec<ArrayRef> = Vec::new();
    for mut column in [slo, objective, service, window] {
        columns.push(Arc::new(column.finish()));
    }
    for mut column in numbers {
        columns.push(Arc::new(column.finish()));
    }
    columns.push(Arc::new(state.finish()));
    columns.push(Arc::new(as_of.finish()));
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
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
    ])
}

fn history_rows(published: &Published, schema: &SchemaRef) -> Result<RecordBatch> {
    let source = published.history.read().clone();
    let (mut slos, mut objectives) = (StringBuilder::new(), StringBuilder::new());
    let mut times = TimestampMicrosecondBuilder::new().with_data_type(timestamp_type());
    let mut numbers: [Float64Builder; 4] = Default::default();
    for objective in source.iter().flat_map(|source| source.slo_history()) {
        for point in &objective.points {
            slos.append_value(&objective.slo);
            objectives.append_value(&objective.objective);
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
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}
