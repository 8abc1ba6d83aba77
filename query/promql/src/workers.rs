//! Where computations run: on threads that the caller lends, or right where the query is polled.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use futures::channel::oneshot;

use crate::error::PromqlError;

/// Threads to compute on. The evaluator has as many computations under way as there are threads and one
/// more, whatever their order of finishing; answers do not depend on it.
pub trait Workers: Send + Sync {
    /// How many computations can run at once.
    fn threads(&self) -> usize;

    /// Runs the work soon, on any thread, without waiting here. Work that is dropped instead of run
    /// ends its query as canceled.
    fn spawn(&self, work: Box<dyn FnOnce() + Send>);
}

/// Without workers the future computes when it is first polled. A panic goes on where the query is asked.
pub(crate) async fn run<T: Send + 'static>(
    workers: Option<Arc<dyn Workers>>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PromqlError> {
    let Some(workers) = workers else { return Ok(work()) };
    let (answer, answered) = oneshot::channel();
    workers.spawn(Box::new(move || {
        // Nobody may be waiting any more.
        let _ = answer.send(catch_unwind(AssertUnwindSafe(work)));
    }));
    match answered.await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(panic)) => resume_unwind(panic),
        Err(_dropped) => Err(PromqlError::Canceled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;

    struct Threads;

    impl Workers for Threads {
        fn threads(&self) -> usize {
            2
        }

        fn spawn(&self, work: Box<dyn FnOnce() + Send>) {
            std::thread::spawn(work);
        }
    }

    struct Gone;

    impl Workers for Gone {
        fn threads(&self) -> usize {
            1
        }

        fn spawn(&self, _: Box<dyn FnOnce() + Send>) {}
    }

    #[test]
    fn work_runs_elsewhere_and_its_panic_comes_back() {
        let here = std::thread::current().id();
        let there = block_on(run(Some(Arc::new(Threads)), || std::thread::current().id())).unwrap();
        assert_ne!(here, there);
        assert_eq!(block_on(run(None, || std::thread::current().id())).unwrap(), here);
        let panicking = || block_on(run(Some(Arc::new(Threads)), || panic!("out of luck")));
        let panic = catch_unwind(AssertUnwindSafe(panicking)).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"out of luck"));
    }

    #[test]
    fn work_that_nobody_does_is_canceled() {
        assert!(matches!(block_on(run(Some(Arc::new(Gone)), || ())), Err(PromqlError::Canceled)));
    }
}
