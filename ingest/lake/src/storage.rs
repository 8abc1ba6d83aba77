//! A local object store that is durable: what `put` acknowledged survives power loss.
//!
//! `object_store`'s `LocalFileSystem` never calls fsync, and one torn commit file makes a Delta table
//! unreadable. This store writes a staging file, syncs it, renames (or links) it into place and syncs
//! the directory, and creates missing directories the same way. Reading, listing and deleting are
//! those of `LocalFileSystem`. It is rooted at `/`, as Delta expects.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path as FsPath, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures::stream::BoxStream;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions,
    RenameTargetMode, Result, UploadPart,
};

use crate::faults::{Faults, IoStep};

/// Whether a file may already be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    Replace,
    Refuse,
}

/// A name beside a file's own, with `#` and digits: what `LocalFileSystem` leaves out of listings.
fn staging_name(path: &FsPath) -> PathBuf {
    static STAGED: AtomicU64 = AtomicU64::new(0);
    let mut staged = path.as_os_str().to_owned();
    staged.push(format!("#{}", STAGED.fetch_add(1, Ordering::Relaxed)));
    PathBuf::from(staged)
}

/// Writes a whole file so that it is either there completely, after power loss too, or not at all.
pub fn write_durably(path: &FsPath, parts: &[&[u8]], existing: Existing, faults: &Faults) -> io::Result<()> {
    let staged = staging_name(path);
    let written = stage(&staged, path, parts, faults).and_then(|()| {
        faults.check(IoStep::Rename, path)?;
        match existing {
            Existing::Replace => fs::rename(&staged, path),
            Existing::Refuse => fs::hard_link(&staged, path),
        }
    });
    if written.is_err() || existing == Existing::Refuse {
        // What stays behind after a crash is removed when the table is opened.
        let _ = fs::remove_file(&staged);
    }
    written?;
    sync_dir(parent_of(path), faults)
}

fn stage(staged: &FsPath, path: &FsPath, parts: &[&[u8]], faults: &Faults) -> io::Result<()> {
    let mut file = SteppedFile::new(create(staged, faults)?);
    for part in parts {
        let mut rest = *part;
        while !rest.is_empty() {
            let written = file.write(path, rest, faults)?;
            rest = &rest[written..];
        }
    }
    file.sync_all(path, faults)
}

/// What a file gets before the disk gets it: a sync of the log that comes behind the file's own waits for
/// about so much, and not for a whole file.
const STEP_BYTES: usize = 4 << 20;

/// A file that goes to the disk while it grows.
#[derive(Debug)]
struct SteppedFile {
    file: File,
    bytes: usize,
}

impl SteppedFile {
    fn new(file: File) -> SteppedFile {
        SteppedFile { file, bytes: 0 }
    }

    /// Writes at the end, as far as the step goes; returns how much. Faults are those of `path`.
    fn write(&mut self, path: &FsPath, bytes: &[u8], faults: &Faults) -> io::Result<usize> {
        let step = &bytes[..bytes.len().min(STEP_BYTES - self.bytes % STEP_BYTES)];
        faults.write(path, step, |bytes| self.file.write_all(bytes))?;
        self.bytes += step.len();
        if self.bytes.is_multiple_of(STEP_BYTES) {
            self.begin_writing_out();
        }
        Ok(step.len())
    }

    /// Of the last step. Not a sync, which would have the disk empty its cache each time: the advice makes
    /// Linux begin to write pages out. Where it does not, the sync at the end has more to do.
    fn begin_writing_out(&self) {
        let place = |bytes: usize| i64::try_from(bytes).unwrap_or(i64::MAX);
        let (begin, length) = (place(self.bytes - STEP_BYTES), place(STEP_BYTES));
        let _ = posix_fadvise(&self.file, begin, length, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
    }

    /// All of it, and what the file system knows of it.
    fn sync_all(&self, path: &FsPath, faults: &Faults) -> io::Result<()> {
        faults.check(IoStep::Sync, path)?;
        self.file.sync_all()
    }
}

fn create(path: &FsPath, faults: &Faults) -> io::Result<File> {
    /// A directory may be removed as empty between its creation and that of the file, but hardly twice.
    const ATTEMPTS: usize = 3;

    let create = || OpenOptions::new().write(true).create(true).truncate(true).open(path);
    let mut opened = create();
    for _ in 0..ATTEMPTS {
        if !matches!(&opened, Err(error) if error.kind() == io::ErrorKind::NotFound) {
            break;
        }
        create_dir_durably(parent_of(path), faults)?;
        opened = create();
    }
    opened
}

/// A file too large for memory: grows under a staging name until [`DurableStore::put_staged`] gives it
/// its own. Gone if that does not happen.
#[derive(Debug)]
pub struct StagedFile {
    file: SteppedFile,
    path: PathBuf,
    faults: Faults,
}

impl Write for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(&self.path, bytes, &self.faults)
    }

    fn flush(&mut self) -> io::Result<()> {
        // Nothing is held back.
        Ok(())
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        // Not there any more once it has its own name.
        let _ = fs::remove_file(&self.path);
    }
}

fn parent_of(path: &FsPath) -> &FsPath {
    path.parent().unwrap_or(FsPath::new("/"))
}

/// Makes a rename, a creation or a removal in a directory durable.
pub fn sync_dir(dir: &FsPath, faults: &Faults) -> io::Result<()> {
    faults.check(IoStep::SyncDir, dir)?;
    File::open(dir)?.sync_all()
}

/// Creates a directory and its missing parents, each of them durably.
pub fn create_dir_durably(dir: &FsPath, faults: &Faults) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    create_dir_durably(parent_of(dir), faults)?;
    match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync_dir(parent_of(dir), faults)
}

/// Removes the directories of a table's partitions (`date=…`) that hold nothing, and nothing else. Whoever
/// is about to put a file into one creates it anew. Returns how many.
pub fn remove_empty_partitions(table_dir: &FsPath, faults: &Faults) -> io::Result<u64> {
    let mut removed = 0;
    for entry in fs::read_dir(table_dir)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().contains('=') || !entry.file_type()?.is_dir() {
            continue;
        }
        match fs::remove_dir(entry.path()) {
            Ok(()) => removed += 1,
            Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    if removed > 0 {
        sync_dir(table_dir, faults)?;
    }
    Ok(removed)
}

/// The store; see the module's page.
#[derive(Debug)]
pub struct DurableStore {
    files: LocalFileSystem,
    faults: Faults,
}

impl DurableStore {
    pub fn new(faults: Faults) -> DurableStore {
        DurableStore { files: LocalFileSystem::new(), faults }
    }

    /// Where an object is as a file.
    pub fn file_path(&self, location: &Path) -> Result<PathBuf> {
        self.files.path_to_filesystem(location)
    }

    /// Begins a file that will lie beside `location`. Blocking.
    pub fn stage(&self, location: &Path) -> Result<StagedFile> {
        let path = staging_name(&self.files.path_to_filesystem(location)?);
        let file = create(&path, &self.faults).map_err(|error| store_error(location.as_ref(), error))?;
        Ok(StagedFile { file: SteppedFile::new(file), path, faults: self.faults.clone() })
    }

    /// Gives a staged file its place, durably.
    pub async fn put_staged(&self, location: &Path, staged: StagedFile) -> Result<()> {
        let path = self.files.path_to_filesystem(location)?;
        let location = location.to_string();
        blocking(move || {
            let placed = || -> io::Result<()> {
                staged.file.sync_all(&path, &staged.faults)?;
                staged.faults.check(IoStep::Rename, &path)?;
                fs::rename(&staged.path, &path)?;
                sync_dir(parent_of(&path), &staged.faults)
            };
            placed().map_err(|error| store_error(&location, error))
        })
        .await
    }

    async fn write(&self, location: &Path, payload: PutPayload, existing: Existing) -> Result<PutResult> {
        let path = self.files.path_to_filesystem(location)?;
        let faults = self.faults.clone();
        let location = location.to_string();
        blocking(move || {
            let parts: Vec<&[u8]> = payload.iter().map(AsRef::as_ref).collect();
            write_durably(&path, &parts, existing, &faults).map_err(|error| store_error(&location, error))
        })
        .await?;
        Ok(PutResult { e_tag: None, version: None })
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|source| Error::JoinError { source })?
}

fn store_error(location: &str, error: io::Error) -> Error {
    let path = location.to_owned();
    match error.kind() {
        io::ErrorKind::AlreadyExists => Error::AlreadyExists { path, source: error.into() },
        io::ErrorKind::NotFound => Error::NotFound { path, source: error.into() },
        _ => Error::Generic { store: "durable local store", source: error.into() },
    }
}

impl fmt::Display for DurableStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("durable local store")
    }
}

#[async_trait]
impl ObjectStore for DurableStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let existing = match opts.mode {
            PutMode::Overwrite => Existing::Replace,
            PutMode::Create => Existing::Refuse,
            PutMode::Update(_) => {
                return Err(Error::NotImplemented {
                    operation: "conditional update".into(),
                    implementer: self.to_string(),
                });
            }
        };
        self.write(location, payload, existing).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let path = self.files.path_to_filesystem(location)?;
        Ok(Box::new(WholeUpload { path, faults: self.faults.clone(), parts: Vec::new() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.files.get_opts(location, options).await
    }

    async fn get_ranges(
        &self,
        location: &Path,
        ranges: &[std::ops::Range<u64>],
    ) -> Result<Vec<bytes::Bytes>> {
        self.files.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let existing = match options.mode {
            CopyMode::Overwrite => Existing::Replace,
            CopyMode::Create => Existing::Refuse,
        };
        let content = self.files.get_opts(from, GetOptions::default()).await?.bytes().await?;
        self.write(to, content.into(), existing).await.map(drop)
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let (source, target) = (self.files.path_to_filesystem(from)?, self.files.path_to_filesystem(to)?);
        let (faults, location) = (self.faults.clone(), to.to_string());
        blocking(move || {
            let moved = || -> io::Result<()> {
                create_dir_durably(parent_of(&target), &faults)?;
                faults.check(IoStep::Rename, &target)?;
                match options.target_mode {
                    RenameTargetMode::Overwrite => fs::rename(&source, &target)?,
                    RenameTargetMode::Create => {
                        fs::hard_link(&source, &target)?;
                        fs::remove_file(&source)?;
                    }
                }
                sync_dir(parent_of(&target), &faults)?;
                sync_dir(parent_of(&source), &faults)
            };
            moved().map_err(|error| store_error(&location, error))
        })
        .await
    }
}

/// A multipart upload that writes everything when it completes; Delta's checkpoints are small.
#[derive(Debug)]
struct WholeUpload {
    path: PathBuf,
    faults: Faults,
    parts: Vec<PutPayload>,
}

#[async_trait]
impl MultipartUpload for WholeUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.parts.push(data);
        Box::pin(futures::future::ready(Ok(())))
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let (path, faults, parts) = (self.path.clone(), self.faults.clone(), std::mem::take(&mut self.parts));
        blocking(move || {
            let parts: Vec<&[u8]> = parts.iter().flatten().map(AsRef::as_ref).collect();
            write_durably(&path, &parts, Existing::Replace, &faults)
                .map_err(|error| store_error(&path.to_string_lossy(), error))
        })
        .await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn abort(&mut self) -> Result<()> {
        self.parts.clear();
        Ok(())
    }
}

/// Removes staging files that a crash left behind.
pub fn remove_staged(dir: &FsPath) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name();
        let staged = name.to_string_lossy().rsplit_once('#').is_some_and(|(_, suffix)| {
            !suffix.is_empty() && suffix.bytes().all(|byte| byte.is_ascii_digit())
        });
        if path.is_dir() {
            remove_staged(&path)?;
        } else if staged {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use object_store::ObjectStoreExt;
    use parking_lot::Mutex;

    use super::*;

    fn at(dir: &tempfile::TempDir, name: &str) -> Path {
        Path::from_absolute_path(dir.path().join(name)).unwrap()
    }

    #[tokio::test]
    async fn a_put_syncs_the_file_before_the_name_and_the_directory_after() {
        let dir = tempfile::tempdir().unwrap();
        let steps = Arc::new(Mutex::new(Vec::new()));
        let log = steps.clone();
        let store = DurableStore::new(Faults::new(move |step, _| {
            log.lock().push(step);
            Ok(())
        }));
        store.put(&at(&dir, "a"), "x".into()).await.unwrap();
        assert_eq!(*steps.lock(), [IoStep::Write, IoStep::Sync, IoStep::Rename, IoStep::SyncDir]);
        assert_eq!(store.get(&at(&dir, "a")).await.unwrap().bytes().await.unwrap(), "x");
    }

    #[tokio::test]
    async fn a_large_file_is_written_in_steps_and_synced_once() {
        let dir = tempfile::tempdir().unwrap();
        let steps = Arc::new(Mutex::new(Vec::new()));
        let log = steps.clone();
        let store = DurableStore::new(Faults::new(move |step, _| {
            log.lock().push(step);
            Ok(())
        }));
        use IoStep::{Rename, Sync, SyncDir, Write};
        let expected = [Write, Write, Write, Sync, Rename, SyncDir];
        let content: Vec<u8> = (0..2 * STEP_BYTES + 1).map(|at| (at % 251) as u8).collect();
        store.put(&at(&dir, "put"), content.clone().into()).await.unwrap();
        assert_eq!(std::mem::take(&mut *steps.lock()), expected);

        let mut staged = store.stage(&at(&dir, "staged")).unwrap();
        staged.write_all(&content).unwrap();
        store.put_staged(&at(&dir, "staged"), staged).await.unwrap();
        assert_eq!(*steps.lock(), expected);
        for name in ["put", "staged"] {
            assert!(fs::read(dir.path().join(name)).unwrap() == content, "{name}");
        }
    }

    #[tokio::test]
    async fn create_refuses_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let store = DurableStore::new(Faults::default());
        let create = || PutOptions { mode: PutMode::Create, ..Default::default() };
        store.put_opts(&at(&dir, "_log/0.json"), "1".into(), create()).await.unwrap();
        let again = store.put_opts(&at(&dir, "_log/0.json"), "2".into(), create()).await;
        assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{again:?}");
        assert_eq!(fs::read_dir(dir.path().join("_log")).unwrap().count(), 1, "no staging file stays");
    }

    #[tokio::test]
    async fn a_failed_step_leaves_nothing_behind() {
        for failing in [IoStep::Write, IoStep::Sync, IoStep::Rename] {
            let dir = tempfile::tempdir().unwrap();
            let times = Arc::new(AtomicUsize::new(0));
            let counted = times.clone();
            let store = DurableStore::new(Faults::new(move |step, _| {
                let fails = step == failing && counted.fetch_add(1, Ordering::Relaxed) == 0;
                if fails { Err(io::Error::other("injected")) } else { Ok(()) }
            }));
            assert!(store.put(&at(&dir, "a"), "x".into()).await.is_err(), "{failing:?}");
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "{failing:?}");
            store.put(&at(&dir, "a"), "y".into()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn partitions_that_are_empty_go_and_come_back_when_they_are_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let store = DurableStore::new(Faults::default());
        store.put(&at(&dir, "date=2026-11-01/a.parquet"), "a".into()).await.unwrap();
        for empty in ["date=2026-11-02", "date=2026-11-03", "_delta_log"] {
            fs::create_dir(dir.path().join(empty)).unwrap();
        }
        let staged = store.stage(&at(&dir, "date=2026-11-03/b.parquet")).unwrap();
        let remove = || remove_empty_partitions(dir.path(), &Faults::default()).unwrap();
        assert_eq!((remove(), remove()), (1, 0), "a file that is being written keeps its partition");
        store.put_staged(&at(&dir, "date=2026-11-03/b.parquet"), staged).await.unwrap();
        let mut left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["_delta_log", "date=2026-11-01", "date=2026-11-03"]);

        // The directory goes at the worst moment: after it was created for a file and before the file.
        let partition = dir.path().join("date=2026-11-02");
        let (racing, times) = (partition.clone(), AtomicUsize::new(0));
        let store = DurableStore::new(Faults::new(move |step, _| {
            if step == IoStep::SyncDir && times.fetch_add(1, Ordering::Relaxed) == 0 {
                fs::remove_dir(&racing)?;
            }
            Ok(())
        }));
        store.put(&at(&dir, "date=2026-11-02/c.parquet"), "c".into()).await.unwrap();
        assert_eq!(fs::read_dir(partition).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn an_upload_in_parts_appears_whole() {
        let dir = tempfile::tempdir().unwrap();
        let store = DurableStore::new(Faults::default());
        let mut upload = store.put_multipart(&at(&dir, "big")).await.unwrap();
        upload.put_part("ab".into()).await.unwrap();
        assert!(!dir.path().join("big").exists());
        upload.put_part("cd".into()).await.unwrap();
        upload.complete().await.unwrap();
        assert_eq!(fs::read(dir.path().join("big")).unwrap(), b"abcd");
    }

    #[tokio::test]
    async fn a_staged_file_appears_whole_or_not_at_all() {
        for failing in [None, Some(IoStep::Write), Some(IoStep::Sync), Some(IoStep::Rename)] {
            let dir = tempfile::tempdir().unwrap();
            let store = DurableStore::new(Faults::new(move |step, _| {
                if Some(step) == failing { Err(io::Error::other("injected")) } else { Ok(()) }
            }));
            let location = at(&dir, "day/a");
            let mut staged = store.stage(&location).unwrap();
            let written = staged.write_all(b"xy");
            assert!(store.get(&location).await.is_err());
            match written {
                Ok(()) => assert_eq!(store.put_staged(&location, staged).await.is_ok(), failing.is_none()),
                Err(_) => drop(staged),
            }
            let left = fs::read_dir(dir.path().join("day")).unwrap().count();
            assert_eq!(left, usize::from(failing.is_none()), "{failing:?}");
        }
    }

    #[test]
    fn staging_files_of_a_crash_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("date=1970-01-01")).unwrap();
        for name in ["a.parquet#3", "date=1970-01-01/b.parquet#0", "kept.parquet", "kept#x"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        remove_staged(dir.path()).unwrap();
        let mut left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["date=1970-01-01", "kept#x", "kept.parquet"]);
    }
}
