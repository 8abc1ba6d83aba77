//! Checkpoints of a table's Delta log, and those that a crash left out.
//!
//! A checkpoint comes with each so many-th commit, right after it, and with no other; old commits go with
//! it. A process that ends in between leaves the log to be read from the checkpoint before, and its old
//! commits to lie there, until as many commits have come again. So whoever reads a log from the disk looks
//! whether a checkpoint is overdue.

use deltalake::table::config::TablePropertiesExt;
use deltalake::{DeltaTable, DeltaTableError, checkpoints};
use futures::TryStreamExt;
use object_store::ObjectStore;
use object_store::path::Path;

/// Writes a checkpoint of what was loaded; removes commits that are older than the table keeps them.
pub async fn write(delta: &DeltaTable) -> Result<(), DeltaTableError> {
    checkpoints::create_checkpoint(delta, None).await?;
    if delta.snapshot()?.table_config().enable_expired_log_cleanup() {
        checkpoints::cleanup_metadata(delta, None).await?;
    }
    Ok(())
}

/// Writes the checkpoint that should be there; whether there was one to write.
pub async fn catch_up(
    delta: &DeltaTable,
    store: &dyn ObjectStore,
    log_dir: &Path,
) -> Result<bool, DeltaTableError> {
    let snapshot = delta.snapshot()?;
    let interval = snapshot.table_config().checkpoint_interval().get();
    // With versions counted from 0, the last one of each interval has one.
    let due = (snapshot.version() + 1) / interval * interval;
    if due == 0 {
        return Ok(false);
    }
    let listed: Vec<_> = store.list(Some(log_dir)).try_collect().await?;
    let newest = listed.iter().filter_map(|found| checkpoint_version(found.location.filename()?)).max();
    if newest.is_some_and(|version| version + 1 >= due) {
        return Ok(false);
    }
    // Old commits stay for now: what was loaded may still read them.
    checkpoints::create_checkpoint(delta, None).await?;
    Ok(true)
}

/// `00000000000000000099.checkpoint.parquet`, or one of several parts, or one with an id.
pub fn checkpoint_version(name: &str) -> Option<u64> {
    let (version, kind) = name.split_once('.')?;
    let is_checkpoint = kind.starts_with("checkpoint.") && kind.ends_with(".parquet");
    version.parse().ok().filter(|_| is_checkpoint && version.len() == 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_are_known_by_their_names() {
        let version = "00000000000000000099";
        for (kind, is_one) in [
            ("checkpoint.parquet", true),
            ("checkpoint.0000000001.0000000002.parquet", true),
            ("checkpoint.3a0d65cd-4056-49b8-937b-95f9e3ee90e5.parquet", true),
            ("json", false),
            ("crc", false),
            ("checkpoint.parquet#1", false),
        ] {
            let found = checkpoint_version(&format!("{version}.{kind}"));
            assert_eq!(found, is_one.then_some(99), "{kind}");
        }
        assert_eq!(checkpoint_version("_last_checkpoint"), None);
    }
}
