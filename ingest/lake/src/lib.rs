//! The lake: WAL, write buffer and Delta tables; the only writer of tables.
//!
//! The way of a batch: [`Lake::append`] checks times and numbers its series (`prepare`), encodes it
//! (`wal::payload`), the group commit writes and syncs it (`wal`), applies it to memory (`state`,
//! `buffer`) and acknowledges. A flush freezes the buffer, writes Parquet (`flush`, `writer`), commits
//! to Delta (`commit`) and lets go of the log. Compaction and retention (`compact`, `retention`) keep
//! the files few and in order. Readers take a [`TableSnapshot`].
//!
//! Promises: what is acknowledged is synced, visible, and there exactly once after any crash. Absent on
//! purpose: queries (crate `query`), wire formats (`ingest`), and any other writer of these tables.

mod backup;
mod buffer;
mod columns;
mod commit;
mod compact;
mod config;
mod disk;
mod error;
mod faults;
mod file;
mod flush;
mod import;
mod lake;
mod log_feed;
pub mod log_index;
mod metrics;
mod open;
mod prepare;
mod priority;
mod read;
mod recent;
mod replay;
mod retention;
mod schema;
mod series;
mod snapshot;
mod sources;
mod state;
mod storage;
mod versions;
mod wal;
mod writer;

pub use backup::TableCopy;
pub use columns::{log_rows, read_logs};
pub use compact::CompactReport;
pub use config::{Ack, LakeConfig, Retention, WalConfig};
pub use error::LakeError;
pub use file::{ColumnStats, DataFile, FileKind, StatValue};
pub use flush::FlushReport;
pub use lake::{Appended, Lake, LakeHealth};
pub use log_feed::{Followed, LogFollower};
pub use prepare::{AppendOptions, RefusedLog};
pub use priority::come_after_ingest;
pub use replay::ReplayProgress;
pub use schema::{Partition, Table};
pub use series::cost::{LabelCost, MetricCost, PairCost, SourceCost};
pub use series::limits::{Explosion, SeriesLimits};
pub use series::{SeriesEntry, SeriesIndex};
pub use snapshot::TableSnapshot;
pub use state::Written;
pub use versions::{Committed, TableVersion};
