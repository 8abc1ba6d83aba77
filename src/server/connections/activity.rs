//! What a connection is doing, and since when: whether it waits for us, or we for its peer.
//!
//! Pure bookkeeping; the time comes from the runtime's clock, which tests turn.

use std::sync::Arc;
use std::task::Waker;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Activity {
    state: Mutex<State>,
    /// Told that somebody else needs the place.
    place_needed: Notify,
}

#[derive(Debug)]
struct State {
    /// Requests between their head and the end of their answer.
    open: usize,
    /// Those of them whose answer is being made here, rather than fetched by the peer.
    in_work: usize,
    /// The peer takes no more bytes at the moment.
    is_blocked: bool,
    /// When the peer last got something, or came.
    since: Instant,
    /// Reads that have seen the end, and wait for the last answer to be out.
    at_end: Option<Waker>,
}

impl State {
    fn is_idle(&self) -> bool {
        self.open == 0 && !self.is_blocked
    }

    /// To be woken by the caller, without the lock.
    fn whom_to_wake(&mut self) -> Option<Waker> {
        if self.is_idle() { self.at_end.take() } else { None }
    }
}

impl Activity {
    pub(super) fn new() -> Arc<Activity> {
        let state = State { open: 0, in_work: 0, is_blocked: false, since: Instant::now(), at_end: None };
        Arc::new(Activity { state: Mutex::new(state), place_needed: Notify::new() })
    }

    /// Counts a request as in work until it is dropped.
    pub(super) fn begin(self: &Arc<Activity>) -> OpenRequest {
        let mut state = self.state.lock();
        state.open += 1;
        state.in_work += 1;
        OpenRequest { activity: self.clone(), is_in_work: true }
    }

    /// The peer took bytes.
    pub(super) fn wrote(&self) {
        let mut state = self.state.lock();
        // Answers to pings are no use of a connection.
        if state.open > 0 || state.is_blocked {
            state.since = Instant::now();
        }
        state.is_blocked = false;
        let waker = state.whom_to_wake();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }

    /// The peer takes no bytes.
    pub(super) fn blocked(&self) {
        let mut state = self.state.lock();
        if !state.is_blocked {
            state.is_blocked = true;
            state.since = Instant::now();
        }
    }

    /// Since when nothing can go on without the peer: it has to send a request, or to take an answer.
    pub(super) fn waits_for_peer_since(&self) -> Option<Instant> {
        let state = self.state.lock();
        (state.in_work == 0 || state.is_blocked).then_some(state.since)
    }

    /// Since when there is no request at all.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = self.state.lock();
        state.is_idle().then_some(state.since)
    }

    /// Whether all answers are out; wakes `waker` when they are.
    pub(super) fn is_idle_or_wake(&self, waker: &Waker) -> bool {
        let mut state = self.state.lock();
        if state.is_idle() {
            return true;
        }
        state.at_end = Some(waker.clone());
        false
    }

    pub(super) fn ask_for_place(&self) {
        self.place_needed.notify_one();
    }

    pub(super) async fn place_needed(&self) {
        self.place_needed.notified().await;
    }
}

/// A request, from its head to the end of its answer.
#[derive(Debug)]
pub(super) struct OpenRequest {
    activity: Arc<Activity>,
    is_in_work: bool,
}

impl OpenRequest {
    /// Whether its answer is being made here, or is the peer's to fetch.
    pub(super) fn set_in_work(&mut self, is_in_work: bool) {
        if self.is_in_work == is_in_work {
            return;
        }
        self.is_in_work = is_in_work;
        let mut state = self.activity.state.lock();
        if is_in_work {
            state.in_work += 1;
        } else {
            state.in_work -= 1;
            state.since = Instant::now();
        }
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.set_in_work(false);
        let mut state = self.activity.state.lock();
        state.open -= 1;
        state.since = Instant::now();
        let waker = state.whom_to_wake();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }
}
