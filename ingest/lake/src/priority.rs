//! Which threads come after those that take in what is to be stored: merges, queries.

use thread_priority::{ThreadPriority, ThreadPriorityValue};

/// From 0 to 99; where ingest is at nice 0, this is nice 5: a third of the share of one of its threads
/// when processor time is short, and all that is left when it is not.
const AFTER_INGEST: u8 = 35;

/// Lowers the priority of this thread, for as long as it lives. `work` is what goes on unlowered where
/// that is not allowed, for the log.
pub fn come_after_ingest(work: &'static str) {
    let lowered = ThreadPriorityValue::try_from(AFTER_INGEST).and_then(|value| {
        ThreadPriority::Crossplatform(value).set_for_current().map_err(|error| format!("{error:?}"))
    });
    if let Err(error) = lowered {
        tracing::debug!(error, work, "runs at the priority of ingest");
    }
}
