//! Measuring an SLO over history that is in the lake already.
//!
//! Recent history is measured in base slices, older history in five-minute slices, as if it had been
//! measured when it happened and folded since. Only what no slice covers yet is written, so a
//! backfill that was interrupted is simply run again.

use std::sync::Arc;
use std::time::Duration;

use telemetry::{Batch, SloSlice, Timestamp};

use super::measure::{Measured, SliceRun, measure};
use super::tracked::Tracked;
use super::{SloEvaluator, stored};
use crate::QueryError;

/// Width of the slices that base slices are folded into.
pub(super) const WIDE_SLICE: Duration = Duration::from_secs(300);

/// Rows at least this old go straight to day files.
const HISTORY_AGE: Duration = Duration::from_secs(2 * 3_600);

/// How far a backfill is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackfillProgress {
    /// `NAME/OBJECTIVE`
    pub slo_id: String,
    /// Slices looked at, measured or not.
    pub done: u64,
    pub total: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackfillReport {
    /// Slices that were measured and written.
    pub written: u64,
    /// Slices that had been measured before.
    pub present: u64,
    /// Slices without data.
    pub gaps: u64,
}

impl SloEvaluator {
    /// Measures `[from, to)` of every objective of an SLO and refreshes the statuses. `progress` is
    /// called after each part.
    ///
    /// # Errors
    /// [`QueryError::Invalid`] for an unknown SLO or an indicator that cannot be measured.
    pub async fn backfill(
        &self,
        slo: &str,
        from: Timestamp,
        to: Timestamp,
        progress: &(dyn Fn(BackfillProgress) + Send + Sync),
    ) -> Result<BackfillReport, QueryError> {
        let objectives = self.objectives.read().clone();
        let mut report = BackfillReport::default();
        let mut found = false;
        for tracked in objectives.iter().filter(|tracked| tracked.slo.name == slo) {
            found = true;
            let _busy = tracked.busy.lock().await;
            self.backfill_objective(tracked, from, to, progress, &mut report).await?;
        }
        if !found {
            return Err(QueryError::Invalid(format!("there is no SLO {slo:?}")));
        }
        self.refresh(self.engine.clock().now());
        Ok(report)
    }

    async fn backfill_objective(
        &self,
        tracked: &Arc<Tracked>,
        from: Timestamp,
        to: Timestamp,
        progress: &(dyn Fn(BackfillProgress) + Send + Sync),
        report: &mut BackfillReport,
    ) -> Result<(), QueryError> {
        let now = self.engine.clock().now();
        let source = self.engine.series_source();
        let options = self.engine.promql_options().eval;
        let runs = self.runs(tracked, from, to, now);
        let total = runs.iter().map(SliceRun::count).sum();
        let mut done = 0;
        let mut written: Vec<SloSlice> = Vec::new();
        for run in runs {
            let measured = measure(&tracked.objective().indicator, run, &source, &options).await;
            let measured = measured.map_err(|error| {
                tracked.fail(&error);
                QueryError::Invalid(format!("{}: {}", tracked.slo_id, tracked.problem().unwrap_or_default()))
            })?;
            report.gaps += run.count().saturating_sub(measured.len() as u64);
            let (new, present) = without_present(tracked, &measured, run);
            report.present += present;
            written.extend(new.iter().map(|slice| tracked.slice(slice, run, 0, now)));
            done += run.count();
            progress(BackfillProgress { slo_id: tracked.slo_id.clone(), done, total });
        }
        report.written += written.len() as u64;
        self.store(written, now).await?;
        stored::load(&self.engine, &[tracked], now, &self.config).await
    }

    /// The history in parts: wide slices up to where base slices are kept, base slices from there.
    fn runs(&self, tracked: &Tracked, from: Timestamp, to: Timestamp, now: Timestamp) -> Vec<SliceRun> {
        let base = tracked.slo.slice;
        let settled = now.minus(self.config.evaluation_delay);
        let to = to.min(settled);
        let folds = WIDE_SLICE.as_secs().is_multiple_of(base.as_secs().max(1)) && base < WIDE_SLICE;
        let wide_until = if folds {
            now.minus(self.config.base_slices_kept).min(to).max(from).floor_to(WIDE_SLICE)
        } else {
            from.floor_to(base)
        };
        let mut runs = Vec::new();
        let mut add = |start: Timestamp, end: Timestamp, width: Duration| {
            let longest =
                width.saturating_mul(u32::try_from(self.config.slices_per_run_max).unwrap_or(u32::MAX));
            let (mut start, end) = (start.floor_to(width), end.floor_to(width));
            while start < end {
                let part_end = start.plus(longest).min(end);
                runs.push(SliceRun { start, end: part_end, width });
                start = part_end;
            }
        };
        if folds {
            add(from, wide_until, WIDE_SLICE);
        }
        add(wide_until.max(from.floor_to(base)), to, base);
        runs
    }

    async fn store(&self, slices: Vec<SloSlice>, now: Timestamp) -> Result<(), QueryError> {
        let old_before = now.minus(HISTORY_AGE);
        let (old, recent): (Vec<_>, Vec<_>) =
            slices.into_iter().partition(|slice| slice.slice_start < old_before);
        if !old.is_empty() {
            self.engine.lake().import(Batch { slices: old, ..Batch::default() }).await?;
        }
        if !recent.is_empty() {
            self.engine.lake().append(Batch { slices: recent, ..Batch::default() }).await?;
        }
        Ok(())
    }
}

/// Leaves out the slices whose time is covered already, by slices of any width.
fn without_present(tracked: &Tracked, measured: &[Measured], run: SliceRun) -> (Vec<Measured>, u64) {
    let (present, new): (Vec<Measured>, Vec<Measured>) =
        measured.iter().partition(|slice| tracked.is_present(slice.start, run.width));
    (new, present.len() as u64)
}
