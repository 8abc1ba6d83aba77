//! Failed logins per address, bounded in time and memory. Only wrong answers count, so nobody locks
//! a colleague out by logging in often. It guards the login forms, not tokens in headers: those are
//! 256 random bits, and a stale agent on the same machine must not shut people out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use telemetry::Timestamp;

use crate::config::AuthConfig;

/// Addresses remembered at once; the one whose window began first makes room for a new one.
const ADDRESSES_MAX: usize = 4_096;

pub(super) struct LoginThrottle {
    failures_max: u32,
    window: Duration,
    failures: Mutex<HashMap<IpAddr, Failures>>,
}

struct Failures {
    since: Timestamp,
    count: u32,
}

impl LoginThrottle {
    pub(super) fn new(config: &AuthConfig) -> LoginThrottle {
        LoginThrottle {
            failures_max: config.login_failures_max,
            window: config.login_failures_window,
            failures: Mutex::default(),
        }
    }

    /// How long `address` has to wait, `None` when it may try now.
    pub(super) fn wait(&self, address: IpAddr, now: Timestamp) -> Option<Duration> {
        let failures = self.failures.lock();
        let of_address = failures.get(&address)?;
        let left = self.window.saturating_sub(now.since(of_address.since));
        (of_address.count >= self.failures_max && !left.is_zero()).then_some(left)
    }

    pub(super) fn failed(&self, address: IpAddr, now: Timestamp) {
        let mut failures = self.failures.lock();
        if failures.len() >= ADDRESSES_MAX && !failures.contains_key(&address) {
            let oldest = failures.iter().min_by_key(|(_, of_address)| of_address.since).map(|(at, _)| *at);
            oldest.and_then(|oldest| failures.remove(&oldest));
        }
        let of_address = failures.entry(address).or_insert(Failures { since: now, count: 0 });
        if now.since(of_address.since) >= self.window {
            *of_address = Failures { since: now, count: 0 };
        }
        of_address.count = of_address.count.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u32) -> IpAddr {
        IpAddr::from(n.to_be_bytes())
    }

    #[test]
    fn the_failure_over_the_limit_waits_until_the_window_ends() {
        let config = AuthConfig { login_failures_max: 2, ..AuthConfig::default() };
        let throttle = LoginThrottle::new(&config);
        let at = |secs: i64| Timestamp::from_secs(secs);
        throttle.failed(address(1), at(0));
        assert_eq!(throttle.wait(address(1), at(1)), None);
        throttle.failed(address(1), at(1));
        assert_eq!(
            throttle.wait(address(1), at(2)),
            Some(config.login_failures_window - Duration::from_secs(2))
        );
        assert_eq!(throttle.wait(address(2), at(2)), None);
        let over = Timestamp::EPOCH.plus(config.login_failures_window);
        assert_eq!(throttle.wait(address(1), over), None);
        throttle.failed(address(1), over);
        assert_eq!(throttle.wait(address(1), over), None);
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = LoginThrottle::new(&AuthConfig::default());
        for n in 0..ADDRESSES_MAX as u32 + 100 {
            throttle.failed(address(n), Timestamp::from_secs(i64::from(n)));
        }
        assert_eq!(throttle.failures.lock().len(), ADDRESSES_MAX);
        assert!(!throttle.failures.lock().contains_key(&address(0)));
    }
}
