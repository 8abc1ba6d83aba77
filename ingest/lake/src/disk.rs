//! How much room the disk has, asked at most once per second.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::error::LakeError;

/// Asks how many bytes are free.
pub type Probe = dyn Fn(&Path) -> io::Result<u64> + Send + Sync;

/// Watches the file system that holds the lake.
pub struct DiskWatch {
    dir: PathBuf,
    free_min_bytes: u64,
    probe: Arc<Probe>,
    last: Mutex<Option<(Instant, u64)>>,
}

const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// Bytes that an unprivileged process may still write.
pub fn free_bytes(dir: &Path) -> io::Result<u64> {
    let stat = nix::sys::statvfs::statvfs(dir)?;
    Ok(stat.blocks_available().saturating_mul(stat.fragment_size()))
}

impl DiskWatch {
    pub fn new(dir: PathBuf, free_min_bytes: u64, probe: Arc<Probe>) -> DiskWatch {
        DiskWatch { dir, free_min_bytes, probe, last: Mutex::new(None) }
    }

    pub fn free(&self) -> u64 {
        let mut last = self.last.lock();
        if let Some((at, free)) = *last
            && at.elapsed() < PROBE_INTERVAL
        {
            return free;
        }
        // A file system that cannot be asked is not known to be full; writing will tell.
        let free = (self.probe)(&self.dir).unwrap_or(u64::MAX);
        *last = Some((Instant::now(), free));
        free
    }

    /// Asks again at the next question.
    #[cfg(test)]
    pub fn forget(&self) {
        *self.last.lock() = None;
    }

    /// Fails with [`LakeError::DiskFull`] below the bound.
    pub fn check(&self) -> Result<(), LakeError> {
        if self.free() < self.free_min_bytes { Err(self.full()) } else { Ok(()) }
    }

    /// What a sender is told, with the figures of now.
    pub fn full(&self) -> LakeError {
        LakeError::DiskFull { free_bytes: self.free(), needed_bytes: self.free_min_bytes }
    }
}
