//! Log records as they are stored, for whoever follows them live.
//!
//! The feed holds what came last, up to a bound in bytes, and nothing while nobody follows. A follower that
//! is slower than the writers is told how many records it missed; nobody ever waits for it.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use telemetry::LogRows;
use tokio::sync::watch;

#[derive(Debug)]
pub struct LogFeed {
    inner: Mutex<Inner>,
    news: watch::Sender<News>,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Inner {
    parts: VecDeque<Part>,
    bytes: usize,
    /// The number of the next record.
    next: u64,
    followers: usize,
}

#[derive(Debug)]
struct Part {
    first: u64,
    rows: Arc<LogRows>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct News {
    next: u64,
    is_over: bool,
}

/// One who follows. Dropping it is all that ends it.
#[derive(Debug)]
pub struct LogFollower {
    feed: Arc<LogFeed>,
    news: watch::Receiver<News>,
    next: u64,
}

/// What a follower gets.
#[derive(Clone, Debug, PartialEq)]
pub enum Followed {
    /// In the order in which they were stored.
    Records(Arc<LogRows>),
    /// So many were stored and are not in the feed any more.
    Missed(u64),
}

impl LogFeed {
    pub fn new(bytes_max: u64) -> LogFeed {
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        LogFeed { inner: Mutex::default(), news: watch::Sender::default(), bytes_max }
    }

    /// Records that are stored and about to be queryable.
    pub fn push(&self, rows: &LogRows) {
        let mut inner = self.inner.lock();
        if inner.followers == 0 || rows.is_empty() {
            return;
        }
        let rows = Arc::new(rows.clone());
        let first = inner.next;
        inner.next += rows.len() as u64;
        inner.bytes += rows.bytes();
        inner.parts.push_back(Part { first, rows });
        while inner.bytes > self.bytes_max
            && let Some(oldest) = inner.parts.pop_front()
        {
            inner.bytes -= oldest.rows.bytes();
        }
        let next = inner.next;
        self.news.send_modify(|news| news.next = next);
    }

    /// From now on.
    pub fn follow(self: &Arc<LogFeed>) -> LogFollower {
        let mut inner = self.inner.lock();
        inner.followers += 1;
        LogFollower { feed: self.clone(), news: self.news.subscribe(), next: inner.next }
    }

    /// No records come any more: followers end when they have read what is there.
    pub fn close(&self) {
        self.news.send_modify(|news| news.is_over = true);
    }
}

impl LogFollower {
    /// The next records, when there are some; `None` when the lake is closed.
    pub async fn next(&mut self) -> Option<Followed> {
        loop {
            let is_over = self.news.borrow_and_update().is_over;
            if let Some(followed) = self.take() {
                return Some(followed);
            }
            if is_over || self.news.changed().await.is_err() {
                return None;
            }
        }
    }

    fn take(&mut self) -> Option<Followed> {
        let inner = self.feed.inner.lock();
        let oldest = inner.parts.front().map_or(inner.next, |part| part.first);
        if oldest > self.next {
            let missed = oldest - self.next;
            self.next = oldest;
            return Some(Followed::Missed(missed));
        }
        let at = inner.parts.partition_point(|part| part.first < self.next);
        let part = inner.parts.get(at)?;
        self.next = part.first + part.rows.len() as u64;
        Some(Followed::Records(part.rows.clone()))
    }
}

impl Drop for LogFollower {
    fn drop(&mut self) {
        let mut inner = self.feed.inner.lock();
        inner.followers -= 1;
        if inner.followers == 0 {
            inner.parts = VecDeque::new();
            inner.bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use telemetry::LogRecord;

    use super::*;

    fn rows(bodies: &[&str]) -> LogRows {
        let record = |body: &&str| LogRecord { body: (*body).into(), ..LogRecord::default() };
        bodies.iter().map(record).collect::<Vec<_>>().iter().collect()
    }

    fn now(follower: &mut LogFollower) -> Option<Option<Followed>> {
        follower.next().now_or_never()
    }

    #[test]
    fn a_follower_sees_what_comes_from_then_on() {
        let feed = Arc::new(LogFeed::new(1 << 20));
        feed.push(&rows(&["before"]));
        let mut follower = feed.follow();
        assert_eq!(now(&mut follower), None, "it waits");
        feed.push(&rows(&["a", "b"]));
        feed.push(&rows(&["c"]));
        assert_eq!(now(&mut follower), Some(Some(Followed::Records(Arc::new(rows(&["a", "b"]))))));
        feed.close();
        assert_eq!(now(&mut follower), Some(Some(Followed::Records(Arc::new(rows(&["c"]))))));
        assert_eq!(now(&mut follower), Some(None));
    }

    #[test]
    fn a_slow_one_is_told_what_it_missed_and_holds_up_nobody() {
        // As the feed holds it: without room to grow.
        let part = rows(&["one", "two"]).clone();
        let feed = Arc::new(LogFeed::new(part.bytes() as u64 * 2));
        let (mut slow, mut quick) = (feed.follow(), feed.follow());
        for _ in 0..5 {
            feed.push(&part);
            assert!(matches!(now(&mut quick), Some(Some(Followed::Records(_)))));
        }
        assert_eq!(now(&mut slow), Some(Some(Followed::Missed(6))));
        assert_eq!(now(&mut slow), Some(Some(Followed::Records(Arc::new(part.clone())))));
        assert!(feed.inner.lock().bytes <= part.bytes() * 2);
        drop((slow, quick));
        assert_eq!(feed.inner.lock().bytes, 0, "nobody follows, nothing is held");
    }

    #[test]
    fn what_is_larger_than_the_feed_is_missed() {
        let feed = Arc::new(LogFeed::new(1));
        let mut follower = feed.follow();
        feed.push(&rows(&["far too long"]));
        assert_eq!(now(&mut follower), Some(Some(Followed::Missed(1))));
        assert_eq!(now(&mut follower), None);
    }
}
