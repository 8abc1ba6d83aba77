//! One measured piece of an SLO's history.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Good and total over `[slice_start, slice_start + slice_secs)`, one row of `slo_slices`.
///
/// Counts are thousandths, so that sums and comparisons are exact. A slice that was not measured
/// (a gap) has no row; a measured slice without traffic has `total_milli == 0`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SloSlice {
    /// `slo/objective`, as in the catalogue.
    pub slo_id: String,
    /// Changes when the definition of good or total changes.
    pub generation: i64,
    /// The group's labels as `k=v,k=v`, or `""` for an SLO without groups.
    pub group_key: String,
    pub slice_start: Timestamp,
    pub slice_secs: i32,
    pub good_milli: i64,
    pub total_milli: i64,
    /// Fraction of the slice that was measured, 0 to 1 (1 for a base slice).
    pub coverage: f64,
    /// Later revisions of the same slice replace earlier ones (late data).
    pub rev: i32,
    pub recorded_at: Timestamp,
}
