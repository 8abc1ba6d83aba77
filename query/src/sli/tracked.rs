//! One objective under evaluation: its history in memory and how far it was measured.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use slo::objective::Objective;
use slo::{SliceSeries, Slo};
use telemetry::{SloSlice, Timestamp};

use super::SliConfig;
use super::backfill::WIDE_SLICE;
use super::measure::{Measured, SliceRun};

pub(super) struct Tracked {
    pub(super) slo: Arc<Slo>,
    pub(super) slo_id: String,
    index: usize,
    /// Held while somebody measures.
    pub(super) busy: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

struct State {
    series: SliceSeries,
    /// Everything before was measured in this process, gaps included.
    measured_until: Option<Timestamp>,
    /// Before this, slices are wider than base slices and are not measured again.
    base_from: Timestamp,
    /// The numbers and the revision of the slices that may still change, by start.
    recent: BTreeMap<Timestamp, (i64, i64, i32)>,
    problem: Option<String>,
}

impl Tracked {
    pub(super) fn new(slo: Arc<Slo>, index: usize) -> Tracked {
        let slo_id = slo.slo_id(&slo.objectives[index]);
        let state = State {
            series: SliceSeries::new(slo.objectives[index].counting),
            measured_until: None,
            base_from: Timestamp::MIN,
            recent: BTreeMap::new(),
            problem: None,
        };
        Tracked { slo, slo_id, index, busy: tokio::sync::Mutex::default(), state: Mutex::new(state) }
    }

    pub(super) fn objective(&self) -> &Objective {
        &self.slo.objectives[self.index]
    }

    /// Whether the slices of `other` are the slices of this one. Targets do not matter.
    pub(super) fn has_history_of(&self, other: &Tracked) -> bool {
        let (own, others) = (self.objective(), other.objective());
        self.slo_id == other.slo_id && own.generation == others.generation && own.counting == others.counting
    }

    /// Takes the history of a former version of the same objective.
    pub(super) fn take_over(&self, before: &Tracked) {
        let before = before.state.lock();
        let mut state = self.state.lock();
        state.series = before.series.clone();
        state.measured_until = before.measured_until;
        state.base_from = before.base_from;
        state.recent = before.recent.clone();
    }

    /// Begins with what is stored.
    pub(super) fn restore(&self, slices: Vec<SloSlice>, config: &SliConfig) {
        let base_secs = self.slo.slice.as_secs() as i32;
        let mut state = self.state.lock();
        state.series = SliceSeries::new(self.objective().counting);
        state.recent.clear();
        state.base_from = Timestamp::MIN;
        let newest = slices.iter().map(|slice| slice.slice_start).max().unwrap_or(Timestamp::MIN);
        let recent_from = newest.minus(config.lateness).minus(self.slo.slice);
        for slice in &slices {
            let end = slice.slice_start.plus(Duration::from_secs(slice.slice_secs.max(0) as u64));
            if slice.slice_secs != base_secs {
                state.base_from = state.base_from.max(end);
            } else if slice.slice_start >= recent_from {
                state.remember(slice);
            }
        }
        for error in state.series.extend(slices) {
            tracing::warn!(slo_id = self.slo_id, %error, "a stored slice was left out");
        }
    }

    /// The next slices to measure: what is new, with the newest ones before it once more.
    pub(super) fn next_run(&self, now: Timestamp, config: &SliConfig) -> Option<SliceRun> {
        let width = self.slo.slice;
        let settled = now.minus(config.evaluation_delay).floor_to(width);
        let state = self.state.lock();
        if state.measured_until.is_some_and(|until| until >= settled) {
            return None;
        }
        let start = match state.measured_until.or_else(|| state.series.newest_end()) {
            // A process that was away goes on where it ended, within what the window can use.
            Some(until) => until.max(now.minus(self.slo.window.nominal())).minus(config.lateness),
            None => settled.minus(config.first_reach),
        };
        let start = start.max(state.base_from).floor_to(width);
        let longest = width.saturating_mul(u32::try_from(config.slices_per_run_max).unwrap_or(u32::MAX));
        let end = settled.min(start.plus(longest).floor_to(width));
        (start < end).then_some(SliceRun { start, end, width })
    }

    /// The slices of a run that are new or have other numbers than before.
    pub(super) fn changed(&self, measured: &[Measured], run: SliceRun, now: Timestamp) -> Vec<SloSlice> {
        let state = self.state.lock();
        let mut slices = Vec::new();
        for slice in measured {
            let rev = match state.recent.get(&slice.start) {
                Some((good, total, _)) if (*good, *total) == (slice.good_milli, slice.total_milli) => {
                    continue;
                }
                Some((_, _, rev)) => rev + 1,
                None => 0,
            };
            slices.push(self.slice(slice, run, rev, now));
        }
        slices
    }

    pub(super) fn slice(&self, measured: &Measured, run: SliceRun, rev: i32, now: Timestamp) -> SloSlice {
        SloSlice {
            slo_id: self.slo_id.clone(),
            generation: self.objective().generation,
            group_key: String::new(),
            slice_start: measured.start,
            slice_secs: run.width.as_secs() as i32,
            good_milli: measured.good_milli,
            total_milli: measured.total_milli,
            coverage: 1.0,
            rev,
            recorded_at: now,
        }
    }

    /// Counts slices that are stored by now.
    pub(super) fn apply(&self, slices: &[SloSlice], run: SliceRun, config: &SliConfig) {
        let mut state = self.state.lock();
        for slice in slices {
            if let Err(error) = state.series.apply(slice) {
                tracing::warn!(slo_id = self.slo_id, %error, "a slice was left out");
            }
            state.remember(slice);
        }
        state.measured_until = state.measured_until.max(Some(run.end));
        state.problem = None;
        let settled = run.end.minus(config.lateness).minus(run.width);
        state.recent = state.recent.split_off(&settled);
        // Twice the window: a chart over the whole window needs the window before its first point.
        state.series.drop_before(run.end.minus(self.slo.window.nominal().saturating_mul(2)));
    }

    pub(super) fn with_series<T>(&self, read: impl FnOnce(&SliceSeries) -> T) -> T {
        read(&self.state.lock().series)
    }

    /// Whether a stored slice covers some of `[start, start + width)`.
    pub(super) fn is_present(&self, start: Timestamp, width: Duration) -> bool {
        let state = self.state.lock();
        // Up to here slices are wide ones: the one around `start` ends where its five minutes end.
        let end = if start < state.base_from {
            start.floor_to(WIDE_SLICE).plus(WIDE_SLICE)
        } else {
            start.plus(width)
        };
        state.series.coverage(start, end).slices > 0
    }

    pub(super) fn fail(&self, error: &dyn std::error::Error) {
        let mut text = error.to_string();
        if let Some(source) = error.source() {
            text.push_str(&format!(": {source}"));
        }
        let mut state = self.state.lock();
        if state.problem.as_ref() != Some(&text) {
            tracing::warn!(slo_id = self.slo_id, problem = text, "an indicator could not be measured");
        }
        state.problem = Some(text);
    }

    pub(super) fn problem(&self) -> Option<String> {
        self.state.lock().problem.clone()
    }
}

impl State {
    fn remember(&mut self, slice: &SloSlice) {
        let numbers = (slice.good_milli, slice.total_milli, slice.rev);
        let newest = self.recent.entry(slice.slice_start).or_insert(numbers);
        if slice.rev >= newest.2 {
            *newest = numbers;
        }
    }
}
