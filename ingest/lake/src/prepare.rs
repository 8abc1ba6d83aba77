//! From a receiver's batch to one that can be logged: time bounds, series numbers, columns.

use std::time::Duration;

use telemetry::{Batch, RejectReason, Rejection, Timestamp};

use crate::buffer::samples::SampleRow;
use crate::columns;
use crate::config::LakeConfig;
use crate::error::LakeError;
use crate::schema::Table;
use crate::series::SeriesIndex;
use crate::wal::payload::{PreparedBatch, PreparedSeries};

/// What the sender's edge knows about a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppendOptions {
    /// The dialect and the token's name; appears in `ingest_rejections.source`.
    pub source: Option<String>,
    /// A hash of the request: a batch with a key that was stored within `retry_window` is answered as
    /// stored and not stored again. For rows without identity (logs).
    pub retry_key: Option<u128>,
}

/// A batch that is ready for the log, and what was refused of it by name.
pub struct Prepared {
    pub batch: PreparedBatch,
    pub refused: Vec<Rejection>,
}

/// The times that are accepted.
#[derive(Clone, Copy)]
struct Bounds {
    oldest: Timestamp,
    newest: Timestamp,
}

impl Bounds {
    fn new(now: Timestamp, retention: Option<Duration>, future_max: Duration) -> Bounds {
        let oldest = retention.map_or(Timestamp::EPOCH, |kept| now.minus(kept).max(Timestamp::EPOCH));
        Bounds { oldest, newest: now.plus(future_max) }
    }

    fn check(self, ts: Timestamp) -> Option<RejectReason> {
        if ts < self.oldest {
            Some(RejectReason::TooOld)
        } else if ts > self.newest {
            Some(RejectReason::TooFarAhead)
        } else {
            None
        }
    }
}

/// Refused rows by reason: one ledger row each, with the first row as the sample.
struct Ledger {
    source: String,
    rejections: Vec<Rejection>,
}

impl Ledger {
    fn add(&mut self, reason: RejectReason, count: u64, sample: impl FnOnce() -> String) {
        match self.rejections.iter_mut().find(|rejection| rejection.reason == reason) {
            Some(rejection) => rejection.count += count,
            None => {
                let source = self.source.clone();
                self.rejections.push(Rejection { source, reason, count, sample: sample() });
            }
        }
    }
}

pub fn prepare(
    batch: Batch,
    options: &AppendOptions,
    now: Timestamp,
    config: &LakeConfig,
    index: &SeriesIndex,
) -> Result<Prepared, LakeError> {
    let source = options.source.clone().unwrap_or_else(|| "lake".to_owned());
    let mut ledger = Ledger { source: source.clone(), rejections: Vec::new() };
    let mut prepared =
        PreparedBatch { at: now, source, retry_key: options.retry_key, ..PreparedBatch::default() };

    let bounds = Bounds::new(now, config.retention.metrics, config.future_max);
    prepare_samples(&batch, bounds, config.series_max, index, &mut prepared, &mut ledger);

    let bounds = Bounds::new(now, config.retention.logs, config.future_max);
    let mut logs = batch.logs;
    logs.retain(|log| match bounds.check(log.ts) {
        Some(reason) => {
            ledger.add(reason, 1, || format!("log record at {}", log.ts));
            false
        }
        None => true,
    });

    let mut set = |table: Table, rows| prepared.tables[table.index()] = Some(rows);
    if !logs.is_empty() {
        set(Table::Logs, columns::log_rows(&logs)?);
    }
    if !batch.events.is_empty() {
        set(Table::Events, columns::event_rows(&batch.events)?);
    }
    if !batch.slices.is_empty() {
        set(Table::SloSlices, columns::slice_rows(&batch.slices)?);
    }
    let refused = ledger.rejections;
    let all_rejections: Vec<Rejection> =
        batch.rejections.into_iter().chain(refused.iter().cloned()).collect();
    if !all_rejections.is_empty() {
        set(Table::IngestRejections, columns::rejection_rows(&all_rejections, now)?);
    }
    Ok(Prepared { batch: prepared, refused })
}

fn prepare_samples(
    batch: &Batch,
    bounds: Bounds,
    series_max: u64,
    index: &SeriesIndex,
    prepared: &mut PreparedBatch,
    ledger: &mut Ledger,
) {
    prepared.rows.reserve(batch.sample_count());
    let mut accepted = Vec::with_capacity(batch.series.len());
    for series in &batch.series {
        let first = prepared.rows.len();
        for sample in &series.samples {
            match bounds.check(sample.ts) {
                Some(reason) => ledger.add(reason, 1, || format!("{} at {}", series.labels, sample.ts)),
                // The slot is filled in below, once the series has its number.
                None => {
                    prepared.rows.push(SampleRow { slot: 0, ts: sample.ts.micros(), value: sample.value })
                }
            }
        }
        if prepared.rows.len() > first {
            accepted.push((series, first..prepared.rows.len()));
        }
    }
    let entries =
        index.resolve(accepted.iter().map(|(series, _)| (&series.labels, &series.meta)), series_max);
    for ((series, rows), entry) in accepted.into_iter().zip(entries) {
        let Some(entry) = entry else {
            let count = rows.len() as u64;
            ledger.add(RejectReason::OverLimit, count, || {
                format!("{}: the lake holds {series_max} series and takes no new ones", series.labels)
            });
            continue;
        };
        for row in &mut prepared.rows[rows.clone()] {
            row.slot = entry.slot;
        }
        prepared.series.push(PreparedSeries { entry, rows, delta: series.meta.delta });
    }
}
