//! Pull: scrapes Prometheus and OpenMetrics targets on their intervals and writes what they say.
//!
//! The cast, in the order of the way: [`config`] is what people write, [`job`] what it means,
//! [`discovery`] finds addresses in files, [`target`] and [`relabel`] make targets of addresses,
//! [`targets`] compares them with the running ones, [`run`] is one target over its life, [`schedule`]
//! says when, [`fetch`] gets the page, [`page`] and [`memory`] make series of it, [`metadata`] keeps what
//! it says of families, [`report`] adds `up`.
//!
//! Semantics are those of Prometheus, down to stale markers. Bounded by [`ScrapeLimits`]; senders are
//! never held up: a scrape that finds no room fails and says so. Not here: reading settings files and
//! watching them (the root does), service discoveries other than files.

pub mod config;
mod discovery;
mod fetch;
pub mod job;
mod limits;
pub mod load;
mod memory;
mod metadata;
mod metrics;
pub(crate) mod page;
pub mod relabel;
mod report;
mod run;
mod schedule;
mod status;
mod target;
mod targets;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use telemetry::{Clock, Defect};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::Ingest;
use discovery::FileWatch;
use fetch::Fetcher;
use job::Job;
use load::Loaded;
use run::{Order, Shared, TargetTask, Told};
use targets::{Pool, TargetSet, changes};

pub use config::{JobConfig, ScrapeSettings};
pub use limits::ScrapeLimits;
pub use metadata::{FamilyText, TargetMetadata};
pub use metrics::ScrapeMetrics;
pub use status::{Health, LastScrape, PoolStatus, TargetStatus};
pub use target::{Target, TargetKey};

/// The scraper. Cheap to clone.
#[derive(Clone)]
pub struct Scraper(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    limits: ScrapeLimits,
    /// Held while files are read and targets are changed, so that this happens once at a time.
    jobs: Arc<tokio::sync::Mutex<Vec<JobAtWork>>>,
    running: Mutex<BTreeMap<TargetKey, Running>>,
    shown: Mutex<Shown>,
}

/// A job with what its discoveries know.
struct JobAtWork {
    job: Arc<Job>,
    files: Vec<FileWatch>,
}

struct Running {
    target: Target,
    is_leaving: bool,
    orders: watch::Sender<Order>,
    told: Arc<Mutex<Told>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shown {
    pools: BTreeMap<String, Pool>,
    config_defects: Vec<Defect>,
    discovery_defects: Vec<Defect>,
}

impl Scraper {
    pub fn new(ingest: Ingest, limits: ScrapeLimits, clock: Arc<dyn Clock>) -> Scraper {
        let shared = Shared {
            ingest,
            clock,
            fetcher: Fetcher::new(&limits),
            permits: Semaphore::new(limits.scrapes_in_flight_max.min(Semaphore::MAX_PERMITS)),
            metrics: ScrapeMetrics::default(),
            scrapes_in_flight_max: limits.scrapes_in_flight_max,
            metadata_bytes_per_target_max: limits.metadata_bytes_per_target_max,
        };
        Scraper(Arc::new(Inner {
            shared: Arc::new(shared),
            limits,
            jobs: Arc::default(),
            running: Mutex::default(),
            shown: Mutex::default(),
        }))
    }

    pub fn metrics(&self) -> &ScrapeMetrics {
        &self.0.shared.metrics
    }

    /// Takes configuration into use. With an error in it, the one before stays.
    pub async fn set_config(&self, loaded: Loaded) {
        let is_good = !loaded.has_errors();
        self.0.shared.metrics.config_ok.set(i64::from(is_good));
        self.0.shown.lock().config_defects = loaded.defects;
        if !is_good {
            return;
        }
        {
            let mut jobs = self.0.jobs.lock().await;
            let mut former: Vec<FileWatch> = jobs.drain(..).flat_map(|job| job.files).collect();
            *jobs = loaded.jobs.into_iter().map(|job| JobAtWork::new(job, &mut former)).collect();
        }
        self.look(true).await;
    }

    /// Looks at the files of discoveries; safe to call at any time.
    pub async fn refresh(&self) {
        self.look(false).await;
    }

    async fn look(&self, is_new: bool) {
        let mut jobs = self.0.jobs.clone().lock_owned().await;
        let has_files = jobs.iter().any(|job| !job.files.is_empty());
        if !is_new && !has_files {
            return self.0.forget_ended();
        }
        let (now, limits) = (self.0.shared.clock.now(), self.0.limits.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let mut changed = is_new;
            for watch in jobs.iter_mut().flat_map(|job| &mut job.files) {
                changed |= watch.refresh(now, &limits);
            }
            let set = changed.then(|| wanted(&jobs, &limits));
            let watches = jobs.iter().flat_map(|job| &job.files);
            let defects: Vec<Defect> = watches.flat_map(FileWatch::defects).cloned().collect();
            // Given back, so that nobody looks before this look has come to its targets.
            (jobs, set, defects)
        });
        match looked.await {
            Ok((jobs, set, defects)) => {
                self.0.shown.lock().discovery_defects = defects;
                if let Some(set) = set {
                    self.0.change_to(set);
                }
                drop(jobs);
            }
            Err(error) => tracing::error!(%error, "discovery failed; the targets stay as they are"),
        }
        self.0.forget_ended();
    }

    /// Every target with its last scrape, sorted by job and labels.
    pub fn targets(&self) -> Vec<TargetStatus> {
        let running = self.0.running.lock();
        let shown = running.values().filter(|running| !running.is_leaving);
        shown
            .map(|running| {
                let told = running.told.lock();
                let (last, metadata) = (told.last.clone(), told.metadata.clone());
                TargetStatus { target: running.target.clone(), last, metadata }
            })
            .collect()
    }

    /// Every job, sorted by name.
    pub fn pools(&self) -> Vec<PoolStatus> {
        let shown = self.0.shown.lock();
        let pools = shown.pools.iter();
        pools.map(|(job, pool)| PoolStatus { job: job.clone(), pool: pool.clone() }).collect()
    }

    /// What is wrong in configuration and discovered files.
    pub fn defects(&self) -> Vec<Defect> {
        let shown = self.0.shown.lock();
        shown.config_defects.iter().chain(&shown.discovery_defects).cloned().collect()
    }

    /// Ends all scraping; writes that have begun end first.
    pub async fn shutdown(&self) {
        self.0.jobs.lock().await.clear();
        let running = std::mem::take(&mut *self.0.running.lock());
        for running in running.values() {
            running.order(Order::Stop);
        }
        for running in running.into_values() {
            if let Err(error) = running.task.await {
                tracing::error!(%error, "a target's task failed");
            }
        }
    }
}

impl JobAtWork {
    /// Discoveries that were there before keep what they know.
    fn new(job: Arc<Job>, former: &mut Vec<FileWatch>) -> JobAtWork {
        let files = job.file_discoveries.iter().map(|discovery| {
            match former.iter().position(|watch| watch.discovery() == discovery) {
                Some(known) => former.swap_remove(known),
                None => FileWatch::new(discovery.clone()),
            }
        });
        let files = files.collect();
        JobAtWork { job, files }
    }
}

fn wanted(jobs: &[JobAtWork], limits: &ScrapeLimits) -> TargetSet {
    let mut set = TargetSet::default();
    for JobAtWork { job, files } in jobs {
        let groups = job.static_groups.iter().chain(files.iter().flat_map(FileWatch::groups));
        set.add(job, groups, limits);
    }
    set
}

impl Inner {
    fn change_to(&self, mut set: TargetSet) {
        let mut running = self.running.lock();
        let known: BTreeSet<TargetKey> = running.keys().cloned().collect();
        let changes = changes(&known, &set.targets);
        for key in &changes.stop {
            if let Some(running) = running.get_mut(key) {
                running.is_leaving = true;
                running.order(Order::Leave);
            }
        }
        for key in changes.keep.into_iter().chain(changes.start) {
            let Some(target) = set.targets.remove(&key) else { continue };
            let goes_on = running.get_mut(&key).is_some_and(|running| running.go_on(&target));
            if !goes_on {
                running.insert(key, Running::start(self.shared.clone(), target));
            }
        }
        let count = running.values().filter(|running| !running.is_leaving).count();
        self.shared.metrics.targets.set(count as i64);
        self.shown.lock().pools = set.pools;
    }

    fn forget_ended(&self) {
        self.running.lock().retain(|_, running| !running.told.lock().has_ended);
    }
}

impl Running {
    fn start(shared: Arc<Shared>, target: Target) -> Running {
        let (orders, told_orders) = watch::channel(Order::Scrape(Box::new(target.clone())));
        let told = Arc::new(Mutex::new(Told::default()));
        let task = TargetTask::new(shared, target.clone(), told_orders, told.clone());
        let task = tokio::spawn(task.run());
        Running { target, is_leaving: false, orders, told, task }
    }

    /// Takes a target's news; `false` when its task has ended.
    fn go_on(&mut self, target: &Target) -> bool {
        (self.target, self.is_leaving) = (target.clone(), false);
        self.order(Order::Scrape(Box::new(target.clone())))
    }

    fn order(&self, order: Order) -> bool {
        let told = self.told.lock();
        !told.has_ended && self.orders.send(order).is_ok()
    }
}

#[cfg(test)]
pub(crate) mod tests;
