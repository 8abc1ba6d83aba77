//! What SLOs are computed from.

use super::{Described, View};

pub(super) fn views() -> Vec<View> {
    vec![View::new(SLO_SLICES_DESCRIBED, SLO_SLICES)]
}

const SLO_SLICES_DESCRIBED: Described = Described {
    name: "slo_slices",
    comment: "Good and total events of an objective per slice of time, every revision.",
    columns: &[
        ("slo_id", "SLO and objective as NAME/OBJECTIVE."),
        ("generation", "Changes when the definition of the indicator does."),
        ("group_key", "The group that the slice is about; empty without groups."),
        ("slice_start", "Where the slice of time begins."),
        ("slice_secs", "How long it is, in seconds."),
        ("good", "Good events."),
        ("total", "Valid events."),
        ("coverage", "Share of the slice that there was data for, 0 to 1."),
        ("rev", "Revision: the highest one of a slice is right."),
        ("recorded_at", "When this revision was written."),
    ],
};

/// The lake keeps exact thousandths.
const SLO_SLICES: &str = "
    SELECT slo_id, generation, group_key, slice_start, slice_secs,
           CAST(good_milli AS DOUBLE) / 1000 AS good,
           CAST(total_milli AS DOUBLE) / 1000 AS total,
           coverage, rev, recorded_at
    FROM lake.slo_slices";

/// The newest revision of each slice, among the rows of a condition on `lake.slo_slices`.
pub(crate) fn slices(condition: &str) -> String {
    format!(
        "SELECT slo_id, generation, group_key, slice_start, slice_secs, good, total, coverage, rev, recorded_at
         FROM (SELECT *, row_number() OVER (PARTITION BY slo_id, generation, group_key, slice_start
                                            ORDER BY rev DESC, recorded_at DESC) AS age
               FROM ({SLO_SLICES} {condition}))
         WHERE age = 1"
    )
}

/// What counts at each time: of the definitions that measured it, the one that was written last, among
/// the rows of a condition on `lake.slo_slices`. Slices are at most five minutes wide.
pub(super) fn latest_slices(condition: &str) -> String {
    format!(
        "SELECT slo_id, group_key, slice_start, slice_secs, good, total
         FROM (SELECT *, row_number() OVER (PARTITION BY slo_id, generation, group_key, slice_start
                                            ORDER BY rev DESC, recorded_at DESC) AS age,
                      first_value(generation) OVER
                        (PARTITION BY slo_id, date_bin(INTERVAL '5 minutes', slice_start)
                         ORDER BY recorded_at DESC) AS newest
               FROM ({SLO_SLICES} {condition}))
         WHERE age = 1 AND generation = newest"
    )
}
