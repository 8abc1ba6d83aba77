//! The places of a listener, and who has to give one up.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::activity::Activity;
use super::metrics::ListenerMetrics;

/// How long is waited for a place that was asked back, which takes one turn of the runtime, before another
/// is asked for: a request may have been faster.
const HANDOVER_TIME: Duration = Duration::from_millis(100);

pub(super) struct Places {
    listener: &'static str,
    connections_max: usize,
    free: Arc<Semaphore>,
    taken: Mutex<Taken>,
    /// The log has been told that the places are taken, and they were not free again since.
    is_told: AtomicBool,
    metrics: ListenerMetrics,
}

#[derive(Default)]
struct Taken {
    next: u64,
    by: HashMap<u64, Arc<Activity>>,
}

impl Places {
    pub(super) fn new(listener: &'static str, connections_max: usize, metrics: ListenerMetrics) -> Places {
        let connections_max = connections_max.clamp(1, Semaphore::MAX_PERMITS);
        Places {
            listener,
            connections_max,
            free: Arc::new(Semaphore::new(connections_max)),
            taken: Mutex::default(),
            is_told: AtomicBool::new(false),
            metrics,
        }
    }

    /// A free place, or that of the connection that has been idle for longest; `None` if all are in use.
    pub(super) async fn take(self: &Arc<Places>) -> Option<Place> {
        let permit = match self.free.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                self.tell();
                self.handed_over().await?
            }
        };
        let activity = Activity::new();
        let mut taken = self.taken.lock();
        let id = taken.next;
        taken.next += 1;
        taken.by.insert(id, activity.clone());
        self.metrics.open.inc();
        Some(Place { places: self.clone(), id, activity, _permit: permit })
    }

    async fn handed_over(&self) -> Option<OwnedSemaphorePermit> {
        loop {
            self.longest_idle()?.ask_for_place();
            let place = self.free.clone().acquire_owned();
            if let Ok(place) = tokio::time::timeout(HANDOVER_TIME, place).await {
                return place.ok();
            }
        }
    }

    fn longest_idle(&self) -> Option<Arc<Activity>> {
        let taken = self.taken.lock();
        let idle = taken.by.values().filter_map(|activity| Some((activity.idle_since()?, activity)));
        idle.min_by_key(|(since, _)| *since).map(|(_, activity)| activity.clone())
    }

    /// Once, until half of the places are free again.
    fn tell(&self) {
        if !self.is_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                listener = self.listener,
                connections_max = self.connections_max,
                "all connections are taken: idle ones give way, and others are refused (web.connections_max)"
            );
        }
    }
}

/// One connection's place; free again when it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    id: u64,
    activity: Arc<Activity>,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    pub(super) fn activity(&self) -> Arc<Activity> {
        self.activity.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let places = &self.places;
        places.taken.lock().by.remove(&self.id);
        places.metrics.open.dec();
        if places.free.available_permits() >= places.connections_max / 2 {
            places.is_told.store(false, Ordering::Relaxed);
        }
    }
}
