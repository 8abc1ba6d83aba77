//! The lake that both engines read: made once, merged into the files that stay.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lake::{Lake, LakeConfig, Table};
use telemetry::{Batch, ManualClock, Timestamp};

use crate::history::{DAYS, SERVICES, Service};
use crate::metrics::Metrics;
use crate::service_logs::{self, Extent};

/// 2026-11-20T00:00:00Z: the day of the metrics and logs, and the last of the ninety.
const DAY_START_MS: i64 = 1_795_132_800_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Three days later the day is merged.
const NOW_MS: i64 = DAY_START_MS + 3 * DAY_MS;
/// Log lines and events are made and stored in portions.
const PORTION_LINES: usize = 100_000;
const PORTION_EVENTS: usize = 5_000;
const LOG_HOURS: i64 = 6;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extents {
    pub hosts: usize,
    pub hours: i64,
    pub log_lines: usize,
}

pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::from_millis(NOW_MS)))
}

/// Nothing happens but what is asked for.
pub async fn open(dir: &Path) -> Lake {
    let never = Duration::from_secs(1_000_000_000);
    let config = LakeConfig {
        dir: dir.to_owned(),
        flush_interval: never,
        compact_interval: never,
        disk_free_min_bytes: 0,
        disk_free_min_percent: 0.0,
        ..LakeConfig::default()
    };
    Lake::open(config, clock()).await.expect("a lake opens")
}

/// Fills a fresh lake. Returns the size of the logs as JSON lines.
pub async fn fill(lake: &Lake, extents: Extents) -> u64 {
    let mut metrics = Metrics::new(extents.hosts);
    for hour in 24 - extents.hours..24 {
        lake.import(metrics.hour(DAY_START_MS + hour * HOUR_MS)).await.expect("the lake takes samples");
    }
    drop(metrics);
    let log_bytes = import_logs(lake, extents.log_lines).await;
    import_history(lake).await;
    lake.flush().await.expect("the lake flushes");
    lake.compact().await.expect("the lake merges");
    for table in Table::ALL {
        let snapshot = lake.snapshot(table).await.expect("a snapshot");
        assert!(snapshot.buffered.is_empty(), "{} has rows that no file has", table.name());
    }
    log_bytes
}

async fn import_logs(lake: &Lake, lines: usize) -> u64 {
    let mut json_bytes = 0;
    let portions = lines.div_ceil(PORTION_LINES).max(1);
    let span_nanos = LOG_HOURS * HOUR_MS * 1_000_000 / portions as i64;
    for portion in 0..portions {
        let logs = service_logs::generate(Extent {
            lines: PORTION_LINES.min(lines - portion * PORTION_LINES),
            start_nanos: DAY_START_MS * 1_000_000 + portion as i64 * span_nanos,
            span_nanos,
            seed: 0x9e37_79b9_7f4a_7c15 ^ (portion as u64) << 32,
        });
        json_bytes += logs.json_bytes;
        let batch = Batch { logs: logs.records, ..Batch::default() };
        lake.import(batch).await.expect("the lake takes log records");
    }
    json_bytes
}

async fn import_history(lake: &Lake) {
    let start_ms = DAY_START_MS + DAY_MS - DAYS * DAY_MS;
    let mut services: Vec<Service> = (0..SERVICES).map(|number| Service::new(number, start_ms)).collect();
    for service in &mut services {
        let events = std::mem::take(&mut service.events);
        for events in events.chunks(PORTION_EVENTS) {
            let batch = Batch { events: events.to_vec(), ..Batch::default() };
            lake.append(batch).await.expect("the lake takes events");
        }
    }
    for first_day in (0..DAYS).step_by(10) {
        let days = first_day..DAYS.min(first_day + 10);
        let slices = services
            .iter_mut()
            .flat_map(|service| {
                days.clone().flat_map(|day| service.slices(start_ms + day * DAY_MS)).collect::<Vec<_>>()
            })
            .collect();
        let batch = Batch { slices, ..Batch::default() };
        lake.import(batch).await.expect("the lake takes slices");
    }
}
