//! Old base slices become wider ones: the same sums in a tenth of the memory.

use std::collections::VecDeque;
use std::time::Duration;

use telemetry::Timestamp;

use super::SliceSeries;
use super::packed::Packed;
use crate::exclusions::Exclusions;
use crate::objective::Counting;

/// Width that base slices are folded to.
pub const WIDE_SLICE: Duration = Duration::from_secs(300);

/// Folding moves the slices that stay base slices, so it waits until this much can be folded.
const FOLD_MICROS_MIN: i64 = 3_600_000_000;

/// How wide the old slices of an objective are: [`WIDE_SLICE`], or the widest part of it that whole time
/// slices can still be made of. `None` where base slices do not fit into that.
pub fn wide_slice(slice: Duration, counting: Counting) -> Option<Duration> {
    let secs = match counting {
        Counting::Occurrences => WIDE_SLICE.as_secs(),
        Counting::Timeslices { width, .. } | Counting::RatioTimeslices { width, .. } => {
            greatest_common_divisor(WIDE_SLICE.as_secs(), width.as_secs())
        }
    };
    let folds = slice.as_secs() > 0 && secs > slice.as_secs() && secs.is_multiple_of(slice.as_secs());
    folds.then(|| Duration::from_secs(secs))
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

impl SliceSeries {
    /// Whether exclusions begin or end within a slice that is wider than `base`: what base slices it was
    /// folded from would tell more than their sum.
    pub fn is_cut(&self, exclusions: &Exclusions, base: Duration) -> bool {
        exclusions.edges().any(|edge| {
            let index = self.slices.partition_point(|slice| slice.end_micros() <= edge);
            let slice = self.slices.get(index);
            slice.is_some_and(|slice| slice.start_micros() < edge && slice.width() > base)
        })
    }

    /// Folds the slices that end by `time` into slices of `width`, which [`wide_slice`] chose. Sums over
    /// windows that begin and end at multiples of the width stay as they are. Slices that an exclusion
    /// touches stay, and so does everything while there is little to fold.
    pub fn fold_before(&mut self, time: Timestamp, width: Duration) {
        let Ok(width_secs) = u16::try_from(width.as_secs()) else { return };
        let width = i64::from(width_secs).max(1) * 1_000_000;
        let cut = time.micros().div_euclid(width) * width;
        if cut.saturating_sub(self.folded_until) < FOLD_MICROS_MIN {
            return;
        }
        let (first, last) = (self.count_up_to(self.folded_until), self.count_up_to(cut));
        self.folded_until = cut;
        self.late.forget_before(cut);
        let mut folded: Vec<Packed> = Vec::new();
        let old: Vec<Packed> = self.slices.range(first..last).copied().collect();
        let cell_of = |slice: &Packed| slice.start_micros().div_euclid(width);
        for cell in old.chunk_by(|a, b| cell_of(a) == cell_of(b)) {
            let is_touched =
                cell.iter().any(|slice| slice.removed || self.measured.contains_key(&slice.start_micros()));
            let start = cell_of(&cell[0]) * width;
            let fits = cell.last().is_some_and(|slice| slice.end_micros() <= start + width);
            if is_touched
                || !fits
                || cell.len() == 1 && cell[0].start_micros() == start && cell[0].end_micros() == start + width
            {
                folded.extend_from_slice(cell);
            } else {
                folded.push(Packed::folded(start, width_secs, cell));
            }
        }
        if folded.len() == old.len() {
            return;
        }
        let kept: VecDeque<Packed> = self.slices.split_off(last);
        self.slices.truncate(first);
        self.slices.extend(folded);
        self.slices.extend(kept);
        self.slices.shrink_to_fit();
        // Verdicts of time slices are as they were.
        self.mark_from(first);
    }
}
