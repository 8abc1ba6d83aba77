//! How the lake is doing, for probes, the status page and the gauges.

use super::Inner;
use crate::config::Ack;
use crate::replay::ReplayProgress;
use crate::schema::Table;

/// For `/readyz` and the status page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LakeHealth {
    /// A batch would be accepted now.
    pub writable: bool,
    pub disk_full: bool,
    /// Bytes free on the lake's disk.
    pub disk_free_bytes: u64,
    pub wal_bytes: u64,
    pub buffered_rows: u64,
    pub buffered_bytes: u64,
    pub series: u64,
    /// What an acknowledgement promises.
    pub ack: Ack,
    /// How far the log of the last run has been replayed; `None` when that is over.
    pub replay: Option<ReplayProgress>,
}

impl Inner {
    pub(super) fn health(&self) -> LakeHealth {
        self.measure();
        let buffered = self.state.buffer_use();
        LakeHealth {
            writable: self.check_room().is_ok(),
            disk_full: self.disk.is_full(),
            disk_free_bytes: self.disk.space().free,
            wal_bytes: self.wal.bytes(),
            buffered_rows: buffered.rows,
            buffered_bytes: buffered.bytes,
            series: self.state.series.len() as u64,
            ack: self.config.ack,
            replay: self.replay.progress(),
        }
    }

    /// Brings the gauges up to date.
    pub fn measure(&self) {
        let buffered = self.state.buffer_use();
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.metrics.wal_bytes.set(gauge(self.wal.bytes()));
        self.metrics.buffered_rows.set(gauge(buffered.rows));
        self.metrics.buffered_bytes.set(gauge(buffered.bytes));
        self.metrics.series.set(gauge(self.state.series.len() as u64));
        let files: usize = Table::ALL.iter().map(|table| self.state.files_of(*table).files.len()).sum();
        self.metrics.files.set(gauge(files as u64));
        self.metrics.unmerged_files.set(gauge(self.backlog.files()));
    }
}
