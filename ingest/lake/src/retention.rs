//! What goes: files past retention from the tables, and files that no table names from the disk.

use std::collections::HashMap;

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use telemetry::Timestamp;

use crate::commit::Purpose;
use crate::config::Retention;
use crate::error::LakeError;
use crate::file::DataFile;
use crate::lake::Inner;
use crate::schema::Table;
use crate::storage::remove_empty_partitions;

/// Files that no table names, with the time since when that is known. A file of a flush that is not
/// committed yet is among them; it is named long before its time is over. Those of merges are claimed.
#[derive(Debug, Default)]
pub struct Unlinked {
    since: HashMap<Path, Timestamp>,
    /// Whether what the Delta logs said at the start is in it.
    has_logged: bool,
}

/// How long rows of a table stay; `None` for ever.
fn kept_for(table: Table, retention: &Retention) -> Option<std::time::Duration> {
    match table {
        Table::MetricSamples | Table::MetricHistograms | Table::MetricExemplars => retention.metrics,
        Table::MetricSeries => retention.series,
        Table::Logs => retention.logs,
        Table::IngestRejections => retention.rejections,
        Table::Events | Table::SloSlices => None,
    }
}

/// The files all of whose rows are older than the table keeps them.
pub fn expired(table: Table, files: &[DataFile], retention: &Retention, now: Timestamp) -> Vec<DataFile> {
    let Some(kept) = kept_for(table, retention) else { return Vec::new() };
    let cutoff = now.minus(kept);
    let is_old = |file: &&DataFile| file.time_range(table).is_some_and(|(_, last)| last < cutoff);
    files.iter().filter(is_old).cloned().collect()
}

impl Inner {
    /// Drops expired files, one commit per table. Returns how many.
    pub(crate) async fn expire(&self) -> Result<u64, LakeError> {
        let mut dropped = 0;
        for table in Table::ALL {
            let mut log = self.logs[table.index()].lock().await;
            log.settle().await?;
            self.publish(&log).await?;
            let now = self.clock.now();
            let old = expired(table, &log.active().files, &self.config.retention, now);
            if old.is_empty() {
                continue;
            }
            log.commit(Vec::new(), &old, Purpose::Expire, now).await?;
            self.publish(&log).await?;
            dropped += old.len() as u64;
        }
        self.metrics.expired_files.inc_by(dropped);
        Ok(dropped)
    }

    /// Removes files that no table has named for `log_retention` and `vacuum_after`, and partitions that are
    /// empty then. Returns how many files.
    pub(crate) async fn vacuum(&self) -> Result<u64, LakeError> {
        let mut unlinked = self.unlinked.lock().await;
        let now = self.clock.now();
        let kept = self.config.log_retention + self.config.vacuum_after;
        let mut seen = HashMap::new();
        let mut removed = 0;
        for table in Table::ALL {
            let mut log = self.logs[table.index()].lock().await;
            // A file that an unsure commit named must not be taken for nobody's.
            log.settle().await?;
            if !unlinked.has_logged {
                // Without it a file's time would begin anew with each start.
                unlinked.since.extend(log.removed().await?);
            }
            let mut active = std::collections::HashSet::new();
            for file in log.active().files.iter() {
                active.insert(log.location(&file.path)?);
            }
            let root = log.location("")?;
            let log_dir = root.clone().join("_delta_log");
            let listed: Vec<_> = self.store.list(Some(&root)).try_collect().await?;
            for found in listed {
                let path = found.location;
                let is_data = path.as_ref().ends_with(".parquet") && !path.prefix_matches(&log_dir);
                if !is_data || active.contains(&path) || self.claims.holds(&path) {
                    continue;
                }
                let since = unlinked.since.get(&path).copied().unwrap_or(now);
                if now.since(since) >= kept {
                    self.store.delete(&path).await?;
                    removed += 1;
                } else {
                    seen.insert(path, since);
                }
            }
            let dir = self.store.file_path(&root)?;
            remove_empty_partitions(&dir, &self.faults)
                .map_err(|error| LakeError::io("cannot remove empty partitions of", dir, error))?;
        }
        *unlinked = Unlinked { since: seen, has_logged: true };
        self.metrics.vacuumed_files.inc_by(removed);
        Ok(removed)
    }
}
