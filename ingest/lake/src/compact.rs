//! Fewer and better files: flush files of a closed hour become one sorted run, a day's files become day
//! files, late rows are merged into what they repeat.
//!
//! [`plan`] decides from the list of files, the clock and what was merged lately; [`merge`] does the
//! work, one merge at a time and on a thread of its own that comes after those of ingest; one Delta commit
//! swaps the files and changes no data. A crash in between leaves files that nobody names.

pub mod merge;
pub mod plan;

use std::collections::HashSet;
use std::sync::Arc;

use object_store::path::Path;
use thread_priority::{ThreadPriority, ThreadPriorityValue};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::commit::Purpose;
use crate::error::LakeError;
use crate::file::FileKind;
use crate::lake::Inner;
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
            cancel: self.cancel.clone(),
        };
        let target = Target {
            table,
            effort: effort_for(table, group.kind),
            rows_max: self.config.compact_rows_max,
            bytes_max: self.config.compact_bytes_max,
        };
        let merging = on_thread_of_its_own(move || merge::merge(target, inputs, &mut output))?;
        let mut stored = Vec::new();
        while let Some(NewFile { file, content }) = files.recv().await {
            self.store.put_staged(&self.location_of(table, &file)?, content).await?;
            stored.push(file);
        }
        merging.await.map_err(|_panicked| LakeError::TaskStopped("merge"))??;

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

    fn go_on(&mut self) -> Result<(), LakeError> {
        // What is half merged is merged anew after the restart.
        if self.cancel.is_cancelled() { Err(LakeError::Closed) } else { Ok(()) }
    }
}

/// From 0 to 99; where ingest is at nice 0, this is nice 5: a third of the share of one of its threads
/// when processor time is short, and all that is left when it is not.
const MERGE_PRIORITY: u8 = 35;

/// A thread keeps its priority, so none of the runtime's does this. The answer is an error when it panics.
fn on_thread_of_its_own<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<oneshot::Receiver<T>, LakeError> {
    let (answer, answered) = oneshot::channel();
    let work = move || {
        let lowered = ThreadPriorityValue::try_from(MERGE_PRIORITY).and_then(|value| {
            ThreadPriority::Crossplatform(value).set_for_current().map_err(|error| format!("{error:?}"))
        });
        if let Err(error) = lowered {
            tracing::debug!(error, "files are merged at the priority of ingest");
        }
        // Nobody waits when the lake was closed meanwhile.
        let _ = answer.send(work());
    };
    std::thread::Builder::new()
        .name("merge".to_owned())
        .spawn(work)
        .map_err(|_refused| LakeError::TaskStopped("merge"))?;
    Ok(answered)
}
