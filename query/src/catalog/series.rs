//! `lake.series`: every series once, as the index in memory knows it. What `metrics` joins with.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::error::{DataFusionError, Result};
use lake::Lake;
use telemetry::{METRIC_NAME, Timestamp, environment_of, service_of};

use super::in_memory::InMemoryTable;
use crate::QueryError;
use crate::functions::{map_builder, map_type, timestamp_type};

pub(super) fn table(lake: Lake) -> Arc<dyn TableProvider> {
    InMemoryTable::provider(schema(), move |schema| rows(&lake, schema))
}

fn schema() -> Schema {
    Schema::new(vec![
        Field::new("series_id", DataType::Int64, false),
        Field::new("metric", DataType::Utf8, false),
        Field::new("labels", map_type(), false),
        Field::new("service", DataType::Utf8, true),
        Field::new("env", DataType::Utf8, true),
        Field::new("type", DataType::Utf8, false),
        Field::new("unit", DataType::Utf8, true),
        Field::new("first_ts", timestamp_type(), true),
        Field::new("last_ts", timestamp_type(), true),
    ])
}

fn rows(lake: &Lake, schema: &SchemaRef) -> Result<RecordBatch> {
    lake.check_replayed().map_err(|error| DataFusionError::External(Box::new(QueryError::Lake(error))))?;
    let entries = lake.series().find(&[], Timestamp::MIN..Timestamp::MAX);
    let mut ids = Int64Builder::with_capacity(entries.len());
    let mut metrics = StringBuilder::new();
    let mut labels = map_builder();
    let (mut services, mut environments) = (StringBuilder::new(), StringBuilder::new());
    let (mut types, mut units) = (StringBuilder::new(), StringBuilder::new());
    let time_builder = || TimestampMicrosecondBuilder::new().with_data_type(timestamp_type());
    let (mut first, mut last) = (time_builder(), time_builder());
    for entry in &entries {
        ids.append_value(entry.id.get());
        metrics.append_value(entry.labels.metric());
        for (name, value) in entry.labels.iter().filter(|(name, _)| *name != METRIC_NAME) {
            labels.keys().append_value(name);
            labels.values().append_value(value);
        }
        labels.append(true)?;
        services.append_option(service_of(&entry.labels));
        environments.append_option(environment_of(&entry.labels));
        types.append_value(entry.meta.metric_type.as_str());
        units.append_option(entry.meta.unit.as_deref());
        first.append_option(Some(entry.first_ts().micros()).filter(|micros| *micros != i64::MAX));
        last.append_option(Some(entry.last_ts().micros()).filter(|micros| *micros != i64::MIN));
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(ids.finish()),
        Arc::new(metrics.finish()),
        Arc::new(labels.finish()),
        Arc::new(services.finish()),
        Arc::new(environments.finish()),
        Arc::new(types.finish()),
        Arc::new(units.finish()),
        Arc::new(first.finish()),
        Arc::new(last.finish()),
    ];
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}
