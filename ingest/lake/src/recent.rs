//! Bounded memories of what was seen: event ids and retry keys.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use telemetry::Timestamp;

/// The most recent ids, up to a bound.
#[derive(Debug)]
pub struct RecentIds {
    ids: std::collections::HashSet<u128, foldhash::fast::RandomState>,
    order: VecDeque<u128>,
    max: usize,
}

impl RecentIds {
    pub fn new(max: usize) -> RecentIds {
        RecentIds { ids: Default::default(), order: VecDeque::new(), max: max.max(1) }
    }

    /// Remembers an id; `false` when it was known.
    pub fn insert(&mut self, id: u128) -> bool {
        if !self.ids.insert(id) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > self.max
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

/// What is known about a retry key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryState {
    /// A batch with this key is on its way into the log.
    InFlight,
    /// A batch with this key was acknowledged at this time and stands here in the log.
    Stored { at: Timestamp, position: i64 },
}

/// Keys of batches that a sender may repeat, up to a bound and an age.
#[derive(Debug)]
pub struct RetryKeys {
    states: HashMap<u128, RetryState, foldhash::fast::RandomState>,
    order: VecDeque<(Timestamp, u128)>,
    window: Duration,
    max: usize,
}

impl RetryKeys {
    pub fn new(window: Duration, max: usize) -> RetryKeys {
        RetryKeys { states: HashMap::default(), order: VecDeque::new(), window, max: max.max(1) }
    }

    pub fn get(&mut self, key: u128, now: Timestamp) -> Option<RetryState> {
        self.forget_old(now);
        let horizon = now.minus(self.window);
        let is_valid = |state: &RetryState| !matches!(state, RetryState::Stored { at, .. } if *at < horizon);
        self.states.get(&key).copied().filter(is_valid)
    }

    pub fn begin(&mut self, key: u128) {
        self.states.insert(key, RetryState::InFlight);
    }

    /// The batch did not get into the log.
    pub fn abandon(&mut self, key: u128) {
        if self.states.get(&key) == Some(&RetryState::InFlight) {
            self.states.remove(&key);
        }
    }

    pub fn stored(&mut self, key: u128, at: Timestamp, position: i64) {
        self.states.insert(key, RetryState::Stored { at, position });
        self.order.push_back((at, key));
    }

    /// As [`RetryKeys::stored`], unless a batch with the key is known that stands earlier in the log.
    pub fn stored_first(&mut self, key: u128, at: Timestamp, position: i64) {
        if !self.is_repeated(key, at, position) {
            self.stored(key, at, position);
        }
    }

    /// Whether a batch that stands in the log at `position` repeats an earlier one.
    pub fn is_repeated(&mut self, key: u128, at: Timestamp, position: i64) -> bool {
        matches!(self.get(key, at), Some(RetryState::Stored { position: first, .. }) if first < position)
    }

    /// The keys that are known as stored, oldest first.
    pub fn all_stored(&mut self, now: Timestamp) -> Vec<(u128, Timestamp)> {
        self.forget_old(now);
        let is_newest = |(at, key): &&(Timestamp, u128)| matches!(self.states.get(key), Some(RetryState::Stored { at: known, .. }) if known == at);
        self.order.iter().filter(is_newest).map(|(at, key)| (*key, *at)).collect()
    }

    fn forget_old(&mut self, now: Timestamp) {
        let horizon = now.minus(self.window);
        while let Some((at, key)) = self.order.front().copied() {
            if at >= horizon && self.order.len() <= self.max {
                break;
            }
            self.order.pop_front();
            if matches!(self.states.get(&key), Some(RetryState::Stored { at: known, .. }) if *known == at) {
                self.states.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_ids_are_forgotten_first() {
        let mut ids = RecentIds::new(2);
        assert!(ids.insert(1) && ids.insert(2) && !ids.insert(1) && ids.insert(3));
        assert!(!ids.insert(2), "still known");
        assert!(ids.insert(1), "was the oldest");
    }

    #[test]
    fn keys_live_for_the_window_and_in_flight_ones_until_they_end() {
        let at = Timestamp::from_secs;
        let mut keys = RetryKeys::new(Duration::from_secs(10), 100);
        keys.begin(1);
        assert_eq!(keys.get(1, at(1_000)), Some(RetryState::InFlight));
        keys.abandon(1);
        assert_eq!(keys.get(1, at(0)), None);
        keys.stored(2, at(0), 7);
        keys.abandon(2);
        assert_eq!(keys.all_stored(at(10)), [(2, at(0))]);
        assert_eq!(keys.get(2, at(10)), Some(RetryState::Stored { at: at(0), position: 7 }));
        assert_eq!(keys.get(2, at(11)), None);
    }

    #[test]
    fn in_the_log_the_first_of_two_batches_with_a_key_counts_and_never_itself() {
        let at = Timestamp::from_secs;
        let mut keys = RetryKeys::new(Duration::from_secs(10), 100);
        // Written while the log was being read, and read later than an older one with the same key.
        keys.stored_first(1, at(5), 9);
        assert!(!keys.is_repeated(1, at(0), 3));
        keys.stored(1, at(0), 3);
        keys.stored_first(1, at(5), 9);
        assert!(keys.is_repeated(1, at(5), 9));
        assert!(!keys.is_repeated(1, at(11), 9), "the window is over");
    }
}
