//! How far merges are behind: files that flushes made, that could be merged into hours by now and are not.
//!
//! Each of them costs memory, each commit and each query something. So there are two bounds, as for the
//! first level of a log-structured merge tree. From the lower one on merges get the priority of ingest,
//! follow each other without a pause, and flushes make fewer and larger files; beyond the upper one
//! writers are told to wait. Files that wait for their hour to end, for late rows of an open time or for
//! their day are not counted: writers cannot wait for those.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::config::LakeConfig;
use crate::file::FileKind;
use crate::lake::Inner;
use crate::schema::Table;

use super::Lane;
use super::plan::{self, MergeGroup};

/// Of the table that has most of them, as it was looked at last: after each flush and each merge.
#[derive(Debug, Default)]
pub struct Backlog(AtomicU64);

impl Backlog {
    pub fn files(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub fn is_high(&self, config: &LakeConfig) -> bool {
        self.files() >= config.unmerged_files_high
    }

    pub fn is_over(&self, config: &LakeConfig) -> bool {
        self.files() > config.unmerged_files_max
    }
}

fn unmerged(groups: &[MergeGroup]) -> u64 {
    let is_fresh = |kind: FileKind| matches!(kind, FileKind::Flush | FileKind::Late);
    let of_hours = groups.iter().filter(|group| Lane::of(group) == Lane::Hours);
    of_hours.flat_map(|group| &group.inputs).filter(|file| is_fresh(file.kind)).count() as u64
}

impl Inner {
    /// Looks at it again.
    pub(crate) fn measure_backlog(&self) {
        let (now, lately) = (self.clock.now(), self.day_merges.lock().clone());
        let of_table = |table: Table| {
            let files = self.state.files_of(table).files;
            unmerged(&plan::plan(table, &files, now, &self.config, &lately))
        };
        let most = Table::ALL.into_iter().map(of_table).max().unwrap_or_default();
        self.backlog.0.store(most, Ordering::Relaxed);
    }

    /// What the write buffer holds before it is flushed.
    pub(crate) fn flush_bytes(&self) -> u64 {
        let usual = self.config.flush_bytes;
        // Beside it there is room for one that is being flushed.
        let larger = usual.saturating_mul(2).min(self.config.buffer_bytes_max / 3);
        if self.backlog.is_high(&self.config) { usual.max(larger) } else { usual }
    }
}
