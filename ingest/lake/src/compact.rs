//! Fewer and better files: flush files of a closed hour become one sorted run, a day's files become day
//! files, late rows are merged into what they repeat.
//!
//! [`plan`] decides from the list of files, the clock and what was merged lately; [`merge`] does the
//! work, one merge at a time and on a thread of its own; one Delta commit swaps the files and changes no
//! data. A crash in between leaves files that nobody names.

pub mod merge;
pub mod plan;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use object_store::path::Path;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::commit::Purpose;
use crate::error::LakeError;
use crate::file::FileKind;
use crate::lake::{Inner, queue_kib_max};
use crate::read;
use crate::schema::Table;
use crate::storage::{DurableStore, StagedFile};
use crate::writer::{Effort, FileWriter, NewFile};
use merge::{Input, Sink, Target};
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
        // One merge at a time: that bounds what merging takes from ingest and queries.
        let mut lately = self.compacting.lock().await;
        let mut report = CompactReport { expired: self.expire().await?, ..CompactReport::default() };
        let mut tidied = self.clock.now();
        for (table, group) in self.plan_merges(&lately) {
            if self.cancel.is_cancelled() {
                return Ok(report);
            }
            // With much to merge a pass takes long; what is past retention does not wait for its end.
            if self.clock.now().since(tidied) >= self.config.compact_interval {
                report.expired += self.expire().await?;
                report.vacuumed += self.vacuum().await?;
                tidied = self.clock.now();
            }
            if !self.is_active(table, &group) {
                continue;
            }
            match self.merge_group(table, &group, &mut report).await {
                Err(LakeError::Closed) if self.cancel.is_cancelled() => return Ok(report),
                merged => merged?,
            }
            lately.note(table, &group, self.clock.now());
        }
        report.vacuumed += self.vacuum().await?;
        Ok(report)
    }

    /// Hours of all tables before days: days take long, and meanwhile small files gather.
    fn plan_merges(&self, lately: &plan::DayMerges) -> Vec<(Table, MergeGroup)> {
        let mut merges = Vec::new();
        for table in Table::ALL {
            let files = self.state.files_of(table).files;
            let groups = plan::plan(table, &files, self.clock.now(), &self.config, lately);
            merges.extend(groups.into_iter().map(|group| (table, group)));
        }
        merges.sort_by_key(|(_, group)| group.kind == FileKind::Day);
        merges
    }

    /// Whether all files of a group are there yet; retention may have taken some since it was planned.
    fn is_active(&self, table: Table, group: &MergeGroup) -> bool {
        let files = self.state.files_of(table).files;
        let paths: HashSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
        group.inputs.iter().all(|input| paths.contains(input.path.as_str()))
    }

    async fn merge_group(
        &self,
        table: Table,
        group: &MergeGroup,
        report: &mut CompactReport,
    ) -> Result<(), LakeError> {
        #[allow(clippy::disallowed_methods)] // measures how long the merge took
        let started = std::time::Instant::now();
        let store = self.object_store();
        let mut inputs = Vec::with_capacity(group.inputs.len());
        for file in &group.inputs {
            let reader = read::open_file(&store, &self.location_of(table, file)?, None).await?;
            inputs.push(Input { sequence: file.sequence, reader });
        }
        let (finished, mut files) = tokio::sync::mpsc::channel(1);
        let beside = match group.inputs.first() {
            Some(file) => self.location_of(table, file)?,
            None => return Ok(()),
        };
        let mut output = Output {
            store: self.store.clone(),
            beside,
            partition: group.partition.clone(),
            kind: group.kind,
            finished,
            courtesy: Courtesy::towards(&self.queue_room, queue_kib_max(&self.config)),
            cancel: self.cancel.clone(),
        };
        let target = Target {
            table,
            effort: effort_for(table, group.kind),
            rows_max: self.config.compact_rows_max,
            bytes_max: self.config.compact_bytes_max,
        };
        let merging = tokio::task::spawn_blocking(move || merge::merge(target, inputs, &mut output));
        let mut stored = Vec::new();
        while let Some(NewFile { file, content }) = files.recv().await {
            self.store.put_staged(&self.location_of(table, &file)?, content).await?;
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

/// Hour files are merged again a day later; what is written otherwise stays.
fn effort_for(table: Table, kind: FileKind) -> Effort {
    if kind == FileKind::Hour && table.is_hourly() { Effort::Hour } else { Effort::Day }
}

/// Files grow on the disk and are handed over when they are complete.
struct Output {
    store: Arc<DurableStore>,
    /// A file of the same partition.
    beside: Path,
    partition: String,
    kind: FileKind,
    finished: tokio::sync::mpsc::Sender<NewFile<StagedFile>>,
    courtesy: Courtesy,
    cancel: CancellationToken,
}

impl Sink for Output {
    type File = StagedFile;

    fn open(&mut self) -> Result<StagedFile, LakeError> {
        Ok(self.store.stage(&self.beside)?)
    }

    fn finish(&mut self, file: FileWriter<StagedFile>, sequence: i64) -> Result<(), LakeError> {
        let file = file.finish(&self.partition, self.kind, sequence)?;
        self.finished.blocking_send(file).map_err(|_| LakeError::Closed)
    }

    fn pause(&mut self) -> Result<(), LakeError> {
        self.courtesy.pause();
        // What is half merged is merged anew after the restart.
        if self.cancel.is_cancelled() { Err(LakeError::Closed) } else { Ok(()) }
    }
}

/// Merging takes at most half of one core while batches wait for the log: as long as it worked, it
/// pauses. With nothing waiting it goes on at full speed.
struct Courtesy {
    queue: Arc<Semaphore>,
    room: usize,
    working_since: Instant,
}

/// A merge that was held up by the disk need not make up for it.
const PAUSE_MAX: Duration = Duration::from_millis(200);

impl Courtesy {
    #[allow(clippy::disallowed_methods)] // measures how long the merge worked
    fn towards(queue: &Arc<Semaphore>, room: usize) -> Courtesy {
        Courtesy { queue: queue.clone(), room, working_since: Instant::now() }
    }

    #[allow(clippy::disallowed_methods)] // measures how long the merge worked
    fn pause(&mut self) {
        if self.queue.available_permits() < self.room {
            std::thread::park_timeout(self.working_since.elapsed().min(PAUSE_MAX));
        }
        self.working_since = Instant::now();
    }
}
