//! From a selector to the parts of a scan: which series, which files, which of their rows.
//!
//! Parts are cut by series alone, so that the order in which series come does not depend on how the lake
//! has filed them.

use std::sync::Arc;

use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::error::DataFusionError;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::parquet::file::metadata::ParquetMetaData;
use futures::future::try_join_all;
use lake::{DataFile, FileKind, Table, TableSnapshot};
use object_store::ObjectMeta;
use promql::ScanOptions;

use super::buffered::BufferedRuns;
use super::directory::Directories;
use super::file::{BATCH_ROWS, FilePlace, FileRuns};
use super::known::FoundRuns;
use super::memory::ScanMemory;
use super::part::{Cursor, Part};
use super::prune::{GroupRows, Leaves, file_may_match, rows_of};
use super::runs::Window;
use super::stop::Stop;
use super::wanted::Wanted;
use crate::QueryError;

/// Buffered rows are later than every file.
const BUFFER_SEQUENCE: i64 = i64::MAX / 2;

/// Up to so many series are looked up in directories that are known, so that what is expected is exact.
const SERIES_LOOKED_UP: usize = 64;
/// Room for so many times the samples that are expected, so that a chunk rarely has to grow ...
const EXPECTED_MARGIN: f64 = 1.05;
/// ... and for so many in any case.
const SAMPLES_MIN: usize = 512;

/// What all parts of a scan share.
pub(super) struct ScanPlan<'a> {
    pub(super) snapshot: &'a TableSnapshot,
    pub(super) window: Window,
    pub(super) options: ScanOptions,
    pub(super) memory: ScanMemory,
    pub(super) footers: Arc<FileMetadataCache>,
    pub(super) directories: Arc<Directories>,
    pub(super) stop: Stop,
}

/// A file that may hold wanted samples.
pub(super) struct OpenFile<'a> {
    file: &'a DataFile,
    /// In its table.
    pub(super) path: Arc<str>,
    place: FilePlace,
    pub(super) metadata: Arc<ParquetMetaData>,
    leaves: Leaves,
}

impl ScanPlan<'_> {
    pub(super) async fn parts(&self, wanted: Vec<Wanted>) -> Result<Vec<Part>, QueryError> {
        let may_match = |file: &&DataFile| wanted.iter().any(|part| file_may_match(file, part, self.window));
        let mut opening = Vec::new();
        for file in self.snapshot.files.iter().filter(may_match) {
            opening.push(self.open(file));
        }
        let mut files = try_join_all(opening).await?;
        files.sort_by_key(|open| {
            let first = open.file.time_range(Table::MetricSamples).map(|(first, _)| first);
            (first, open.file.sequence)
        });
        wanted.into_iter().map(|wanted| self.part(wanted, &files)).collect()
    }

    pub(super) async fn open<'f>(&self, file: &'f DataFile) -> Result<OpenFile<'f>, QueryError> {
        let location = self.snapshot.location(file)?;
        // As scans of SQL describe the file, so that both find the same footer in the cache.
        let meta = ObjectMeta {
            location: location.clone(),
            last_modified: Default::default(),
            size: file.bytes,
            e_tag: None,
            version: None,
        };
        let metadata = DFParquetMetadata::new(self.snapshot.store.as_ref(), &meta)
            .with_file_metadata_cache(Some(self.footers.clone()))
            .fetch_metadata()
            .await?;
        let leaves = Leaves::of(&metadata).ok_or_else(|| {
            DataFusionError::Internal(format!("{} is no file of metric_samples", file.path))
        })?;
        let place = match self.snapshot.local_path(file)? {
            Some(path) => FilePlace::Local(path),
            None => FilePlace::Store(self.snapshot.store.clone(), location),
        };
        Ok(OpenFile { file, path: file.path.as_str().into(), place, metadata, leaves })
    }

    /// For a file that queries meet again: flush files are merged soon, and share few times.
    pub(super) fn directories_for(&self, file: &DataFile) -> Option<Arc<Directories>> {
        let stays = matches!(file.kind, FileKind::Hour | FileKind::Day);
        (stays && !self.directories.is_off()).then(|| self.directories.clone())
    }

    fn part(&self, wanted: Wanted, files: &[OpenFile<'_>]) -> Result<Part, QueryError> {
        let (mut cursors, mut samples_expected, mut bytes) = (Vec::new(), 0.0, 0);
        let (mut is_at_hand, mut runs_at_hand) = (true, 0);
        for open in files.iter().filter(|open| file_may_match(open.file, &wanted, self.window)) {
            let mut groups = rows_of(&open.metadata, open.leaves, &wanted, self.window);
            let directories = self.directories_for(open.file);
            let share = self.share_in_window(open.file);
            is_at_hand &= matches!(open.place, FilePlace::Local(_));
            groups.retain_mut(|rows| {
                let path = &open.path;
                let known =
                    directories.as_ref().and_then(|directories| directories.known(path, rows.group)?);
                match known.filter(|_| wanted.len() <= SERIES_LOOKED_UP) {
                    Some(directory) => {
                        let found = FoundRuns::of(directory, &wanted, self.window);
                        runs_at_hand += found.len();
                        samples_expected += found.samples as f64;
                        rows.found.insert(found).len() > 0
                    }
                    None => {
                        is_at_hand = false;
                        samples_expected += rows.count() as f64 * share;
                        true
                    }
                }
            });
            let rows: usize = groups.iter().map(GroupRows::count).sum();
            if rows == 0 {
                continue;
            }
            bytes += cursor_bytes(&open.metadata, open.leaves, &groups, rows);
            let runs = open.runs(groups, self.window, directories);
            cursors.push(Cursor::new(Box::new(runs), open.file.sequence));
        }
        for (number, rows) in self.snapshot.buffered.iter().enumerate() {
            if let Some(runs) = BufferedRuns::new(rows, &wanted, self.window)? {
                samples_expected += runs.rows() as f64;
                cursors.push(Cursor::new(Box::new(runs), BUFFER_SEQUENCE + number as i64));
            }
        }
        let held = self.memory.reserve(bytes)?;
        Ok(Part {
            wanted: Arc::new(wanted),
            cursors,
            memory: self.memory.clone(),
            _held: held,
            samples_expected: (samples_expected * EXPECTED_MARGIN) as usize + SAMPLES_MIN,
            runs_at_hand: is_at_hand.then_some(runs_at_hand),
            chunk_samples_max: self.options.chunk_samples_max,
            stop: self.stop.clone(),
            begun: None,
            done: None,
        })
    }

    /// How much of a file's time is wanted.
    fn share_in_window(&self, file: &DataFile) -> f64 {
        let Some((first, last)) = file.time_range(Table::MetricSamples) else { return 1.0 };
        let (first, last) = (first.micros(), last.micros());
        let wanted = last.min(self.window.until).saturating_sub(first.max(self.window.after));
        let all = last.saturating_sub(first).saturating_add(1);
        (wanted as f64 / all as f64).clamp(0.0, 1.0)
    }
}

impl OpenFile<'_> {
    pub(super) fn runs(
        &self,
        mut groups: Vec<GroupRows>,
        window: Window,
        directories: Option<Arc<Directories>>,
    ) -> FileRuns {
        groups.reverse();
        FileRuns {
            path: self.path.clone(),
            place: self.place.clone(),
            bytes: self.file.bytes,
            metadata: self.metadata.clone(),
            leaves: self.leaves,
            window,
            groups,
            directories,
            input: None,
            open: None,
            ids: Vec::new(),
        }
    }
}

/// What a cursor over a file holds: a batch of three columns, and of each the page that it stands in.
fn cursor_bytes(metadata: &ParquetMetaData, leaves: Leaves, groups: &[GroupRows], rows: usize) -> usize {
    const CELL_BYTES: usize = 8;
    let page_rows_max = |leaf: usize| {
        let of_group = |rows: &GroupRows| {
            let count = metadata.row_group(rows.group).num_rows();
            let pages = metadata
                .offset_index()
                .and_then(|index| Some(index.get(rows.group)?.get(leaf)?.page_locations()));
            let Some(pages) = pages else { return count };
            let starts = pages.iter().map(|page| page.first_row_index);
            let ends = starts.clone().skip(1).chain([count]);
            starts.zip(ends).map(|(start, end)| end - start).max().unwrap_or(count)
        };
        groups.iter().map(of_group).max().unwrap_or_default() as usize
    };
    let pages = page_rows_max(leaves.ts) + page_rows_max(leaves.value);
    // Beside the rows that are looked at, those of a directory that is being made.
    (pages + 3 * rows.min(BATCH_ROWS) + 2 * BATCH_ROWS) * CELL_BYTES
}
