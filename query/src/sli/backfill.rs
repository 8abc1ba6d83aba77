//! Measuring an SLO over history that is in the lake already.
//!
//! Recent history is measured in base slices, older history in wide slices, as if it had been measured
//! when it happened and folded since. The history is measured in parts, and a part is stored before the
//! next one begins; what the lake has of a part decides what is left of it. So a backfill that was
//! killed is simply run again: it goes on where it ended and counts nothing twice.

use std::sync::Arc;
use std::time::Duration;

use telemetry::{Batch, SloSlice, Timestamp};

use super::measure::{SliceRun, measure};
use super::tracked::{Tracked, is_same};
use super::{SloEvaluator, stored};
use crate::QueryError;

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

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackfillSpan {
    pub from: Timestamp,
    /// Not included.
    pub to: Timestamp,
    /// Whether slices that are there are measured again, for data that came very late: other numbers
    /// become a new revision.
    pub again: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BackfillReport {
    /// Slices that were measured and written, new revisions included.
    pub written: u64,
    /// Slices that had been measured before, with the same numbers where they were measured again.
    pub present: u64,
    /// Slices without data.
    pub gaps: u64,
}

impl SloEvaluator {
    /// Measures a span of every objective of an SLO and refreshes the statuses. `progress` is called
    /// after each part.
    ///
    /// # Errors
    /// [`QueryError::Invalid`] for an unknown SLO or an indicator that cannot be measured.
    pub async fn backfill(
        &self,
        slo: &str,
        span: BackfillSpan,
        progress: &(dyn Fn(BackfillProgress) + Send + Sync),
    ) -> Result<BackfillReport, QueryError> {
        let objectives = self.objectives.read().clone();
        let mut report = BackfillReport::default();
        let mut found = false;
        for tracked in objectives.iter().filter(|tracked| tracked.slo.name == slo) {
            found = true;
            let _busy = tracked.busy.lock().await;
            self.backfill_objective(tracked, span, progress, &mut report).await?;
        }
        if !found {
            return Err(QueryError::Invalid(format!("there is no SLO {slo:?}")));
        }
        self.refresh(self.engine.clock().now()).await;
        Ok(report)
    }

    async fn backfill_objective(
        &self,
        tracked: &Arc<Tracked>,
        span: BackfillSpan,
        progress: &(dyn Fn(BackfillProgress) + Send + Sync),
        report: &mut BackfillReport,
    ) -> Result<(), QueryError> {
        let now = self.engine.clock().now();
        let runs = self.runs(tracked, span, now);
        let total = runs.iter().map(SliceRun::count).sum();
        let mut done = 0;
        for run in runs {
            self.backfill_run(tracked, run, span.again, report).await?;
            done += run.count();
            progress(BackfillProgress { slo_id: tracked.slo_id.clone(), done, total });
        }
        stored::load(&self.engine, &[tracked], now, &self.config).await
    }

    async fn backfill_run(
        &self,
        tracked: &Arc<Tracked>,
        run: SliceRun,
        again: bool,
        report: &mut BackfillReport,
    ) -> Result<(), QueryError> {
        let present = stored::present(&self.engine, tracked, run).await?;
        let is_whole = tracked.slo.grouping.is_none() && covered(&present_in(&present, ""), run);
        if is_whole && !again {
            report.present += run.count();
            return Ok(());
        }
        let known = tracked.groups();
        let measured = measure(&self.engine, &tracked.slo, tracked.objective(), run, &known).await;
        let mut measured = measured.map_err(|error| {
            tracked.fail(&error);
            QueryError::Invalid(format!("{}: {}", tracked.slo_id, tracked.problem().unwrap_or_default()))
        })?;
        if super::without_surplus(&mut measured, &known, tracked) > 0 {
            tracing::warn!(slo_id = tracked.slo_id, "groups beyond the most there may be are left out");
        }
        let now = self.engine.clock().now();
        let mut new: Vec<SloSlice> = Vec::new();
        for (group, slices) in &measured {
            let present = present_in(&present, group);
            report.gaps += run.count().saturating_sub(slices.len() as u64);
            for slice in slices {
                let at = present.partition_point(|before| before.slice_start < slice.start);
                let same = present.get(at).filter(|before| {
                    before.slice_start == slice.start && end_of(before) == slice.start.plus(run.width)
                });
                let rev = match same {
                    Some(before) if again && !is_same(slice, before.good_milli, before.total_milli) => {
                        before.rev + 1
                    }
                    _ if overlaps(&present, slice.start, run.width) => {
                        report.present += 1;
                        continue;
                    }
                    _ => 0,
                };
                new.push(tracked.slice(group, slice, run, rev, now));
            }
        }
        report.written += new.len() as u64;
        self.store(new, now).await
    }

    /// The history in parts: wide slices up to where base slices are kept, base slices from there.
    fn runs(&self, tracked: &Tracked, span: BackfillSpan, now: Timestamp) -> Vec<SliceRun> {
        let (base, wide) = (tracked.slo.slice, tracked.old_width());
        let settled = now.minus(tracked.slo.evaluation.delay.unwrap_or(self.config.evaluation_delay));
        let to = span.to.min(settled);
        let wide_until = now.minus(self.config.base_slices_kept).min(to).max(span.from).floor_to(wide);
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
        add(span.from, wide_until, wide);
        add(wide_until.max(span.from.floor_to(base)), to, base);
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

/// The slices of one group, in order of time.
fn present_in<'p>(present: &'p stored::Present, group: &str) -> Vec<&'p SloSlice> {
    let first = (group.to_owned(), Timestamp::MIN);
    present.range(first..).take_while(|((own, _), _)| own == group).map(|(_, slice)| slice).collect()
}

fn end_of(slice: &SloSlice) -> Timestamp {
    slice.slice_start.plus(Duration::from_secs(slice.slice_secs.unsigned_abs().into()))
}

/// Whether a slice of any width has some of `[start, start + width)`.
fn overlaps(present: &[&SloSlice], start: Timestamp, width: Duration) -> bool {
    let before_end = present.partition_point(|slice| slice.slice_start < start.plus(width));
    before_end.checked_sub(1).is_some_and(|last| end_of(present[last]) > start)
}

/// Whether slices have all of a run.
fn covered(present: &[&SloSlice], run: SliceRun) -> bool {
    let mut until = run.start;
    for slice in present {
        if until >= run.end || slice.slice_start > until {
            break;
        }
        until = until.max(end_of(slice));
    }
    until >= run.end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(start_secs: i64, slice_secs: i32) -> SloSlice {
        SloSlice {
            slo_id: "a/1".into(),
            generation: 1,
            group_key: String::new(),
            slice_start: Timestamp::from_secs(start_secs),
            slice_secs,
            good_milli: 0,
            total_milli: 0,
            coverage: 1.0,
            rev: 0,
            recorded_at: Timestamp::EPOCH,
        }
    }

    #[test]
    fn slices_of_any_width_cover_a_run() {
        let slices = [slice(0, 300), slice(300, 30), slice(360, 30)];
        let present: Vec<&SloSlice> = slices.iter().collect();
        let at = Timestamp::from_secs;
        let has = |start, secs| overlaps(&present, at(start), Duration::from_secs(secs));
        assert_eq!(
            (has(30, 30), has(300, 30), has(330, 30), has(390, 30), has(-30, 30)),
            (true, true, false, false, false)
        );
        assert!(has(300, 300));
        let run = |start, end| SliceRun { start: at(start), end: at(end), width: Duration::from_secs(30) };
        assert!(covered(&present, run(30, 330)) && !covered(&present, run(30, 390)));
        assert!(!covered(&[], run(0, 30)));
    }
}
