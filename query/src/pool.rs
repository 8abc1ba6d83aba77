//! The threads that queries run on: their own, not those that take in what is to be stored.
//!
//! Whoever asks waits; plans, scans and computations run here. A query that takes long thereby holds up
//! no receiver, and all queries together are at work on no more threads than there are. Where processor
//! time is short, the threads also come after the receivers': an agent does not wait for a dashboard.

use std::sync::Arc;
use std::thread::available_parallelism;

use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use futures::StreamExt;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Semaphore;
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

use crate::QueryError;

/// Plans recurse deeply, in a debug build more than the usual 2 MiB of stack.
const THREAD_STACK_BYTES: usize = 8 * 1024 * 1024;
/// Threads that wait for the disk, for each that computes.
const READERS_PER_THREAD: usize = 8;
/// Batches that a query is ahead of its reader.
const BATCHES_AHEAD: usize = 2;

#[derive(Debug)]
pub(crate) struct Pool {
    /// Taken when the pool is dropped.
    runtime: Option<Runtime>,
    handle: Handle,
    computing: Arc<Semaphore>,
    threads: usize,
}

impl Pool {
    /// With so many threads, or one per core.
    pub(crate) fn new(threads: Option<usize>) -> std::io::Result<Pool> {
        let threads = threads.unwrap_or_else(|| available_parallelism().map_or(1, usize::from)).max(1);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .max_blocking_threads(threads * READERS_PER_THREAD)
            .thread_name("query")
            .thread_stack_size(THREAD_STACK_BYTES)
            // Rules and objectives are still computed while ingest takes all it can.
            .on_thread_start(|| lake::come_after_ingest("queries"))
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        Ok(Pool { runtime: Some(runtime), handle, computing: Arc::new(Semaphore::new(threads)), threads })
    }

    /// How many computations run beside each other.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Runs a future that nobody waits for, to its end.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(work);
    }

    /// Runs a future. Dropping what this returns ends it at the next point where it waits. On a thread of
    /// the pool it runs right there.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, QueryError> {
        if Handle::try_current().is_ok_and(|current| current.id() == self.handle.id()) {
            return Ok(work.await);
        }
        self.run_beside(work).await
    }

    /// As [`Pool::run`], on a thread of the pool beside whoever asks: the next one that is free.
    pub(crate) async fn run_beside<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, QueryError> {
        AbortOnDropHandle::new(self.handle.spawn(work)).await.map_err(ended)
    }

    /// Runs a computation that never waits, when one of the threads' worth of places is free.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, QueryError> {
        let place = self.computing.clone().acquire_owned().await.map_err(|_closed| QueryError::Canceled)?;
        let work = move || {
            let _place = place;
            work()
        };
        self.handle.spawn_blocking(work).await.map_err(ended)
    }

    /// Lets the pool take the rows out of a stream, a little ahead of the reader. Dropping what this
    /// returns drops the stream.
    pub(crate) fn drive(&self, mut rows: SendableRecordBatchStream) -> SendableRecordBatchStream {
        let mut driven = RecordBatchReceiverStream::builder(rows.schema(), BATCHES_AHEAD);
        let reader = driven.tx();
        let take_out = async move {
            while let Some(batch) = rows.next().await {
                if reader.send(batch).await.is_err() {
                    break;
                }
            }
            Ok(())
        };
        driven.spawn_on(take_out, &self.handle);
        driven.build()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // Also within another runtime, which must not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A panic goes on where the query was asked.
fn ended(error: JoinError) -> QueryError {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_shut_down) => QueryError::Canceled,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use datafusion::arrow::array::{Int64Array, RecordBatch};
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
    use futures::future::join_all;
    use futures::stream;

    use super::*;

    fn thread_name() -> String {
        std::thread::current().name().unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn work_runs_on_threads_of_the_pool() {
        let pool = Pool::new(Some(1)).unwrap();
        assert_eq!(pool.run(async { thread_name() }).await.unwrap(), "query");
        assert_eq!(pool.compute(thread_name).await.unwrap(), "query");
    }

    #[tokio::test]
    async fn computations_are_bounded_by_the_threads() {
        let pool = Pool::new(Some(2)).unwrap();
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let computations = (0..32).map(|_| {
            let (running, most) = (running.clone(), most.clone());
            pool.compute(move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                running.fetch_sub(1, Ordering::SeqCst);
            })
        });
        join_all(computations).await;
        assert!((1..=2).contains(&most.load(Ordering::SeqCst)), "{most:?}");
    }

    #[tokio::test]
    async fn a_dropped_query_ends() {
        struct Ended(Option<tokio::sync::oneshot::Sender<()>>);
        impl Drop for Ended {
            fn drop(&mut self) {
                let _ = self.0.take().unwrap().send(());
            }
        }
        let pool = Pool::new(Some(1)).unwrap();
        let (ended, has_ended) = tokio::sync::oneshot::channel();
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let ended = Ended(Some(ended));
        let mut query = Box::pin(pool.run(async move {
            let _ended = ended;
            begun.send(()).unwrap();
            std::future::pending::<()>().await;
        }));
        tokio::select! {
            _ = &mut query => unreachable!("it waits for ever"),
            begun = has_begun => begun.unwrap(),
        }
        drop(query);
        has_ended.await.unwrap();
    }

    #[tokio::test]
    async fn rows_come_in_their_order_and_an_error_after_them() {
        let pool = Pool::new(Some(2)).unwrap();
        let batch = |number: i64| {
            let column = Arc::new(Int64Array::from(vec![number]));
            RecordBatch::try_from_iter([("n", column as _)]).unwrap()
        };
        let schema = batch(0).schema();
        let mut batches: Vec<_> = (0..10).map(|number| Ok(batch(number))).collect();
        batches.push(Err(datafusion::error::DataFusionError::Internal("the end".to_owned())));
        let rows = RecordBatchStreamAdapter::new(schema, stream::iter(batches));
        let mut driven = pool.drive(Box::pin(rows));
        for number in 0..10 {
            assert_eq!(driven.next().await.unwrap().unwrap(), batch(number));
        }
        assert!(driven.next().await.unwrap().is_err());
        assert!(driven.next().await.is_none());
    }
}
