//! What can be set, with the bounds that keep memory and disk finite. Every number has its reason.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use telemetry::time::duration_text;

use crate::series::limits::SeriesLimits;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const DAY: Duration = Duration::from_secs(86_400);

/// Settings of the lake; the key `lake` of the server's file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LakeConfig {
    /// Holds `wal/` and `lake/`; whoever opens the lake says where.
    #[serde(skip)]
    pub dir: PathBuf,
    /// What an acknowledgement promises.
    pub ack: Ack,
    pub wal: WalConfig,
    /// Rows reach Parquet at the latest after this time ...
    #[serde(with = "duration_text")]
    pub flush_interval: Duration,
    /// ... or when the write buffer holds this much.
    pub flush_bytes: u64,
    /// The write buffer's bound, rows that are being flushed included. Beyond it: overloaded.
    pub buffer_bytes_max: u64,
    /// How often closed hours are looked for.
    #[serde(with = "duration_text")]
    pub compact_interval: Duration,
    /// How long after its end an hour counts as closed: late scrapes and slow senders are in by then.
    #[serde(with = "duration_text")]
    pub hour_grace: Duration,
    /// How long after its end a day is merged into day files.
    #[serde(with = "duration_text")]
    pub day_grace: Duration,
    /// A merged file ends at this many rows: its footer, which every query for it reads, grows with
    /// them ...
    pub compact_rows_max: u64,
    /// ... or at this size: large enough that a day has few files, small enough to be rewritten for
    /// late rows.
    pub compact_bytes_max: u64,
    /// Files of one table that flushes made, that could be merged by now and are not. From so many on
    /// merges get the priority of ingest, and the write buffer is flushed at twice `flush_bytes` ...
    pub unmerged_files_high: u64,
    /// ... and beyond so many writes are refused as overloaded until merges have caught up: every file
    /// costs memory, each commit and each query something.
    pub unmerged_files_max: u64,
    pub retention: Retention,
    /// A sample further ahead of the clock than this is refused.
    #[serde(with = "duration_text")]
    pub future_max: Duration,
    /// Writes are refused while less than this is free ...
    pub disk_free_min_bytes: u64,
    /// ... or less than this part of the disk, whichever is more.
    pub disk_free_min_percent: f64,
    /// Below this the lake writes nothing at all, no flush and no merge: what is left belongs to the
    /// workflow store, so that people are paged on a full disk.
    pub disk_reserved_bytes: u64,
    /// Log records held for those who follow them live; a slower follower is told what it missed.
    pub log_feed_bytes_max: u64,
    /// How far back versions of a table can be read: so long their commits stay in the Delta log, and
    /// files on the disk that later versions no longer name. They never answer a reporting question.
    #[serde(with = "duration_text")]
    pub log_retention: Duration,
    /// A file that no version within `log_retention` names stays this long: longer than the longest query
    /// that may be reading it.
    #[serde(with = "duration_text")]
    pub vacuum_after: Duration,
    /// Commits between checkpoints of a table's Delta log; of tables that are created from now on.
    pub checkpoint_commits: u32,
    /// Bound of the series index. New series beyond it are refused by name, known ones go on.
    pub series_max: u64,
    /// The same for the series of one metric: stops a label that takes ever new values.
    pub series_per_metric_max: u64,
    /// The same for the series that one source (dialect and token) sent first.
    pub series_per_source_max: u64,
    /// A batch with a retry key seen within this time is not stored again ...
    #[serde(with = "duration_text")]
    pub retry_window: Duration,
    /// ... as far as this many keys reach.
    pub retry_keys_max: usize,
    /// Event ids held in memory for deduplication; about 16 bytes each.
    pub event_ids_max: usize,
}

/// What an acknowledgement promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ack {
    /// Synced: survives power loss.
    #[default]
    Durable,
    /// Handed to the operating system: survives the end of the process. Synced every
    /// `wal.sync_interval`.
    Written,
    /// Applied in memory: a crash loses what was not written yet.
    Memory,
}

impl Ack {
    /// As in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Ack::Durable => "durable",
            Ack::Written => "written",
            Ack::Memory => "memory",
        }
    }
}

/// Settings of the write-ahead log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WalConfig {
    /// Segments are preallocated at this size, so that a full disk shows before a write is begun.
    pub segment_bytes: u64,
    /// Beyond it writes are refused as overloaded until a flush has freed segments.
    pub bytes_max: u64,
    /// What may be written on top of it while the log of the last run is being replayed, so that a start
    /// with a full log takes writes.
    pub replay_bytes_max: u64,
    /// A start waits this long for the replay; a longer one goes on behind a server that takes writes
    /// and answers queries with its progress.
    #[serde(with = "duration_text")]
    pub replay_wait: Duration,
    /// How often the log is synced when `ack` does not wait for it.
    #[serde(with = "duration_text")]
    pub sync_interval: Duration,
    /// The longest a write waits for others that are being encoded, to share one fsync.
    #[serde(with = "duration_text")]
    pub group_delay: Duration,
    /// A group of this size is written without waiting.
    pub group_bytes: u64,
    /// Batches that wait for the log; more wait outside.
    pub queue_max: usize,
    /// Encoded bytes of batches that wait for the log; more wait outside.
    pub queue_bytes_max: u64,
    /// Open although acknowledged records are damaged.
    pub accept_data_loss: bool,
}

/// How long rows stay; `forever` for no bound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    #[serde(with = "duration_or_forever")]
    pub metrics: Option<Duration>,
    #[serde(with = "duration_or_forever")]
    pub logs: Option<Duration>,
    #[serde(with = "duration_or_forever")]
    pub rejections: Option<Duration>,
    /// The registry of series (`metric_series`).
    #[serde(with = "duration_or_forever")]
    pub series: Option<Duration>,
}

impl Default for LakeConfig {
    fn default() -> Self {
        LakeConfig {
            dir: PathBuf::from("evenkeel-data"),
            ack: Ack::Durable,
            wal: WalConfig::default(),
            flush_interval: Duration::from_secs(60),
            flush_bytes: 64 * MIB,
            buffer_bytes_max: 512 * MIB,
            compact_interval: Duration::from_secs(60),
            hour_grace: Duration::from_secs(600),
            day_grace: DAY,
            compact_rows_max: 128_000_000,
            compact_bytes_max: 256 * MIB,
            unmerged_files_high: 128,
            unmerged_files_max: 1_000,
            retention: Retention::default(),
            future_max: Duration::from_secs(600),
            disk_free_min_bytes: GIB,
            disk_free_min_percent: 1.0,
            disk_reserved_bytes: 128 * MIB,
            log_feed_bytes_max: 16 * MIB,
            log_retention: DAY,
            vacuum_after: Duration::from_secs(3600),
            checkpoint_commits: 100,
            series_max: 2_000_000,
            series_per_metric_max: 300_000,
            series_per_source_max: 1_500_000,
            retry_window: Duration::from_secs(600),
            retry_keys_max: 100_000,
            event_ids_max: 1_000_000,
        }
    }
}

impl LakeConfig {
    pub(crate) fn series_limits(&self) -> SeriesLimits {
        SeriesLimits {
            all: self.series_max,
            per_metric: self.series_per_metric_max,
            per_source: self.series_per_source_max,
        }
    }
}

impl Default for WalConfig {
    fn default() -> Self {
        WalConfig {
            segment_bytes: 64 * MIB,
            bytes_max: 4 * GIB,
            replay_bytes_max: GIB,
            replay_wait: Duration::from_secs(2),
            sync_interval: Duration::from_secs(1),
            group_delay: Duration::from_millis(5),
            group_bytes: 256 << 10,
            queue_max: 1024,
            queue_bytes_max: 64 * MIB,
            accept_data_loss: false,
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Retention {
            metrics: Some(30 * DAY),
            logs: Some(14 * DAY),
            rejections: Some(30 * DAY),
            series: Some(400 * DAY),
        }
    }
}

/// `30d` or `forever`.
mod duration_or_forever {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};
    use telemetry::time::{format_duration, parse_duration};

    const FOREVER: &str = "forever";

    pub fn serialize<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match span {
            Some(span) => serializer.serialize_str(&format_duration(*span)),
            None => serializer.serialize_str(FOREVER),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == FOREVER {
            return Ok(None);
        }
        parse_duration(&text).map(Some).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_sets_what_it_names_and_nothing_else() {
        let config: LakeConfig =
            serde_json::from_str(r#"{"flush_interval": "5s", "retention": {"metrics": "forever"}}"#).unwrap();
        assert_eq!(config.flush_interval, Duration::from_secs(5));
        assert_eq!(config.retention, Retention { metrics: None, ..Retention::default() });
        assert_eq!(
            LakeConfig { flush_interval: Duration::from_secs(60), ..config }.wal,
            WalConfig::default()
        );
    }

    #[test]
    fn unknown_keys_are_errors() {
        let error = serde_json::from_str::<LakeConfig>(r#"{"wal": {"fsync": "never"}}"#).unwrap_err();
        assert!(error.to_string().contains("unknown field `fsync`"), "{error}");
    }

    #[test]
    fn what_is_written_reads_back() {
        let config = LakeConfig::default();
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<LakeConfig>(&text).unwrap(), config);
    }
}
