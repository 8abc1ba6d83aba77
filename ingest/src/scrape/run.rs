//! One target over its life: waits for its moments, scrapes, writes; and ends it in order.
//!
//! A target that goes away leaves stale markers from the moment it would have been scraped next,
//! unless it comes back before they are due. When the process ends there are none, as in Prometheus:
//! it will be back, and its targets did not end.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use telemetry::{Batch, Clock, Labels, Timestamp};
use tokio::sync::{Semaphore, watch};

use super::fetch::{FetchError, Fetched, Fetcher};
use super::memory::Memory;
use super::metadata::TargetMetadata;
use super::metrics::ScrapeMetrics;
use super::page::{self, PageContext, PageRead};
use super::report::{Report, mark};
use super::schedule::{end_of_target, next_scrape, offset, sample_time};
use super::status::{Health, LastScrape};
use super::target::Target;
use crate::receiver::Decoded;
use crate::{Ingest, Outcome};

/// Pages up to this size are read where they arrive.
const INLINE_PAGE_BYTES_MAX: u64 = 16 << 10;

/// What all targets share.
pub(super) struct Shared {
    pub ingest: Ingest,
    pub clock: Arc<dyn Clock>,
    pub fetcher: Fetcher,
    pub permits: Semaphore,
    pub metrics: ScrapeMetrics,
    pub scrapes_in_flight_max: usize,
    pub metadata_bytes_per_target_max: usize,
}

/// What a target's task is told.
#[derive(Clone, Debug)]
pub(super) enum Order {
    Scrape(Box<Target>),
    /// It is no target any more.
    Leave,
    /// The process ends.
    Stop,
}

/// What a target's task tells.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub last: LastScrape,
    pub metadata: TargetMetadata,
    /// It takes no more orders.
    pub has_ended: bool,
}

pub(super) struct TargetTask {
    shared: Arc<Shared>,
    orders: watch::Receiver<Order>,
    told: Arc<Mutex<Told>>,
    pub(super) target: Target,
    memory: Memory,
    /// The time of the last scrape's samples.
    last_at: Option<Timestamp>,
}

enum Next {
    Scrape(Timestamp),
    WriteEnd(Timestamp),
    Look,
    End,
}

impl TargetTask {
    pub fn new(
        shared: Arc<Shared>,
        target: Target,
        orders: watch::Receiver<Order>,
        told: Arc<Mutex<Told>>,
    ) -> TargetTask {
        let memory = Memory::default();
        TargetTask { shared, orders, told, target, memory, last_at: None }
    }

    pub async fn run(mut self) {
        loop {
            match self.next().await {
                Next::Look => {}
                Next::Scrape(moment) => self.scrape(moment).await,
                Next::WriteEnd(stale_at) => {
                    self.write_end(stale_at).await;
                    self.last_at = None;
                }
                Next::End => {
                    let mut told = self.told.lock();
                    // Orders are given under this lock: none can come between.
                    if !self.orders.has_changed().unwrap_or(false) {
                        told.has_ended = true;
                        return;
                    }
                }
            }
        }
    }

    /// Waits for what is to be done next.
    async fn next(&mut self) -> Next {
        let order = self.orders.borrow_and_update().clone();
        let (due, next) = match order {
            Order::Stop => return Next::End,
            Order::Leave => match self.last_at {
                None => return Next::End,
                Some(last) => {
                    let (stale_at, due) = end_of_target(last, self.target.interval);
                    (due, Next::WriteEnd(stale_at))
                }
            },
            Order::Scrape(target) => {
                if !Arc::ptr_eq(&self.target.job, &target.job) {
                    self.memory.forget_labels();
                }
                self.target = *target;
                let interval = self.target.interval;
                let offset = offset(self.target.key().hash(), interval);
                let moment = next_scrape(self.shared.clock.now(), interval, offset);
                (moment, Next::Scrape(moment))
            }
        };
        tokio::select! {
            // What is due is done first: news must not cost a scrape its moment.
            biased;
            () = until(due, self.shared.clock.as_ref()) => next,
            changed = self.orders.changed() => if changed.is_ok() { Next::Look } else { Next::End },
        }
    }

    pub(super) async fn scrape(&mut self, moment: Timestamp) {
        let began = self.shared.clock.now();
        let at = sample_time(moment, began, self.target.interval);
        let shared = self.shared.clone();
        let _counted = InFlight::new(&shared.metrics.in_flight);
        let fetched = tokio::select! {
            fetched = fetch(&shared, &self.target) => fetched,
            () = stopped(&mut self.orders) => return,
        };
        let read = match fetched {
            Ok((fetched, permit)) => {
                let read = self.read(fetched, at).await;
                drop(permit);
                read
            }
            Err(error) => Err(error.into()),
        };
        let duration = self.shared.clock.now().since(began);
        self.last_at = Some(at);
        let last = self.store(read, at, duration).await;
        let mut told = self.told.lock();
        told.last = LastScrape { at: Some(began), duration, ..last };
        told.metadata = self.memory.metadata.shown();
    }

    /// Reads the page, away from the executor's threads when it is large.
    async fn read(&mut self, fetched: Fetched, at: Timestamp) -> Result<PageRead, Failure> {
        self.shared.metrics.body_bytes.inc_by(fetched.received_bytes());
        self.shared.ingest.count_scraped_body(&self.target.job.name, fetched.received_bytes());
        let is_small = fetched.received_bytes() <= INLINE_PAGE_BYTES_MAX;
        let (target, shared) = (self.target.clone(), self.shared.clone());
        let mut memory = std::mem::take(&mut self.memory);
        let work = move || {
            let read = read_fetched(fetched, &target, at, &shared, &mut memory);
            (read, memory)
        };
        let worked = if is_small { Ok(work()) } else { tokio::task::spawn_blocking(work).await };
        let (read, memory) = worked.unwrap_or_else(|error| {
            tracing::error!(%error, "a page could not be read");
            let failure = Failure::from(FetchError::new("parse", "the page could not be read"));
            (Err(failure), Memory::default())
        });
        self.memory = memory;
        read
    }

    /// Writes what came of a scrape; remembers it when it is durable.
    async fn store(
        &mut self,
        read: Result<PageRead, Failure>,
        at: Timestamp,
        duration: Duration,
    ) -> LastScrape {
        let labels = with_external(&self.target);
        let (mut decoded, live, mut report, failure) = match read {
            Ok(read) => {
                let report =
                    Report { up: true, duration, scraped: read.scraped, kept: read.kept, added: read.added };
                self.shared.metrics.duplicate_samples.inc_by(read.duplicates);
                let PageRead { known, series, exemplars, rejections, live, .. } = read;
                let batch = Batch { known, series, exemplars, ..Batch::default() };
                (Decoded { batch, rejections, ..Decoded::default() }, live, report, None)
            }
            Err(failure) => {
                let report =
                    Report { duration, scraped: failure.scraped, kept: failure.kept, ..Report::default() };
                (Decoded::default(), Default::default(), report, Some(failure.error))
            }
        };
        let samples = report.kept;
        let by_labels: Vec<Labels> =
            decoded.batch.series.iter().map(|series| series.labels.clone()).collect();
        let ended = self.memory.ended(&live);
        let ended_count = ended.len() as u64;
        mark(ended, at, &mut decoded.batch);
        decoded.batch.series.extend(report.series(&labels, at));
        let outcome = self.write(decoded).await;
        let metrics = &self.shared.metrics;
        match (outcome, failure) {
            (Ok(receipt), failure) => {
                let names = by_labels.into_iter().zip(&receipt.stored.series);
                self.memory.stored(live, names.filter_map(|(labels, name)| Some((labels, (*name)?))));
                metrics.stale_markers.inc_by(ended_count);
                metrics.scraped(failure.as_ref().map_or("ok", |error| error.kind));
                if failure.is_none() {
                    metrics.samples.inc_by(samples);
                }
                LastScrape {
                    health: if failure.is_none() { Health::Up } else { Health::Down },
                    samples: if failure.is_none() { samples } else { 0 },
                    error: failure.map(|error| error.message.into()),
                    complaint: receipt.complaint().map(Arc::from),
                    ..LastScrape::default()
                }
            }
            (Err(refused), failure) => {
                // The target is not at fault: its series stay as they are, and `up` says that this
                // scrape counts for nothing. If even that is refused, the gap says it.
                let error = failure.unwrap_or_else(|| FetchError::new("refused", refused.to_string()));
                metrics.scraped(error.kind);
                report.up = false;
                let said = Batch { series: report.series(&labels, at), ..Batch::default() };
                if let Err(error) = self.write(Decoded { batch: said, ..Decoded::default() }).await {
                    tracing::debug!(%error, target = %self.target.url, "up = 0 was refused, too");
                }
                LastScrape {
                    health: Health::Down,
                    error: Some(error.message.into()),
                    ..LastScrape::default()
                }
            }
        }
    }

    pub(super) async fn write_end(&mut self, at: Timestamp) {
        let ended = self.memory.all_live();
        let count = ended.len() as u64;
        let mut batch = Batch::default();
        mark(ended, at, &mut batch);
        batch.series.extend(Report::ends(&with_external(&self.target), at));
        match self.write(Decoded { batch, ..Decoded::default() }).await {
            Ok(_) => {
                self.shared.metrics.stale_markers.inc_by(count);
                self.memory = Memory::default();
            }
            // Queries stop seeing the series after their lookback, a few minutes later.
            Err(error) => tracing::warn!(%error, target = %self.target.url, "its end was not stored"),
        }
    }

    async fn write(&self, mut decoded: Decoded) -> Outcome {
        decoded.rows = decoded.batch.sample_count() as u64;
        self.shared.ingest.write_scraped(&self.target.job.name, decoded).await
    }
}

/// Counts a scrape while it is under way.
struct InFlight(Gauge);

impl InFlight {
    fn new(gauge: &Gauge) -> InFlight {
        gauge.inc();
        InFlight(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Why a scrape came to nothing.
struct Failure {
    error: FetchError,
    scraped: u64,
    kept: u64,
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Failure {
        Failure { error, scraped: 0, kept: 0 }
    }
}

/// The answer of a target, within its timeout; waiting for a turn counts.
async fn fetch<'a>(
    shared: &'a Shared,
    target: &Target,
) -> Result<(Fetched, tokio::sync::SemaphorePermit<'a>), FetchError> {
    if let Some(reason) = &target.refused {
        return Err(FetchError::new("target_limit", reason.as_ref()));
    }
    let fetched = tokio::time::timeout(target.timeout, async {
        let permit = shared.permits.acquire().await.map_err(|_| FetchError::new("stopped", "stopped"))?;
        Ok((shared.fetcher.fetch(target).await?, permit))
    });
    fetched.await.unwrap_or_else(|_| {
        let mut message = format!("no answer within {}", telemetry::time::format_duration(target.timeout));
        if shared.permits.available_permits() == 0 {
            message.push_str(&format!(
                " ({} scrapes are under way: scrape.limits.scrapes_in_flight_max)",
                shared.scrapes_in_flight_max
            ));
        }
        Err(FetchError::new("timeout", message))
    })
}

fn read_fetched(
    fetched: Fetched,
    target: &Target,
    at: Timestamp,
    shared: &Shared,
    memory: &mut Memory,
) -> Result<PageRead, Failure> {
    let page = fetched.into_page()?;
    let context = PageContext {
        job: &target.job,
        labels: &target.labels,
        at,
        limits: shared.ingest.limits(),
        metadata_bytes_max: shared.metadata_bytes_per_target_max,
    };
    page::read(&page.text, page.format, context, memory).map_err(|error| Failure {
        error: FetchError::new(error.kind, error.reason),
        scraped: error.scraped,
        kept: error.kept,
    })
}

/// The target's labels with those of the job that fill gaps.
fn with_external(target: &Target) -> Labels {
    let missing = target.job.external_labels.iter().filter(|(name, _)| target.labels.get(name).is_none());
    missing.fold(target.labels.clone(), |labels, (name, value)| labels.with(name, value))
}

/// Sleeps until the clock shows `due`, however it is set meanwhile.
async fn until(due: Timestamp, clock: &dyn Clock) {
    /// A clock that is set forward is noticed within this.
    const NAP_MAX: Duration = Duration::from_secs(10);
    loop {
        let left = due.since(clock.now());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(NAP_MAX)).await;
    }
}

/// Returns when the process ends.
async fn stopped(orders: &mut watch::Receiver<Order>) {
    // A channel without its sender is an end, too.
    let _order = orders.wait_for(|order| matches!(order, Order::Stop)).await;
}
