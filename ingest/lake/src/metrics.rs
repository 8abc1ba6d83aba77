//! The lake's own metrics.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::state::Applied;

/// Cheap to clone: all clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub samples: Counter,
    pub histograms: Counter,
    pub exemplars: Counter,
    pub logs: Counter,
    pub events: Counter,
    pub slices: Counter,
    pub duplicates: Counter,
    pub overwritten: Counter,
    pub late: Counter,
    pub rejected: Counter,
    pub refused: Counter,
    pub wal_fsync_seconds: Histogram,
    pub wal_write_failures: Counter,
    pub wal_bytes: Gauge,
    pub buffered_rows: Gauge,
    pub buffered_bytes: Gauge,
    pub series: Gauge,
    pub files: Gauge,
    pub unmerged_files: Gauge,
    pub flush_seconds: Histogram,
    pub flush_failures: Counter,
    pub flushed_rows: Counter,
    pub flushed_bytes: Counter,
    pub compaction_seconds: Histogram,
    pub compacted_files: Counter,
    pub expired_files: Counter,
    pub vacuumed_files: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics {
            samples: Counter::default(),
            histograms: Counter::default(),
            exemplars: Counter::default(),
            logs: Counter::default(),
            events: Counter::default(),
            slices: Counter::default(),
            duplicates: Counter::default(),
            overwritten: Counter::default(),
            late: Counter::default(),
            rejected: Counter::default(),
            refused: Counter::default(),
            wal_fsync_seconds: Histogram::new(exponential_buckets(0.000_25, 2.0, 14)),
            wal_write_failures: Counter::default(),
            wal_bytes: Gauge::default(),
            buffered_rows: Gauge::default(),
            buffered_bytes: Gauge::default(),
            series: Gauge::default(),
            files: Gauge::default(),
            unmerged_files: Gauge::default(),
            flush_seconds: Histogram::new(exponential_buckets(0.005, 2.0, 14)),
            flush_failures: Counter::default(),
            flushed_rows: Counter::default(),
            flushed_bytes: Counter::default(),
            compaction_seconds: Histogram::new(exponential_buckets(0.01, 2.0, 14)),
            compacted_files: Counter::default(),
            expired_files: Counter::default(),
            vacuumed_files: Counter::default(),
        }
    }
}

impl Metrics {
    pub fn count(&self, applied: &Applied) {
        self.samples.inc_by(applied.samples);
        self.histograms.inc_by(applied.histograms);
        self.exemplars.inc_by(applied.exemplars);
        self.logs.inc_by(applied.logs);
        self.events.inc_by(applied.events);
        self.slices.inc_by(applied.slices);
        self.duplicates.inc_by(applied.duplicates);
        self.overwritten.inc_by(applied.overwritten);
        self.late.inc_by(applied.late);
        self.rejected.inc_by(applied.rejections.iter().map(|rejection| rejection.count).sum());
    }

    /// Names are completed by the registry's encoder (`_total` for counters).
    pub fn register(&self, registry: &mut Registry) {
        let r = registry;
        r.register("evenkeel_ingest_samples", "Samples stored", self.samples.clone());
        r.register("evenkeel_ingest_histograms", "Native histograms stored", self.histograms.clone());
        r.register("evenkeel_ingest_exemplars", "Exemplars stored", self.exemplars.clone());
        r.register("evenkeel_ingest_logs", "Log records stored", self.logs.clone());
        r.register("evenkeel_ingest_events", "Events stored", self.events.clone());
        r.register("evenkeel_ingest_slo_slices", "SLO slices stored", self.slices.clone());
        r.register("evenkeel_ingest_duplicates", "Rows that were stored before", self.duplicates.clone());
        r.register(
            "evenkeel_ingest_overwritten",
            "Samples that replaced another value of the same time",
            self.overwritten.clone(),
        );
        r.register("evenkeel_ingest_late", "Samples not newer than their series", self.late.clone());
        r.register("evenkeel_ingest_rejected", "Rows refused by name", self.rejected.clone());
        r.register(
            "evenkeel_ingest_refused_batches",
            "Batches refused as a whole: overload or a full disk",
            self.refused.clone(),
        );
        r.register(
            "evenkeel_wal_fsync_seconds",
            "Writing and syncing a group of batches",
            self.wal_fsync_seconds.clone(),
        );
        r.register(
            "evenkeel_wal_write_failures",
            "Groups of batches that could not be written",
            self.wal_write_failures.clone(),
        );
        r.register("evenkeel_wal_bytes", "Log that is still needed", self.wal_bytes.clone());
        r.register("evenkeel_lake_buffered_rows", "Rows not in files yet", self.buffered_rows.clone());
        r.register("evenkeel_lake_buffered_bytes", "Memory of the write buffer", self.buffered_bytes.clone());
        r.register("evenkeel_lake_series", "Series in the index", self.series.clone());
        r.register("evenkeel_lake_files", "Active files of all tables", self.files.clone());
        r.register(
            "evenkeel_lake_unmerged_files",
            "Files that wait for a merge, of the table that has most of them",
            self.unmerged_files.clone(),
        );
        r.register("evenkeel_lake_flush_seconds", "Flushes", self.flush_seconds.clone());
        r.register("evenkeel_lake_flush_failures", "Flushes to be repeated", self.flush_failures.clone());
        r.register("evenkeel_lake_flushed_rows", "Rows written by flushes", self.flushed_rows.clone());
        r.register("evenkeel_lake_flushed_bytes", "Bytes written by flushes", self.flushed_bytes.clone());
        r.register("evenkeel_lake_compaction_seconds", "Merges of files", self.compaction_seconds.clone());
        r.register("evenkeel_lake_compacted_files", "Files merged away", self.compacted_files.clone());
        r.register("evenkeel_lake_expired_files", "Files dropped by retention", self.expired_files.clone());
        r.register("evenkeel_lake_vacuumed_files", "Files removed from disk", self.vacuumed_files.clone());
    }
}
