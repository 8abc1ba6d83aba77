//! The PromQL engine's view of the lake: matchers → series by the index → samples by a direct scan.
//!
//! No SQL is planned here: the scan is built from the same snapshot and pruning as everybody's, with
//! the predicates on metric, series and time handed to the files. Values keep their bits, stale
//! markers included; buffered rows and late corrections are merged like in SQL.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Float64Type, Int64Type, SchemaRef, TimestampMicrosecondType};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use lake::{Lake, SeriesEntry};
use promql::{Samples, Selector, SeriesData, SeriesSource, SourceError};

use crate::QueryError;
use crate::config::PromqlLimits;
use crate::pool::Pool;
use crate::provider::{ScanRequest, plan_scan};
use crate::scan_filter::ScanFilter;

#[derive(Clone)]
pub(crate) struct LakeSeriesSource {
    lake: Lake,
    context: SessionContext,
    pool: Arc<Pool>,
    samples_max: u64,
}

impl LakeSeriesSource {
    pub(crate) fn new(
        lake: Lake,
        context: SessionContext,
        pool: Arc<Pool>,
        limits: &PromqlLimits,
    ) -> LakeSeriesSource {
        LakeSeriesSource { lake, context, pool, samples_max: limits.samples_max }
    }

    async fn read(&self, selector: &Selector) -> Result<Vec<SeriesData>, QueryError> {
        self.lake.check_replayed()?;
        let entries = self.lake.series().find(&selector.matchers, selector.start..selector.end);
        if entries.is_empty() || selector.start >= selector.end {
            return Ok(Vec::new());
        }
        let snapshot = self.lake.snapshot_of_series(&entries).await?;
        let mut columns = Columns::new(&entries);
        let predicates = predicates(&snapshot.schema, &entries, selector)?;
        let wanted = ["series_id", "ts", "value"]
            .map(|name| snapshot.schema.index_of(name))
            .into_iter()
            .collect::<Result<Vec<_>, _>>()
            .map_err(DataFusionError::from)?;
        let request =
            ScanRequest { columns: &wanted, predicates: &predicates, limit: None, filter_rows: true };
        let task = self.context.task_ctx();
        let options = task.session_config().options().clone();
        let plan = plan_scan(&snapshot, &request, &options, &task.runtime_env())?;
        let mut rows = execute_stream(plan, task)?;
        let mut count = 0_u64;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            columns.take(&batch, selector)?;
            count += batch.num_rows() as u64;
            if count > self.samples_max {
                return Err(promql::PromqlError::TooManySamples { limit: self.samples_max }.into());
            }
        }
        Ok(columns.into_series(entries))
    }
}

#[async_trait]
impl SeriesSource for LakeSeriesSource {
    async fn select(&self, selector: &Selector) -> Result<Vec<SeriesData>, SourceError> {
        let (source, selector) = (self.clone(), selector.clone());
        let read = self.pool.run(async move { source.read(&selector).await });
        read.await.flatten().map_err(|error| Box::new(error) as SourceError)
    }
}

/// `start < ts <= end`, the series, and their metric when they share one. All key columns.
fn predicates(
    schema: &SchemaRef,
    entries: &[Arc<SeriesEntry>],
    selector: &Selector,
) -> Result<Vec<Arc<dyn PhysicalExpr>>, DataFusionError> {
    let mut filter = ScanFilter::new(schema)
        .time(Operator::Gt, selector.start)?
        .time(Operator::LtEq, selector.end)?
        .series(entries.iter().map(|entry| entry.id.get()))?;
    let metric = entries[0].labels.metric();
    if entries.iter().all(|entry| entry.labels.metric() == metric) {
        filter = filter.compare("metric", Operator::Eq, metric.into())?;
    }
    Ok(filter.predicates())
}

/// Samples of each wanted series as they come: sorted runs, in any order.
struct Columns {
    slots: HashMap<i64, usize>,
    samples: Vec<Vec<(i64, f64)>>,
}

impl Columns {
    fn new(entries: &[Arc<SeriesEntry>]) -> Columns {
        let slots = entries.iter().enumerate().map(|(slot, entry)| (entry.id.get(), slot)).collect();
        Columns { slots, samples: vec![Vec::new(); entries.len()] }
    }

    /// The scan leaves out what it can prove to be unwanted; the rest is left out here.
    fn take(&mut self, batch: &RecordBatch, selector: &Selector) -> Result<(), QueryError> {
        let wrong_type = || DataFusionError::Internal("metric_samples has columns of other types".to_owned());
        let ids = batch.column(0).as_primitive_opt::<Int64Type>().ok_or_else(wrong_type)?;
        let times = batch.column(1).as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(wrong_type)?;
        let values = batch.column(2).as_primitive_opt::<Float64Type>().ok_or_else(wrong_type)?;
        let (start, end) = (selector.start.micros(), selector.end.micros());
        let mut current: Option<(i64, Option<usize>)> = None;
        for row in 0..batch.num_rows() {
            let id = ids.value(row);
            let slot = match current {
                Some((same, slot)) if same == id => slot,
                _ => {
                    let slot = self.slots.get(&id).copied();
                    current = Some((id, slot));
                    slot
                }
            };
            let micros = times.value(row);
            if let Some(slot) = slot.filter(|_| micros > start && micros <= end) {
                self.samples[slot].push((micros.div_euclid(1_000), values.value(row)));
            }
        }
        Ok(())
    }

    fn into_series(self, entries: Vec<Arc<SeriesEntry>>) -> Vec<SeriesData> {
        let total = self.samples.iter().map(Vec::len).sum();
        let (mut times, mut values) = (Vec::with_capacity(total), Vec::with_capacity(total));
        let mut offsets = vec![0];
        for mut samples in self.samples {
            if !samples.is_sorted_by_key(|(time, _)| *time) {
                samples.sort_by_key(|(time, _)| *time);
            }
            samples.dedup_by_key(|(time, _)| *time);
            times.extend(samples.iter().map(|(time, _)| *time));
            values.extend(samples.iter().map(|(_, value)| *value));
            offsets.push(times.len());
        }
        let samples = Samples::split(times, values, &offsets);
        entries
            .into_iter()
            .zip(samples)
            .filter(|(_, samples)| !samples.is_empty())
            .map(|(entry, samples)| SeriesData { labels: entry.labels.clone(), samples })
            .collect()
    }
}

#[cfg(test)]
mod tests;
