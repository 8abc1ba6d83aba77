//! What a query may do and cost: read-only by its logical plan, and limits on rows, time, memory
//! and how many run at once.
//!
//! The plan decides, not the words of the text: whatever spelling leads to a change is refused. The
//! limits sit around the stream of results, so that they hold for every surface and end with the
//! reader: dropping the stream cancels the query.

mod deadline;
mod memory;
mod read_only;
mod slots;
mod stream;

pub(crate) use deadline::Deadline;
pub(crate) use memory::QueryMemory;
pub(crate) use read_only::check_read_only;
pub(crate) use slots::{Slot, Slots};
pub(crate) use stream::guard_stream;

#[cfg(test)]
mod tests;
