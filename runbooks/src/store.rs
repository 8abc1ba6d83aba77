//! Rows of runs and retrospectives.

pub(crate) mod retrospectives;
pub(crate) mod runs;

use telemetry::Timestamp;

fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}
