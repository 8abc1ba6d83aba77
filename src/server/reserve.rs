//! Room that is kept for the workflow store: a file of some size that is given up when the disk is
//! full, so that pages are decided, sent and acknowledged all the same, and made again when there is
//! room.
//!
//! The lake stops writing long before (`lake.disk_free_min_bytes`) and touches nothing of what is freed
//! here (`lake.disk_reserved_bytes`); this is for a disk that others fill.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use nix::fcntl::posix_fallocate;
use nix::sys::statvfs::statvfs;

/// The reserve is given up while less than this part of it is free besides.
const LOW: u64 = 4;

/// The file; see the module's page.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    bytes: u64,
}

/// What a look at the disk led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    Made,
    GivenUp,
}

impl Reserve {
    pub fn new(data_dir: &Path, bytes: u64) -> Reserve {
        Reserve { path: data_dir.join("evenkeel.reserve"), bytes }
    }

    /// Gives the reserve up or makes it, as the disk asks for.
    pub fn keep(&self) -> io::Result<Change> {
        let change = self.look()?;
        match change {
            Change::GivenUp => {
                tracing::warn!(bytes = self.bytes, "the disk is full: the workflow store takes its reserve");
            }
            Change::Made => {
                tracing::info!(bytes = self.bytes, "the reserve of the workflow store is set aside")
            }
            Change::None => {}
        }
        Ok(change)
    }

    fn look(&self) -> io::Result<Change> {
        let held = match fs::metadata(&self.path) {
            Ok(file) => Some(file.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let free = self.free()?;
        if held.is_some() && (free < self.bytes / LOW || held != Some(self.bytes)) {
            fs::remove_file(&self.path)?;
            return Ok(Change::GivenUp);
        }
        // Twice the reserve: making it must not be what fills the disk.
        if held.is_none() && self.bytes > 0 && free > 2 * self.bytes {
            self.make()?;
            return Ok(Change::Made);
        }
        Ok(Change::None)
    }

    fn make(&self) -> io::Result<()> {
        let length = i64::try_from(self.bytes).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&self.path)?;
        let made = posix_fallocate(&file, 0, length).map_err(io::Error::from);
        if made.is_err() {
            // Somebody else was faster; there is another look in a second.
            let _ = fs::remove_file(&self.path);
        }
        made
    }

    fn free(&self) -> io::Result<u64> {
        let stat = statvfs(self.path.parent().unwrap_or(Path::new("/")))?;
        Ok(stat.blocks_available().saturating_mul(stat.fragment_size()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_real_and_follows_the_setting() {
        let dir = tempfile::tempdir().unwrap();
        let small = Reserve::new(dir.path(), 1 << 16);
        assert_eq!(small.keep().unwrap(), Change::Made);
        assert_eq!(small.keep().unwrap(), Change::None);
        let file = fs::metadata(dir.path().join("evenkeel.reserve")).unwrap();
        assert_eq!(file.len(), 1 << 16);
        assert!(std::os::unix::fs::MetadataExt::blocks(&file) * 512 >= 1 << 16, "no hole");
        // Another size: made anew.
        let larger = Reserve::new(dir.path(), 1 << 17);
        assert_eq!((larger.keep().unwrap(), larger.keep().unwrap()), (Change::GivenUp, Change::Made));
        // More than any disk has: given up, and not made.
        let endless = Reserve::new(dir.path(), 1 << 62);
        assert_eq!((endless.keep().unwrap(), endless.keep().unwrap()), (Change::GivenUp, Change::None));
    }
}
