//! Fixed ticks: each wakes a reconciler that looks at the world and does the next thing.
//!
//! The scheduler only ticks. What is due is decided from rows and the clock; a tick that comes late,
//! twice or not at all changes nothing but the delay. A tick that finds its predecessor still at
//! work is skipped.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::Mutex;
use tokio_cron_scheduler::{Job, JobScheduler};

/// The process's ticks.
pub struct Jobs(JobScheduler);

impl Jobs {
    pub async fn new() -> anyhow::Result<Jobs> {
        Ok(Jobs(JobScheduler::new().await.context("the scheduler could not be made")?))
    }

    /// Calls `work` every `every`, once at a time. An error is logged; the next tick tries again.
    pub async fn every<F, R, T, E>(&self, name: &'static str, every: Duration, work: F) -> anyhow::Result<()>
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, E>> + Send,
        E: Display,
    {
        let work = Arc::new(work);
        let running = Arc::new(Mutex::new(()));
        let job = Job::new_repeated_async(every, move |_id, _scheduler| {
            let (work, running) = (work.clone(), running.clone());
            Box::pin(async move {
                let Ok(_at_work) = running.try_lock() else { return };
                if let Err(error) = work().await {
                    tracing::error!(
                        job = name,
                        error = format!("{error:#}"),
                        "a job failed; it is tried again at its next tick"
                    );
                }
            })
        });
        self.0
            .add(job.with_context(|| format!("job {name}"))?)
            .await
            .with_context(|| format!("job {name}"))?;
        Ok(())
    }

    pub async fn start(&self) -> anyhow::Result<()> {
        self.0.start().await.context("the scheduler could not be started")
    }

    pub async fn shutdown(mut self) {
        if let Err(error) = self.0.shutdown().await {
            tracing::warn!(%error, "the scheduler did not stop in order");
        }
    }
}
