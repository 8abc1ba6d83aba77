//! The segment after the one that is written: a file of zeros, made ready beside the writing.
//!
//! Room that is only reserved costs each sync a change of the file's extents, which goes through the
//! journal of the file system and waits for what else is in it: a flush, a merge. Where zeros lie
//! already, a sync writes the records and nothing else.
//!
//! A spare holds nothing. It becomes a segment by getting a header and a name; one that does not come
//! to it is removed, after a crash by the next start.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::faults::{Faults, IoStep};

/// Written and synced at once: a record waits for about so much at most to reach the disk.
const STEP_BYTES: usize = 4 << 20;

/// No name of a segment.
fn path_in(dir: &Path) -> PathBuf {
    dir.join("next.spare")
}

/// A file of zeros, all of them on the disk. Gone when it is dropped, unless it became a segment.
#[derive(Debug)]
pub struct Spare {
    file: File,
    path: PathBuf,
    bytes: u64,
    placed: bool,
}

impl Spare {
    /// Writes the zeros. Blocks for as long as the disk takes.
    pub fn create(dir: &Path, bytes: u64, faults: &Faults) -> io::Result<Spare> {
        let path = path_in(dir);
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
        let spare = Spare { file, path, bytes, placed: false };
        faults.check(IoStep::Preallocate, &spare.path)?;
        let zeros = vec![0; STEP_BYTES.min(usize::try_from(bytes).unwrap_or(STEP_BYTES))];
        let mut written = 0;
        while written < bytes {
            let step = usize::try_from(bytes - written).map_or(STEP_BYTES, |left| left.min(STEP_BYTES));
            faults.write(&spare.path, &zeros[..step], |zeros| spare.file.write_all_at(zeros, written))?;
            faults.check(IoStep::Sync, &spare.path)?;
            spare.file.sync_data()?;
            written += step as u64;
        }
        Ok(spare)
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Becomes a file with a beginning and a name. The directory is not synced yet.
    pub fn place(mut self, path: &Path, header: &[u8], faults: &Faults) -> io::Result<File> {
        faults.write(path, header, |header| self.file.write_all_at(header, 0))?;
        faults.check(IoStep::Sync, path)?;
        self.file.sync_data()?;
        let file = self.file.try_clone()?;
        faults.check(IoStep::Rename, path)?;
        fs::rename(&self.path, path)?;
        self.placed = true;
        Ok(file)
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        if !self.placed {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes what a crash left.
pub fn remove_left_over(dir: &Path) -> io::Result<()> {
    match fs::remove_file(path_in(dir)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
