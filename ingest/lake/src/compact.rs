//! Fewer and better files: flush files of a closed hour become one sorted run, a day's files become day
//! files, late rows are merged into what they repeat.
//!
//! [`plan`] decides from the list of files and the clock alone; [`merge`] does the work; one Delta
//! commit swaps the files and changes no data. A crash in between leaves files that nobody names.

pub mod merge;
pub mod plan;

use crate::commit::Purpose;
use crate::error::LakeError;
use crate::lake::Inner;
use crate::read;
use crate::schema::Table;
use merge::Input;
use plan::MergeGroup;

/// What a compaction did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactReport {
    pub merges: u64,
    pub files_in: u64,
    pub files_out: u64,
    pub rows: u64,
    /// Rows that were repeated and are gone.
    pub rows_dropped: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Files dropped by retention.
    pub expired: u64,
    /// Files removed from the disk.
    pub vacuumed: u64,
}

impl Inner {
    pub(crate) async fn compact(&self) -> Result<CompactReport, LakeError> {
        let _one_at_a_time = self.compacting.lock().await;
        let mut report = CompactReport { expired: self.expire().await?, ..CompactReport::default() };
        for table in Table::ALL {
            let files = self.state.files_of(table).files;
            for group in plan::plan(table, &files, self.clock.now(), &self.config) {
                if self.cancel.is_cancelled() {
                    return Ok(report);
                }
                self.merge_group(table, group, &mut report).await?;
            }
        }
        report.vacuumed = self.vacuum().await?;
        Ok(report)
    }

    async fn merge_group(
        &self,
        table: Table,
        group: MergeGroup,
        report: &mut CompactReport,
    ) -> Result<(), LakeError> {
        #[allow(clippy::disallowed_methods)] // measures how long the merge took
        let started = std::time::Instant::now();
        let store = self.object_store();
        let mut inputs = Vec::with_capacity(group.inputs.len());
        for file in &group.inputs {
            let location = self.logs[table.index()].lock().await.location(&file.path)?;
            let reader = read::open_file(&store, &location, table, None).await?;
            inputs.push(Input { sequence: file.sequence, reader });
        }
        // One finished file waits while the next one is made: that bounds the memory of a merge.
        let (finished, mut files) = tokio::sync::mpsc::channel(1);
        let (kind, partition) = (group.kind, group.partition.clone());
        let rows_max = self.config.compact_rows_max;
        let merging = tokio::task::spawn_blocking(move || {
            merge::merge(table, inputs, rows_max, |writer, sequence| {
                let file = writer.finish(&partition, kind, sequence)?;
                finished.blocking_send(file).map_err(|_| LakeError::Closed)
            })
        });
        let mut stored = Vec::new();
        while let Some(file) = files.recv().await {
            // The lock is held for one file only: flushes go on meanwhile.
            let file = self.logs[table.index()].lock().await.store(file).await?;
            stored.push(file);
        }
        merging.await.map_err(|_| LakeError::TaskStopped("merge"))??;

        let rows_in: u64 = group.inputs.iter().map(|file| file.rows).sum();
        let rows_out: u64 = stored.iter().map(|file| file.rows).sum();
        report.merges += 1;
        report.files_in += group.inputs.len() as u64;
        report.files_out += stored.len() as u64;
        report.rows += rows_out;
        report.rows_dropped += rows_in.saturating_sub(rows_out);
        report.bytes_in += group.inputs.iter().map(|file| file.bytes).sum::<u64>();
        report.bytes_out += stored.iter().map(|file| file.bytes).sum::<u64>();

        let mut log = self.logs[table.index()].lock().await;
        log.commit(stored, &group.inputs, Purpose::Compact, self.clock.now()).await?;
        self.publish(&log).await?;
        self.metrics.compacted_files.inc_by(group.inputs.len() as u64);
        self.metrics.compaction_seconds.observe(started.elapsed().as_secs_f64());
        Ok(())
    }
}
