//! Where a test can make the disk fail: every step that must reach the disk asks here first.
//!
//! In production no hook is set and the question costs one branch.

use std::io;
use std::path::Path;
use std::sync::Arc;

/// A step on the way of bytes to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IoStep {
    Preallocate,
    Write,
    Sync,
    Rename,
    SyncDir,
}

type Hook = dyn Fn(IoStep, &Path) -> io::Result<()> + Send + Sync;

/// An optional hook that may refuse a step.
#[derive(Clone, Default)]
pub struct Faults(Option<Arc<Hook>>);

impl Faults {
    #[cfg(test)]
    pub fn new(hook: impl Fn(IoStep, &Path) -> io::Result<()> + Send + Sync + 'static) -> Faults {
        Faults(Some(Arc::new(hook)))
    }

    pub fn check(&self, step: IoStep, path: &Path) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), |hook| hook(step, path))
    }

    /// A write that may be refused, and that ends half-way where the hook says `WriteZero`.
    pub fn write(
        &self,
        path: &Path,
        bytes: &[u8],
        put: impl FnOnce(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        match self.check(IoStep::Write, path) {
            Ok(()) => put(bytes),
            Err(error) if error.kind() == io::ErrorKind::WriteZero => {
                put(&bytes[..bytes.len() / 2])?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Faults(on)" } else { "Faults(off)" })
    }
}
