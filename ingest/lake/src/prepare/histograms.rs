//! Native histograms and exemplars of a batch: time bounds, series numbers, columns.
//!
//! A refused histogram is a refused row like any other. An exemplar hangs on a row that is fine without
//! it: one that is refused is in the ledger, and the sender is not told to look for a fault.

use telemetry::{
    Exemplar, HistogramSample, Labels, RejectReason, SeriesExemplars, SeriesHistograms, Timestamp,
};

use super::{Bounds, Ledger, begins_at};
use crate::columns;
use crate::error::LakeError;
use crate::schema::Table;
use crate::series::SeriesIndex;
use crate::series::limits::SeriesLimits;
use crate::wal::payload::PreparedBatch;

/// What every row is checked against.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    pub bounds: Bounds,
    pub limits: &'a SeriesLimits,
    pub index: &'a SeriesIndex,
}

pub(super) fn prepare_histograms(
    batch: &[SeriesHistograms],
    rules: Rules<'_>,
    prepared: &mut PreparedBatch,
    ledger: &mut Ledger,
) -> Result<(), LakeError> {
    let mut accepted: Vec<(&SeriesHistograms, Vec<&HistogramSample>)> = Vec::with_capacity(batch.len());
    for series in batch {
        let mut kept = Vec::with_capacity(series.histograms.len());
        for histogram in &series.histograms {
            let reason = rules.bounds.check(histogram.ts);
            // Custom bounds that differ from point to point do not add up.
            let is_custom_delta = series.meta.delta && histogram.has_custom_buckets();
            match reason.or(is_custom_delta.then_some(RejectReason::Unsupported)) {
                Some(reason) => ledger.add(reason, 1, || {
                    let kind =
                        if is_custom_delta { "delta histogram with custom buckets" } else { "histogram" };
                    format!("{kind} {} at {}", series.labels, histogram.ts)
                }),
                None => kept.push(histogram),
            }
        }
        if !kept.is_empty() {
            accepted.push((series, kept));
        }
    }
    if accepted.is_empty() {
        return Ok(());
    }
    let label_sets = accepted.iter().map(|(series, _)| (&series.labels, &series.meta));
    let resolved = rules.index.resolve(label_sets, &prepared.source, rules.limits);
    prepared.undefined.extend(resolved.undefined);

    let mut zeros: Vec<Option<HistogramSample>> = Vec::with_capacity(accepted.len());
    for ((series, kept), slot) in accepted.iter().zip(&resolved.slots) {
        let start = series.start.filter(|start| *start < kept[0].ts);
        let start = start.filter(|start| rules.bounds.check(*start).is_none());
        let is_new = |start: &Timestamp| {
            slot.as_ref().is_ok_and(|slot| begins_at(rules.index, *slot, *start, series.meta.delta))
        };
        zeros.push(start.filter(is_new).map(|start| kept[0].zero_at(start)));
    }
    let (mut rows, mut deltas) = (Vec::new(), Vec::new());
    for (((series, kept), slot), zero) in accepted.iter().zip(resolved.slots).zip(&zeros) {
        match slot {
            Ok(slot) => {
                let id = rules.index.cells().of(slot).id();
                let rows = if series.meta.delta { &mut deltas } else { &mut rows };
                rows.extend(zero.iter().chain(kept.iter().copied()).map(|histogram| (id, histogram)));
            }
            Err(limit) => ledger.add(RejectReason::OverLimit(limit.into()), kept.len() as u64, || {
                rules.index.explain(limit, &series.labels, &prepared.source, rules.limits)
            }),
        }
    }
    if !rows.is_empty() {
        prepared.tables[Table::MetricHistograms.index()] = Some(columns::histogram_rows(&rows)?);
    }
    if !deltas.is_empty() {
        prepared.delta_histograms = Some(columns::histogram_rows(&deltas)?);
    }
    prepared.starts.histograms = zeros.iter().flatten().count() as u64;
    Ok(())
}

pub(super) fn prepare_exemplars(
    batch: &[SeriesExemplars],
    rules: Rules<'_>,
    prepared: &mut PreparedBatch,
    ledger: &mut Ledger,
) -> Result<(), LakeError> {
    let mut accepted: Vec<(&SeriesExemplars, Vec<&Exemplar>)> = Vec::with_capacity(batch.len());
    let name = |labels: &Labels, ts: Timestamp| format!("exemplar of {labels} at {ts}");
    for series in batch {
        let mut kept = Vec::with_capacity(series.exemplars.len());
        for exemplar in &series.exemplars {
            match rules.bounds.check(exemplar.ts) {
                Some(reason) => ledger.add(reason, 1, || name(&series.labels, exemplar.ts)),
                None => kept.push(exemplar),
            }
        }
        if !kept.is_empty() {
            accepted.push((series, kept));
        }
    }
    if accepted.is_empty() {
        return Ok(());
    }
    let label_sets = accepted.iter().map(|(series, _)| (&series.labels, &series.meta));
    let resolved = rules.index.resolve(label_sets, &prepared.source, rules.limits);
    prepared.undefined.extend(resolved.undefined);
    let mut rows = Vec::new();
    for ((series, kept), slot) in accepted.iter().zip(resolved.slots) {
        match slot {
            Ok(slot) => {
                let id = rules.index.cells().of(slot).id();
                rows.extend(kept.iter().map(|exemplar| (id, *exemplar)));
            }
            Err(limit) => ledger.add(RejectReason::OverLimit(limit.into()), kept.len() as u64, || {
                rules.index.explain(limit, &series.labels, &prepared.source, rules.limits)
            }),
        }
    }
    if !rows.is_empty() {
        prepared.tables[Table::MetricExemplars.index()] = Some(columns::exemplar_rows(&rows)?);
    }
    Ok(())
}
