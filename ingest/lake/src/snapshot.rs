//! What a reader gets: one table at one moment, files and buffered rows, each row exactly once.

use std::fmt;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use object_store::ObjectStore;
use object_store::path::Path;
use telemetry::Timestamp;
use url::Url;

use crate::commit;
use crate::error::LakeError;
use crate::file::{DataFile, FileKind};
use crate::schema::Table;

/// A consistent view of a table. Files stay readable for `vacuum_after` (an hour) at least: for those of an
/// earlier version ([`crate::TableVersion`]) it begins when that can no longer be opened.
///
/// Where `needs_merge` says so, two sources may hold the same key (of `metric_samples`: series and
/// time). Then the row from the later source is right: buffered batches are later than any file and
/// stand in order, oldest first; of two files the one with the higher `sequence` is later. Within one
/// file, and within one batch of samples, no key occurs twice.
#[derive(Clone)]
pub struct TableSnapshot {
    pub table: Table,
    /// All columns; the partition column is the last and not in the files.
    pub schema: SchemaRef,
    /// The table's directory, ending in `/`.
    pub root: Url,
    /// Rooted at `/`: a file lies at [`TableSnapshot::location`].
    pub store: Arc<dyn ObjectStore>,
    pub files: Arc<[DataFile]>,
    /// Rows that are not in files yet, with all columns of `schema`. Batches of samples are sorted by
    /// metric, series and time.
    pub buffered: Vec<RecordBatch>,
    /// The Delta version that `files` are of.
    pub version: i64,
    pub(crate) late_buffered: Option<(Timestamp, Timestamp)>,
}

impl TableSnapshot {
    /// Where a file lies in `store`.
    pub fn location(&self, file: &DataFile) -> Result<Path, LakeError> {
        commit::location(&self.root, &file.path)
    }

    /// Where a file lies on this machine's disk; `None` when the table is kept elsewhere.
    pub fn local_path(&self, file: &DataFile) -> Result<Option<PathBuf>, LakeError> {
        if self.root.scheme() != "file" {
            return Ok(None);
        }
        // The store is rooted at `/`, and a location holds no `..`.
        let location = self.location(file)?;
        Ok(Some(FsPath::new("/").join(location.as_ref())))
    }

    /// Whether a key may occur in more than one source. Cheap.
    pub fn needs_merge(&self) -> bool {
        match self.table {
            Table::MetricSamples => self.late_buffered.is_some() || self.files.iter().any(is_late),
            // Logs and rejections have no key; of the others every source may repeat one.
            Table::Logs | Table::IngestRejections => false,
            _ => self.files.len() + self.buffered.len() > 1,
        }
    }

    /// The time range in which samples may repeat; queries outside of it need no merge.
    pub fn late_range(&self) -> Option<(Timestamp, Timestamp)> {
        let late_files = self.files.iter().filter(|file| is_late(file));
        let file_range =
            |file: &DataFile| file.time_range(self.table).unwrap_or((Timestamp::MIN, Timestamp::MAX));
        late_files
            .map(file_range)
            .chain(self.late_buffered)
            .reduce(|(first, last), (start, end)| (first.min(start), last.max(end)))
    }

    /// Rows, repeated ones counted as often as they occur.
    pub fn rows(&self) -> u64 {
        let in_files: u64 = self.files.iter().map(|file| file.rows).sum();
        in_files + self.buffered.iter().map(|batch| batch.num_rows() as u64).sum::<u64>()
    }
}

fn is_late(file: &DataFile) -> bool {
    file.kind == FileKind::Late
}

impl fmt::Debug for TableSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableSnapshot")
            .field("table", &self.table)
            .field("version", &self.version)
            .field("files", &self.files.len())
            .field("buffered_batches", &self.buffered.len())
            .finish_non_exhaustive()
    }
}
