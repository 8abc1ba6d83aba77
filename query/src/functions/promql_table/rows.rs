//! Samples with their labels as record batches.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Builder, MapBuilder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use telemetry::{Labels, METRIC_NAME, Timestamp};

use crate::functions::{map_builder, timestamp_type};

const BATCH_ROWS: usize = 8_192;

/// Builds batches of at most [`BATCH_ROWS`] rows.
pub(super) struct Rows {
    schema: SchemaRef,
    times: TimestampMicrosecondBuilder,
    values: Float64Builder,
    labels: MapBuilder<StringBuilder, StringBuilder>,
    metrics: StringBuilder,
    count: usize,
    batches: Vec<RecordBatch>,
}

impl Rows {
    pub(super) fn new(schema: SchemaRef) -> Rows {
        Rows {
            schema,
            times: TimestampMicrosecondBuilder::new().with_data_type(timestamp_type()),
            values: Float64Builder::new(),
            labels: map_builder(),
            metrics: StringBuilder::new(),
            count: 0,
            batches: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, labels: &Labels, time: Timestamp, value: f64) -> Result<()> {
        self.times.append_value(time.micros());
        self.values.append_value(value);
        for (name, value) in labels.iter().filter(|(name, _)| *name != METRIC_NAME) {
            self.labels.keys().append_value(name);
            self.labels.values().append_value(value);
        }
        self.labels.append(true)?;
        self.metrics.append_option(Some(labels.metric()).filter(|name| !name.is_empty()));
        self.count += 1;
        if self.count == BATCH_ROWS { self.end_batch() } else { Ok(()) }
    }

    fn end_batch(&mut self) -> Result<()> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.times.finish()),
            Arc::new(self.values.finish()),
            Arc::new(self.labels.finish()),
            Arc::new(self.metrics.finish()),
        ];
        self.count = 0;
        self.batches.push(RecordBatch::try_new(self.schema.clone(), columns)?);
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Vec<RecordBatch>> {
        if self.count > 0 {
            self.end_batch()?;
        }
        Ok(self.batches)
    }
}
