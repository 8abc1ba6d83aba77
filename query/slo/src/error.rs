//! What can go wrong in the maths. Mistakes in documents are `telemetry::Defect`s instead.

use telemetry::Timestamp;

/// Why a number could not be computed or a slice not be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SloError {
    /// Calendar windows end where the calendar ends.
    #[error("{at} is outside of the calendar (years 1 to 9999)")]
    OutsideCalendar { at: Timestamp },
    /// Good or total below zero, or a width that is not positive.
    #[error("the slice at {start} has a negative count or no width")]
    BadSlice { start: Timestamp },
    /// Another slice of a different width covers part of the same time.
    #[error("the slice at {start} overlaps a slice of another width")]
    Overlap { start: Timestamp },
}
