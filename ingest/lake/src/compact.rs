//! Fewer and better files: flush files of a closed hour become one sorted run, a day's files become day
//! files, late rows are merged into what they repeat.
//!
//! [`plan`] decides from the list of files, the clock and what was merged lately; [`merge`] does the
//! work, on a thread of its own that comes after those of ingest; one Delta commit swaps the files and
//! changes no data. A crash in between leaves files that nobody names.
//!
//! Hours and days are merged beside each other, one of each at a time: a day takes long, and the files
//! that flushes make meanwhile would become many. [`claims`] keep the two apart. Where merges do not keep
//! up all the same, [`backlog`] says so, and first they get more, then writers less.

pub mod backlog;
pub mod claims;
pub mod merge;
pub mod plan;

use std::collections::HashSet;
use std::sync::Arc;

use object_store::path::Path;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::commit::Purpose;
use crate::error::LakeError;
use crate::file::FileKind;
use crate::lake::Inner;
use crate::priority::come_after_ingest;
use crate::read;
use crate::schema::Table;
use crate::storage::{DurableStore, StagedFile};
use crate::writer::{Effort, FileWriter, NewFile};
use claims::Claim;
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

/// Merges that wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Files of an hour, small files of other tables: what keeps the files few.
    Hours,
    Days,
}

impl Lane {
    pub const ALL: [Lane; 2] = [Lane::Hours, Lane::Days];

    fn of(group: &MergeGroup) -> Lane {
        if group.kind == FileKind::Day { Lane::Days } else { Lane::Hours }
    }
}

impl Inner {
    pub(crate) async fn compact(&self) -> Result<CompactReport, LakeError> {
        let mut report = self.compact_lane(Lane::Hours).await?;
        self.merge_all(Lane::Days, &mut report).await?;
        report.vacuumed += self.vacuum().await?;
        Ok(report)
    }

    /// The merges of one lane; retention and vacuum go with the one that is through soonest.
    pub(crate) async fn compact_lane(&self, lane: Lane) -> Result<CompactReport, LakeError> {
        let mut report = CompactReport::default();
        if lane == Lane::Hours {
            report.expired += self.expire().await?;
        }
        self.merge_all(lane, &mut report).await?;
        if lane == Lane::Hours {
            report.vacuumed += self.vacuum().await?;
        }
        Ok(report)
    }

    /// Merges what there is to merge; while merges are behind, also what comes meanwhile.
    pub(crate) async fn merge_all(&self, lane: Lane, report: &mut CompactReport) -> Result<(), LakeError> {
        // That bounds what merging takes from ingest and queries.
        let _one_at_a_time = self.merging[lane as usize].lock().await;
        loop {
            let merges = report.merges;
            self.merge_planned(lane, report).await?;
            self.measure_backlog();
            if report.merges == merges || !self.backlog.is_high(&self.config) {
                return Ok(());
            }
        }
    }

    async fn merge_planned(&self, lane: Lane, report: &mut CompactReport) -> Result<(), LakeError> {
        let mut tidied = self.clock.now();
        for (table, group) in self.plan_merges(lane) {
            if self.cancel.is_cancelled() {
                return Ok(());
            }
            // With much to merge a pass takes long; what is past retention does not wait for its end.
            if lane == Lane::Hours && self.clock.now().since(tidied) >= self.config.compact_interval {
                report.expired += self.expire().await?;
                report.vacuumed += self.vacuum().await?;
                tidied = self.clock.now();
            }
            let inputs = group.inputs.iter().map(|file| self.location_of(table, file));
            let Some(claim) = self.claims.claim(inputs.collect::<Result<_, _>>()?) else { continue };
            if !self.is_active(table, &group) {
                continue;
            }
            match self.merge_group(table, &group, claim, report).await {
                Err(LakeError::Closed) if self.cancel.is_cancelled() => return Ok(()),
                merged => merged?,
            }
            self.day_merges.lock().note(table, &group, self.clock.now());
            self.measure_backlog();
        }
        Ok(())
    }

    fn plan_merges(&self, lane: Lane) -> Vec<(Table, MergeGroup)> {
        let lately = self.day_merges.lock().clone();
        let mut merges = Vec::new();
        for table in Table::ALL {
            let files = self.state.files_of(table).files;
            let groups = plan::plan(table, &files, self.clock.now(), &self.config, &lately);
            merges.extend(groups.into_iter().map(|group| (table, group)));
        }
        merges.retain(|(_, group)| Lane::of(group) == lane);
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
        mut claim: Claim,
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
        let comes_last = !self.backlog.is_high(&self.config);
        let merging = on_thread_of_its_own(comes_last, move || merge::merge(target, inputs, &mut output))?;
        let mut stored = Vec::new();
        while let Some(NewFile { file, content }) = files.recv().await {
            let location = self.location_of(table, &file)?;
            claim.add(location.clone());
            self.store.put_staged(&location, content).await?;
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

/// A thread keeps its priority, so none of the runtime's does this. The answer is an error when it panics.
fn on_thread_of_its_own<T: Send + 'static>(
    comes_last: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<oneshot::Receiver<T>, LakeError> {
    let (answer, answered) = oneshot::channel();
    let work = move || {
        if comes_last {
            come_after_ingest("merges");
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
