//! The limits around a stream of results.

use datafusion::execution::SendableRecordBatchStream;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use tokio_util::sync::DropGuard;

use super::{Deadline, Slot};
use crate::QueryError;
use crate::config::{QueryRole, RoleLimits, limit_name};
use datafusion::arrow::array::RecordBatch;

struct Guarded {
    inner: SendableRecordBatchStream,
    rows: u64,
    rows_max: u64,
    deadline: Deadline,
    limits: RoleLimits,
    role: QueryRole,
    _held: Held,
}

/// Until the reader is done: the place of the query, and the sign that it is still wanted.
pub(crate) type Held = (Slot, DropGuard);

/// Counts rows, watches the clock and gives back what the query held at the end. After an error comes nothing.
pub(crate) fn guard_stream(
    inner: SendableRecordBatchStream,
    limits: &RoleLimits,
    role: QueryRole,
    deadline: Deadline,
    held: Held,
) -> BoxStream<'static, Result<RecordBatch, QueryError>> {
    let guarded = Guarded {
        inner,
        rows: 0,
        rows_max: limits.rows_max,
        deadline,
        limits: limits.clone(),
        role,
        _held: held,
    };
    stream::unfold(Some(guarded), |state| async {
        let mut guarded = state?;
        match guarded.next().await {
            Some(Ok(batch)) => Some((Ok(batch), Some(guarded))),
            Some(Err(error)) => Some((Err(error), None)),
            None => None,
        }
    })
    .fuse()
    .boxed()
}

impl Guarded {
    async fn next(&mut self) -> Option<Result<RecordBatch, QueryError>> {
        let batch = match self.deadline.within(self.inner.next()).await {
            Ok(Some(Ok(batch))) => batch,
            Ok(Some(Err(error))) => return Some(Err(explain(error, &self.limits, self.role))),
            Ok(None) => return None,
            Err(timed_out) => return Some(Err(timed_out)),
        };
        self.rows += batch.num_rows() as u64;
        if self.rows > self.rows_max {
            let limit = limit_name(self.role, "rows_max");
            return Some(Err(QueryError::TooManyRows { rows_max: self.rows_max, limit }));
        }
        Some(Ok(batch))
    }
}

/// `ResourcesExhausted` is the memory limit, whichever operator met it.
fn explain(error: datafusion::error::DataFusionError, limits: &RoleLimits, role: QueryRole) -> QueryError {
    match error.find_root() {
        datafusion::error::DataFusionError::ResourcesExhausted(_) => QueryError::TooMuchMemory {
            bytes_max: limits.memory_bytes_max,
            limit: limit_name(role, "memory_bytes_max"),
        },
        _ => error.into(),
    }
}
