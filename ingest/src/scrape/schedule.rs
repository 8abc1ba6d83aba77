//! When a target is scraped. Pure.
//!
//! A target's moments are those that leave the same remainder when divided by its interval: they
//! spread targets evenly, do not drift, and are the same after a restart.

use std::time::Duration;

use telemetry::Timestamp;

/// A scrape that begins this little after its moment is stamped with the moment: even distances
/// compress better.
const JITTER_MAX: Duration = Duration::from_millis(2);

/// Where in its interval a target of this hash is scraped.
pub fn offset(hash: u64, interval: Duration) -> Duration {
    Duration::from_micros(hash % micros(interval))
}

/// The first moment after `after`.
pub fn next_scrape(after: Timestamp, interval: Duration, offset: Duration) -> Timestamp {
    let (interval, offset) = (micros(interval) as i64, offset.as_micros() as i64);
    let since_last = (after.micros() - offset).rem_euclid(interval);
    Timestamp::from_micros(after.micros() - since_last + interval)
}

/// The time of the samples of a scrape that was due at `moment` and began at `now`, in whole
/// milliseconds.
pub fn sample_time(moment: Timestamp, now: Timestamp, interval: Duration) -> Timestamp {
    let jitter_max = JITTER_MAX.min(interval / 100);
    let is_on_time = now >= moment && now.since(moment) <= jitter_max;
    Timestamp::from_millis(if is_on_time { moment } else { now }.millis())
}

/// For a target that is no more: the time of its stale markers, which is when it would have been
/// scraped next, and when to write them. Between the two it may come back and nothing has happened.
pub fn end_of_target(last_scrape: Timestamp, interval: Duration) -> (Timestamp, Timestamp) {
    let stale_at = Timestamp::from_millis(last_scrape.plus(interval).millis());
    (stale_at, stale_at.plus(interval + interval / 10))
}

/// At least one, so that it can divide.
fn micros(interval: Duration) -> u64 {
    (interval.as_micros() as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(15);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn moments_are_even_and_spread() {
        let offset = offset(7_000_003, INTERVAL);
        assert_eq!(offset, Duration::from_micros(7_000_003));
        let mut now = at(1_000_000);
        let mut moments = Vec::new();
        for _ in 0..3 {
            now = next_scrape(now, INTERVAL, offset);
            moments.push(now.micros());
        }
        assert_eq!(moments, [1_012_000_003, 1_027_000_003, 1_042_000_003]);
        // A moment that was slept through is left out, the grid stays.
        assert_eq!(next_scrape(at(1_100_000), INTERVAL, offset).micros(), 1_102_000_003);
        // Exactly at a moment the next one is an interval away.
        let moment = Timestamp::from_micros(1_012_000_003);
        assert_eq!(next_scrape(moment, INTERVAL, offset).micros(), 1_027_000_003);
        let hashes = (0..1_000_u64).map(|n| xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes()));
        let early = hashes.filter(|hash| super::offset(*hash, INTERVAL) < INTERVAL / 2).count();
        assert!((400..600).contains(&early), "{early}");
    }

    #[test]
    fn a_small_delay_does_not_show_in_the_time_of_samples() {
        for (now, expect) in [(10_000, 10_000), (10_002, 10_000), (10_003, 10_003), (9_999, 9_999)] {
            assert_eq!(sample_time(at(10_000), at(now), INTERVAL), at(expect), "{now}");
        }
        // Of a short interval even two milliseconds are much.
        assert_eq!(sample_time(at(10_000), at(10_002), Duration::from_millis(100)), at(10_002));
        let moment = Timestamp::from_micros(10_000_500);
        assert_eq!(sample_time(moment, moment, INTERVAL), at(10_000));
    }

    #[test]
    fn a_target_that_goes_away_is_stale_from_when_it_would_have_been_scraped() {
        assert_eq!(end_of_target(at(10_000), INTERVAL), (at(25_000), at(41_500)));
    }
}
