//! One objective under evaluation: the history of its groups in memory and how far it was measured.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use slo::exclusions::Exclusions;
use slo::objective::Objective;
use slo::series::wide_slice;
use slo::{SliceSeries, Slo};
use telemetry::{SloSlice, Timestamp};

use super::SliConfig;
use super::measure::{ByGroup, Measured, SliceRun};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// A clock that is set back by more than this was wrong before.
const CLOCK_AHEAD_MAX: Duration = Duration::from_secs(60);

pub(super) struct Tracked {
    pub(super) slo: Arc<Slo>,
    pub(super) slo_id: String,
    index: usize,
    /// What is measured out of its turn longer than this after its end starts no alert.
    lateness: Duration,
    /// Held while somebody measures.
    pub(super) busy: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

struct State {
    /// By key; without groups there is one with an empty key, measured or not.
    groups: BTreeMap<String, SliceSeries>,
    /// Everything before was measured in this process, gaps included.
    measured_until: Option<Timestamp>,
    /// How far looking back has come that takes more than one run.
    again_until: Option<Timestamp>,
    /// What was settled when it was looked back the last time.
    looked_back_at: Option<Timestamp>,
    /// Before this, slices are wider than base slices and are not measured again by ticks.
    base_from: Timestamp,
    exclusions: Exclusions,
    problem: Option<String>,
}

impl Tracked {
    pub(super) fn new(slo: Arc<Slo>, index: usize, config: &SliConfig) -> Tracked {
        let slo_id = slo.slo_id(&slo.objectives[index]);
        // Each tick measures again what is as old as this, and comes once a slice.
        let delay = slo.evaluation.delay.unwrap_or(config.evaluation_delay);
        let lateness = delay.saturating_add(config.lateness).saturating_add(slo.slice);
        let state = State {
            groups: BTreeMap::new(),
            measured_until: None,
            again_until: None,
            looked_back_at: None,
            base_from: Timestamp::MIN,
            exclusions: Exclusions::default(),
            problem: None,
        };
        let (busy, state) = (tokio::sync::Mutex::default(), Mutex::new(state));
        let tracked = Tracked { slo, slo_id, index, lateness, busy, state };
        tracked.restore(BTreeMap::new());
        tracked
    }

    /// The SLO over the window that is asked for, its first one without; `None` for one that it has not.
    pub(super) fn over(&self, window: Option<&str>) -> Option<Arc<Slo>> {
        match window.filter(|window| *window != self.slo.window.text()) {
            None => Some(self.slo.clone()),
            Some(window) => self.slo.over(window).map(Arc::new),
        }
    }

    pub(super) fn objective(&self) -> &Objective {
        &self.slo.objectives[self.index]
    }

    /// Whether the slices of `other` are the slices of this one. Targets do not matter.
    pub(super) fn has_history_of(&self, other: &Tracked) -> bool {
        let (own, others) = (self.objective(), other.objective());
        self.slo_id == other.slo_id
            && own.generation == others.generation
            && own.counting == others.counting
            && self.slo.grouping == other.slo.grouping
    }

    /// Takes the history of a former version of the same objective.
    pub(super) fn take_over(&self, before: &Tracked) {
        let before = before.state.lock();
        let mut state = self.state.lock();
        state.groups = before.groups.clone();
        state.measured_until = before.measured_until;
        state.base_from = before.base_from;
        state.exclusions = before.exclusions.clone();
    }

    /// How wide old slices are: as wide as they are folded, or base slices.
    pub(super) fn old_width(&self) -> Duration {
        wide_slice(self.slo.slice, self.objective().counting).unwrap_or(self.slo.slice)
    }

    /// An empty history of one group.
    pub(super) fn new_series(&self) -> SliceSeries {
        SliceSeries::new(self.objective().counting).allowing(self.lateness)
    }

    /// Begins with what is stored.
    pub(super) fn restore(&self, mut groups: BTreeMap<String, SliceSeries>) {
        let mut state = self.state.lock();
        if self.slo.grouping.is_none() {
            groups.entry(String::new()).or_insert_with(|| self.new_series());
        }
        let base_from =
            groups.values().filter_map(|series| series.newest_end_wider_than(self.slo.slice)).max();
        state.base_from = base_from.unwrap_or(Timestamp::MIN);
        for series in groups.values_mut() {
            series.set_exclusions(state.exclusions.clone());
        }
        state.groups = groups;
    }

    /// The next slices to measure: what is new, with the newest ones before it once more.
    pub(super) fn next_run(&self, now: Timestamp, config: &SliConfig) -> Option<SliceRun> {
        let width = self.slo.slice;
        let delay = self.slo.evaluation.delay.unwrap_or(config.evaluation_delay);
        let settled = now.minus(delay).floor_to(width);
        let mut state = self.state.lock();
        // The clock was ahead and is not any more: what has been stored says how far we are.
        if state.measured_until.is_some_and(|until| until > settled.plus(CLOCK_AHEAD_MAX)) {
            (state.measured_until, state.again_until, state.looked_back_at) = (None, None, None);
        }
        if state.measured_until.is_some_and(|until| until >= settled) {
            return None;
        }
        let newest = || state.groups.values().filter_map(SliceSeries::newest_end).max();
        let start = match state.measured_until.or_else(newest) {
            Some(until) if state.again_until.is_some_and(|again| again <= until) => {
                state.again_until.unwrap_or(until)
            }
            // A process that was away goes on where it ended, within what the window can use.
            Some(until) => {
                let until = until.max(now.minus(self.slo.window.nominal()));
                // Before the first slice that there is, nothing came late: that is a backfill's.
                let oldest = state.groups.values().filter_map(SliceSeries::oldest_start).min();
                let since = state.looked_back_at.replace(settled).unwrap_or(until);
                let back = until.minus(self.lateness(since, settled, config));
                back.max(oldest.unwrap_or(Timestamp::MIN)).min(until)
            }
            None => settled.minus(config.first_reach),
        };
        let start = start.max(state.base_from).floor_to(width);
        let longest = width.saturating_mul(u32::try_from(config.slices_per_run_max).unwrap_or(u32::MAX));
        let end = settled.min(start.plus(longest).floor_to(width));
        (start < end).then_some(SliceRun { start, end, width })
    }

    /// How far back to look again: at the newest slices each time, once an hour much further, and once a
    /// day further still.
    fn lateness(&self, since: Timestamp, settled: Timestamp, config: &SliConfig) -> Duration {
        // Each objective at a time of its own, so that they do not all come at once.
        let bytes =
            self.slo_id.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let is_due = |every: Duration| {
            let own = Duration::from_secs(bytes % every.as_secs());
            since.plus(own).floor_to(every) < settled.plus(own).floor_to(every)
        };
        let further = [(HOUR, config.lateness_hourly), (DAY, config.lateness_daily)];
        let due = further.into_iter().filter(|(every, _)| is_due(*every)).map(|(_, back)| back);
        // What is folded cannot be measured again.
        due.fold(config.lateness, Duration::max).min(config.base_slices_kept)
    }

    /// The slices of a run that are new or have other numbers than before.
    pub(super) fn changed(&self, measured: &ByGroup, run: SliceRun, now: Timestamp) -> Vec<SloSlice> {
        let state = self.state.lock();
        let mut slices = Vec::new();
        for (group, measured) in measured {
            let series = state.groups.get(group);
            for slice in measured {
                let rev = match series.and_then(|series| series.measured_at(slice.start)) {
                    Some(before) if is_same(slice, before.good_milli, before.total_milli) => continue,
                    Some(before) => before.rev + 1,
                    None => 0,
                };
                slices.push(self.slice(group, slice, run, rev, now));
            }
        }
        slices
    }

    pub(super) fn slice(
        &self,
        group: &str,
        measured: &Measured,
        run: SliceRun,
        rev: i32,
        now: Timestamp,
    ) -> SloSlice {
        SloSlice {
            slo_id: self.slo_id.clone(),
            generation: self.objective().generation,
            group_key: group.to_owned(),
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
        let state = &mut *state;
        for slice in slices {
            let series = state.groups.entry(slice.group_key.clone()).or_insert_with(|| {
                let mut series = self.new_series();
                series.set_exclusions(state.exclusions.clone());
                series
            });
            if let Err(error) = series.apply(slice) {
                tracing::warn!(slo_id = self.slo_id, %error, "a slice was left out");
            }
        }
        // Not beyond what was measured before: the next run goes on from here.
        state.again_until = Some(run.end).filter(|end| state.measured_until >= Some(*end));
        state.measured_until = state.measured_until.max(Some(run.end));
        state.problem = None;
        // By the newest data and not by the clock: one that jumps ahead makes nothing old.
        let newest = state.groups.values().filter_map(SliceSeries::newest_end).max().unwrap_or(run.end);
        for series in state.groups.values_mut() {
            self.age(series, newest, config);
        }
        // A group that has said nothing for so long is gone.
        if self.slo.grouping.is_some() {
            state.groups.retain(|_, series| series.newest_end() > Some(newest.minus(self.reach())));
        }
    }

    /// Folds what is old and forgets what no window asks for.
    pub(super) fn age(&self, series: &mut SliceSeries, newest: Timestamp, config: &SliConfig) {
        if let Some(width) = wide_slice(self.slo.slice, self.objective().counting) {
            series.fold_before(newest.minus(config.base_slices_kept), width);
        }
        series.drop_before(newest.minus(self.reach()));
    }

    /// Twice the longest window, for a chart over the whole window needs the window before its first point,
    /// and a day for calendar periods that are longer than their nominal length.
    pub(super) fn reach(&self) -> Duration {
        let longest = self.slo.windows().map(slo::Window::nominal).max().unwrap_or_default();
        longest.saturating_mul(2).saturating_add(DAY)
    }

    pub(super) fn set_exclusions(&self, exclusions: &Exclusions) {
        let mut state = self.state.lock();
        if state.exclusions != *exclusions {
            state.exclusions = exclusions.clone();
            state.groups.values_mut().for_each(|series| series.set_exclusions(exclusions.clone()));
        }
    }

    /// Whether exclusions that are new begin or end within slices that are folded already.
    pub(super) fn is_cut_by(&self, exclusions: &Exclusions) -> bool {
        let state = self.state.lock();
        let is_cut = |series: &SliceSeries| series.is_cut(exclusions, self.slo.slice);
        state.exclusions != *exclusions && state.groups.values().any(is_cut)
    }

    pub(super) fn exclusions(&self) -> Exclusions {
        self.state.lock().exclusions.clone()
    }

    /// The keys of the groups that are known.
    pub(super) fn groups(&self) -> Vec<String> {
        self.state.lock().groups.keys().cloned().collect()
    }

    /// Calls `read` for each group with its key.
    pub(super) fn for_each_group(&self, mut read: impl FnMut(&str, &SliceSeries)) {
        self.state.lock().groups.iter().for_each(|(key, series)| read(key, series));
    }

    pub(super) fn with_series<T>(&self, group: &str, read: impl FnOnce(&SliceSeries) -> T) -> Option<T> {
        self.state.lock().groups.get(group).map(read)
    }

    pub(super) fn fail(&self, error: &dyn std::error::Error) {
        let mut text = error.to_string();
        if let Some(source) = error.source() {
            text.push_str(&format!(": {source}"));
        }
        self.state.lock().looked_back_at = None;
        self.report(text);
    }

    /// Puts down what is wrong; ticks that work put it away.
    pub(super) fn report(&self, text: String) {
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

/// Whether a slice was measured with these numbers before; more good than total is stored as all good.
pub(super) fn is_same(measured: &Measured, good_milli: i64, total_milli: i64) -> bool {
    measured.total_milli == total_milli
        && measured.good_milli.min(measured.total_milli) == good_milli.min(total_milli)
}
