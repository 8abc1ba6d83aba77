//! How long something took.

use std::time::{Duration, Instant};

/// Of latencies in order.
pub fn quantile_ms(sorted: &[Duration], q: f64) -> f64 {
    let at = (sorted.len().saturating_sub(1) as f64 * q) as usize;
    sorted.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
}

#[allow(clippy::disallowed_methods)] // measures durations
pub fn clock() -> Instant {
    Instant::now()
}
