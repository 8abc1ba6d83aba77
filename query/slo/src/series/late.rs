//! What was known in time, where late data changed it.
//!
//! A slice is late when it was recorded out of its turn, after a slice that follows it or as another
//! revision, and later than is allowed after its end. What an evaluator that was away measures in order is
//! not late: nobody could know it before. Of slices that are folded or forgotten nothing is remembered.

use std::collections::BTreeMap;
use std::time::Duration;

use telemetry::{SloSlice, Timestamp};

use super::SliceSeries;
use super::packed::Packed;

#[derive(Clone, Debug, Default)]
pub(super) struct Late {
    /// `None`: nothing is late.
    allowed: Option<Duration>,
    /// By start: as it was measured in time, of what was revised late.
    revised: BTreeMap<i64, Packed>,
    /// From start to end: where nothing was measured in time.
    unknown: BTreeMap<i64, i64>,
}

impl Late {
    pub(super) fn is_late(&self, slice: &SloSlice) -> bool {
        let end = slice.slice_start.plus(Duration::from_secs(slice.slice_secs.unsigned_abs().into()));
        self.allowed.is_some_and(|allowed| slice.recorded_at > end.plus(allowed))
    }

    /// The slice replaces `before`.
    pub(super) fn note_revised(&mut self, before: Packed) {
        if !self.is_unknown(&before) {
            self.revised.entry(before.start_micros()).or_insert(before);
        }
    }

    /// There was nothing where the slice is.
    pub(super) fn note_unknown(&mut self, slice: &Packed) {
        let (mut start, mut end) = (slice.start_micros(), slice.end_micros());
        if let Some((before, _)) =
            self.unknown.range(..start).next_back().filter(|(_, until)| **until == start)
        {
            start = *before;
        }
        if let Some(until) = self.unknown.remove(&end) {
            end = until;
        }
        self.unknown.insert(start, end);
    }

    fn is_unknown(&self, slice: &Packed) -> bool {
        let before = self.unknown.range(..=slice.start_micros()).next_back();
        before.is_some_and(|(_, until)| *until >= slice.end_micros())
    }

    fn has_any_after(&self, micros: i64) -> bool {
        self.revised.range(micros..).next().is_some()
            || self.unknown.last_key_value().is_some_and(|(_, until)| *until > micros)
    }

    pub(super) fn forget_before(&mut self, micros: i64) {
        if self.revised.first_key_value().is_some_and(|(start, _)| *start < micros) {
            self.revised = self.revised.split_off(&micros);
        }
        self.unknown.retain(|_, until| *until > micros);
    }
}

impl SliceSeries {
    /// The series, of which slices are late that are recorded out of their turn and longer than `allowed`
    /// after their end.
    pub fn allowing(mut self, allowed: Duration) -> SliceSeries {
        self.late.allowed = Some(allowed);
        self
    }

    /// The history as it was known in time; `None` where late data changed nothing after `since`.
    pub fn in_time(&self, since: Timestamp) -> Option<SliceSeries> {
        if !self.late.has_any_after(since.micros()) {
            return None;
        }
        let known = |slice: &Packed| {
            let start = slice.start_micros();
            let measured = self.measured.get(&start).unwrap_or(slice);
            let in_time = self.late.revised.get(&start).unwrap_or(measured);
            (!self.late.is_unknown(slice)).then_some(*in_time)
        };
        let mut timely = self.emptied();
        for slice in self.slices.iter().filter_map(known) {
            let slice = timely.excluded(slice);
            timely.slices.push_back(slice);
        }
        timely.recompute();
        Some(timely)
    }
}

/// Of slices sorted by start, which were recorded after one that follows them.
pub(super) fn overtaken(slices: &[SloSlice]) -> Vec<bool> {
    let mut first_later = Timestamp::MAX;
    let mut overtaken = vec![false; slices.len()];
    let mut at = slices.len();
    for same in slices.chunk_by(|a, b| a.slice_start == b.slice_start).rev() {
        at -= same.len();
        let recorded = same.iter().map(|slice| slice.recorded_at).min().unwrap_or(Timestamp::MAX);
        overtaken[at..at + same.len()].fill(recorded > first_later);
        first_later = first_later.min(recorded);
    }
    overtaken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::{Counting, EmptyPolicy};

    /// A minute's slice of 100 events, recorded so many minutes after the beginning.
    fn slice(minute: i64, bad: i64, rev: i32, recorded: i64) -> SloSlice {
        SloSlice {
            slo_id: "checkout/1".into(),
            generation: 1,
            group_key: String::new(),
            slice_start: Timestamp::from_secs(60 * minute),
            slice_secs: 60,
            good_milli: (100 - bad) * 1_000,
            total_milli: 100_000,
            coverage: 1.0,
            rev,
            recorded_at: Timestamp::from_secs(60 * recorded),
        }
    }

    fn series(counting: Counting) -> SliceSeries {
        SliceSeries::new(counting).allowing(Duration::from_secs(120))
    }

    /// Bad and all units known in time, or of all slices where nothing was late.
    fn in_time(series: &SliceSeries) -> (i128, i128) {
        let timely = series.in_time(Timestamp::EPOCH);
        let tally = timely.as_ref().unwrap_or(series).tally(Timestamp::EPOCH, Timestamp::from_secs(100 * 60));
        (tally.bad() / tally.parts, tally.total / tally.parts)
    }

    /// As they came, and as they are read from the table.
    fn check(counting: Counting, slices: &[SloSlice], expected: (i128, i128)) {
        let mut live = series(counting);
        for slice in slices {
            live.apply(slice).unwrap();
        }
        let mut restored = series(counting);
        assert_eq!(restored.extend(slices.to_vec()), []);
        assert_eq!((in_time(&live), in_time(&restored)), (expected, expected));
        assert_eq!(
            live.tally(Timestamp::EPOCH, Timestamp::MAX),
            restored.tally(Timestamp::EPOCH, Timestamp::MAX)
        );
    }

    #[test]
    fn what_is_revised_or_inserted_late_was_not_known_in_time() {
        let slices = [
            slice(0, 1, 0, 1),
            slice(2, 0, 0, 3),
            // Within what is allowed.
            slice(2, 2, 1, 5),
            slice(3, 0, 0, 5),
            // Too late: the second and third revision, and what was a gap.
            slice(0, 90, 1, 9),
            slice(0, 100, 2, 10),
            slice(1, 100, 0, 10),
            slice(1, 99, 1, 20),
        ];
        check(Counting::Occurrences, &slices, (3, 300));
        check(Counting::Occurrences, &slices[..4], (3, 300));
    }

    #[test]
    fn what_is_measured_in_order_is_never_late() {
        // An evaluator that was away for an hour, in two runs.
        let slices = [slice(0, 0, 0, 1), slice(1, 50, 0, 60), slice(2, 50, 0, 60), slice(3, 50, 0, 61)];
        check(Counting::Occurrences, &slices, (150, 400));
    }

    #[test]
    fn time_slices_are_judged_by_what_was_known() {
        let counting = Counting::Timeslices {
            width: Duration::from_secs(120),
            target: "0.9".parse().unwrap(),
            empty: EmptyPolicy::Exclude,
        };
        let on_time: Vec<SloSlice> = (0..4).map(|minute| slice(minute, 0, 0, minute + 1)).collect();
        let late = [on_time.clone(), vec![slice(0, 100, 1, 30), slice(3, 1, 1, 30)]].concat();
        check(counting, &late, (0, 2));
        let only_late = [slice(8, 0, 0, 9), slice(0, 100, 0, 30), slice(1, 100, 0, 30)];
        check(counting, &only_late, (0, 1));
    }

    #[test]
    fn what_is_forgotten_is_not_remembered() {
        let mut series = series(Counting::Occurrences);
        for minute in 0..100 {
            series.apply(&slice(minute, 0, 0, minute + 1)).unwrap();
        }
        series.apply(&slice(5, 9, 1, 100)).unwrap();
        assert!(series.in_time(Timestamp::EPOCH).is_some());
        assert!(series.in_time(Timestamp::from_secs(6 * 60)).is_none());
        series.drop_before(Timestamp::from_secs(50 * 60));
        assert!(series.in_time(Timestamp::EPOCH).is_none());
    }
}
