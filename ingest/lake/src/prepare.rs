//! From a receiver's batch to one that can be logged: time bounds, series numbers, columns.

mod histograms;

use std::time::Duration;

use telemetry::{Batch, KnownSample, LogRecord, LogRows, RejectReason, Rejection, SeriesRef, Timestamp};

use crate::buffer::samples::SampleRow;
use crate::columns;
use crate::config::LakeConfig;
use crate::error::LakeError;
use crate::schema::Table;
use crate::series::SeriesIndex;
use crate::series::limits::SeriesLimits;
use crate::wal::payload::PreparedBatch;

use histograms::{Rules, prepare_exemplars, prepare_histograms};

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
    /// By which name the registry knows each of `Batch::series`.
    pub series: Vec<Option<SeriesRef>>,
    pub refused: Vec<Rejection>,
    /// Those of `refused` that are log records, one by one.
    pub refused_logs: Vec<RefusedLog>,
}

/// A log record that the lake refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedLog {
    /// Its place in `Batch::logs`, or behind those in `Batch::log_rows`.
    pub index: usize,
    pub reason: RejectReason,
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
    let ledger = || Ledger { source: source.clone(), rejections: Vec::new() };
    let (mut ledger, mut parts_ledger) = (ledger(), ledger());
    let mut prepared =
        PreparedBatch { at: now, source, retry_key: options.retry_key, ..PreparedBatch::default() };

    let bounds = Bounds::new(now, config.retention.metrics, config.future_max);
    let limits = config.series_limits();
    let series = prepare_samples(&batch, bounds, &limits, index, &mut prepared, &mut ledger);
    let rules = Rules { bounds, limits: &limits, index };
    prepare_histograms(&batch.histograms, rules, &mut prepared, &mut ledger)?;
    prepare_exemplars(&batch.exemplars, rules, &mut prepared, &mut parts_ledger)?;

    let bounds = Bounds::new(now, config.retention.logs, config.future_max);
    let mut logs: LogRows = batch.logs.iter().collect();
    match logs.is_empty() {
        true => logs = batch.log_rows,
        false => logs.append(&batch.log_rows),
    }
    let mut refused_logs = Vec::new();
    for (index, ts) in logs.times().iter().enumerate() {
        if let Some(reason) = bounds.check(*ts) {
            ledger.add(reason, 1, || describe(&logs.record(index)));
            refused_logs.push(RefusedLog { index, reason });
        }
    }
    logs.retain(|row| refused_logs.binary_search_by_key(&row, |refused| refused.index).is_err());
    prepared.logs = logs;

    let mut set = |table: Table, rows| prepared.tables[table.index()] = Some(rows);
    if !batch.events.is_empty() {
        set(Table::Events, columns::event_rows(&batch.events)?);
    }
    if !batch.slices.is_empty() {
        set(Table::SloSlices, columns::slice_rows(&batch.slices)?);
    }
    let refused = ledger.rejections;
    let all_rejections: Vec<Rejection> =
        batch.rejections.into_iter().chain(refused.iter().cloned()).chain(parts_ledger.rejections).collect();
    if !all_rejections.is_empty() {
        set(Table::IngestRejections, columns::rejection_rows(&all_rejections, now)?);
    }
    Ok(Prepared { batch: prepared, series, refused, refused_logs })
}

/// Whether counting began anew at a time: nothing of the series is as late. Each point of a delta series
/// has a start of its own, so that only the first one counts.
fn begins_at(index: &SeriesIndex, slot: u32, start: Timestamp, delta: bool) -> bool {
    let last = index.cells().of(slot).last_ts();
    if delta { last == i64::MIN } else { last < start.micros() }
}

/// A log record by its time, service and first words.
fn describe(log: &LogRecord) -> String {
    const BODY_CHARS_MAX: usize = 80;
    let service = log.service.as_deref().unwrap_or("no service");
    let body: String = log.body.chars().take(BODY_CHARS_MAX).collect();
    format!("log record at {} of {service}: {body:?}", log.ts)
}

/// Returns by which name the registry knows each of the batch's series: `None` for those without an
/// accepted sample, those that a limit refuses, and delta series.
fn prepare_samples(
    batch: &Batch,
    bounds: Bounds,
    limits: &SeriesLimits,
    index: &SeriesIndex,
    prepared: &mut PreparedBatch,
    ledger: &mut Ledger,
) -> Vec<Option<SeriesRef>> {
    prepared.samples.reserve(batch.sample_count());
    for KnownSample { series, sample } in &batch.known {
        match bounds.check(sample.ts) {
            Some(reason) => ledger.add(reason, 1, || {
                format!("{} at {}", index.entries_of(&[series.get()])[0].labels, sample.ts)
            }),
            None => prepared.samples.push(SampleRow {
                slot: series.get(),
                ts: sample.ts.micros(),
                value: sample.value,
            }),
        }
    }
    let mut accepted = Vec::with_capacity(batch.series.len());
    for (at, series) in batch.series.iter().enumerate() {
        let mut refused = 0;
        for sample in &series.samples {
            if let Some(reason) = bounds.check(sample.ts) {
                refused += 1;
                ledger.add(reason, 1, || format!("{} at {}", series.labels, sample.ts));
            }
        }
        if refused < series.samples.len() {
            accepted.push((at, series));
        }
    }
    let mut names = vec![None; batch.series.len()];
    if accepted.is_empty() {
        return names;
    }
    let label_sets = accepted.iter().map(|(_, series)| (&series.labels, &series.meta));
    let resolved = index.resolve(label_sets, &prepared.source, limits);
    prepared.undefined = resolved.undefined;
    for ((at, series), slot) in accepted.into_iter().zip(resolved.slots) {
        let in_bounds = series.samples.iter().filter(|sample| bounds.check(sample.ts).is_none());
        let slot = match slot {
            Ok(slot) => slot,
            Err(limit) => {
                ledger.add(RejectReason::OverLimit(limit.into()), in_bounds.count() as u64, || {
                    index.explain(limit, &series.labels, &prepared.source, limits)
                });
                continue;
            }
        };
        let rows = if series.meta.delta { &mut prepared.deltas } else { &mut prepared.samples };
        if let (Some(start), Some(first)) = (series.start, in_bounds.clone().next())
            && start < first.ts
            && bounds.check(start).is_none()
            && begins_at(index, slot, start, series.meta.delta)
        {
            rows.push(SampleRow { slot, ts: start.micros(), value: 0.0 });
            prepared.starts.samples += 1;
        }
        rows.extend(in_bounds.map(|sample| SampleRow { slot, ts: sample.ts.micros(), value: sample.value }));
        names[at] = (!series.meta.delta).then(|| SeriesRef::new(slot));
    }
    names
}
