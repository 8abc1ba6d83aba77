//! What a backup consists of, and how it is verified and brought back.
//!
//! A backup is a directory: `data/` with the lake, the log and the workflow store, ready to be a data
//! directory; `config/` with the settings file and the objects; and `manifest.json` with the SHA-256 of
//! every file, written last. A directory without it is a backup that did not end.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use telemetry::Timestamp;
use walkdir::WalkDir;

pub const MANIFEST: &str = "manifest.json";
pub const DATA: &str = "data";
pub const CONFIG: &str = "config";
/// The format of this directory; another one is another number.
const FORMAT: u32 = 1;

/// What is in a backup.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    /// Of the program that made it.
    pub version: String,
    /// Everything acknowledged before this time is in it.
    pub began_at: String,
    pub tables: Vec<ManifestTable>,
    /// By path below the backup's directory, with `/` between.
    pub files: BTreeMap<String, ManifestFile>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestTable {
    pub name: String,
    /// The Delta version that was copied.
    pub version: i64,
    pub files: u64,
    /// In files; what came while the backup ran is in the log.
    pub rows: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    pub bytes: u64,
    pub sha256: String,
}

impl Manifest {
    /// Reads every file that is there.
    pub fn of(dir: &Path, began_at: Timestamp, tables: Vec<ManifestTable>) -> anyhow::Result<Manifest> {
        let mut files = BTreeMap::new();
        for path in files_below(dir)? {
            files.insert(path.clone(), digest(&dir.join(path))?);
        }
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Ok(Manifest { format: FORMAT, version, began_at: began_at.to_string(), tables, files })
    }

    /// Makes the backup one.
    pub fn write(&self, dir: &Path) -> anyhow::Result<()> {
        let path = dir.join(MANIFEST);
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        fs::write(&path, text)
            .and_then(|()| sync(&path))
            .and_then(|()| sync(dir))
            .with_context(|| format!("{} cannot be written", path.display()))
    }

    /// The manifest of a backup whose every file is as it was written. Every difference is named.
    pub fn verified(dir: &Path) -> anyhow::Result<Manifest> {
        let path = dir.join(MANIFEST);
        let text = fs::read(&path).with_context(|| {
            format!("{} cannot be read: no backup, or one that did not end", path.display())
        })?;
        let manifest: Manifest =
            serde_json::from_slice(&text).with_context(|| format!("{}", path.display()))?;
        ensure!(
            manifest.format == FORMAT,
            "{} is in format {}, this program reads {FORMAT}",
            dir.display(),
            manifest.format
        );
        let mut wrong = Vec::new();
        for (path, written) in &manifest.files {
            match digest(&dir.join(path)) {
                Ok(found) if found == *written => {}
                Ok(found) if found.bytes != written.bytes => {
                    wrong.push(format!("{path}: {} bytes instead of {}", found.bytes, written.bytes));
                }
                Ok(_) => wrong.push(format!("{path}: the content is another one")),
                Err(error) => wrong.push(format!("{path}: {error:#}")),
            }
        }
        for path in files_below(dir)? {
            if path != MANIFEST && !manifest.files.contains_key(&path) {
                wrong.push(format!("{path}: not part of the backup"));
            }
        }
        if !wrong.is_empty() {
            bail!("{} is damaged:\n  {}", dir.display(), wrong.join("\n  "));
        }
        Ok(manifest)
    }

    pub fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.bytes).sum()
    }
}

fn files_below(dir: &Path) -> anyhow::Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in WalkDir::new(dir).sort_by_file_name() {
        let entry = entry?;
        if entry.file_type().is_file() {
            let path = entry.path().strip_prefix(dir)?;
            let path = path.to_str().with_context(|| format!("{}: not UTF-8", path.display()))?;
            files.push(path.to_owned());
        }
    }
    Ok(files)
}

fn digest(path: &Path) -> anyhow::Result<ManifestFile> {
    const CHUNK_BYTES: usize = 1 << 20;
    let mut file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let (mut hasher, mut bytes, mut chunk) = (Sha256::new(), 0, vec![0; CHUNK_BYTES]);
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            read => {
                hasher.update(&chunk[..read]);
                bytes += read as u64;
            }
        }
    }
    let sha256 = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(ManifestFile { bytes, sha256 })
}

/// Makes a file's content, or a directory's names, durable.
pub fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Copies a directory's files durably. Links are followed: a backup stands alone.
pub fn copy_tree(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in WalkDir::new(from).follow_links(true) {
        let entry = entry?;
        let target = to.join(entry.path().strip_prefix(from)?);
        let done = if entry.file_type().is_dir() {
            fs::create_dir_all(&target)
        } else {
            fs::copy(entry.path(), &target).and_then(|_| sync(&target))
        };
        done.with_context(|| format!("{} cannot be copied to {}", entry.path().display(), target.display()))?;
    }
    for entry in WalkDir::new(to) {
        let entry = entry?;
        if entry.file_type().is_dir() {
            sync(entry.path())?;
        }
    }
    Ok(())
}

/// Verifies a backup and makes a data directory of it. The directory must not exist, or be empty; it
/// appears whole or not at all.
pub fn restore(from: &Path, data_dir: &Path) -> anyhow::Result<Manifest> {
    let in_use = |dir: &Path| fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
    ensure!(
        !in_use(data_dir),
        "{} is not empty: a backup is restored into a new directory",
        data_dir.display()
    );
    let manifest = Manifest::verified(from)?;
    let mut staging = data_dir.as_os_str().to_owned();
    staging.push(".restoring");
    let staging = PathBuf::from(staging);
    if staging.exists() {
        // Of a restore that did not end.
        fs::remove_dir_all(&staging).with_context(|| format!("{} cannot be removed", staging.display()))?;
    }
    copy_tree(&from.join(DATA), &staging)?;
    if data_dir.exists() {
        fs::remove_dir(data_dir).with_context(|| format!("{} cannot be replaced", data_dir.display()))?;
    }
    fs::rename(&staging, data_dir).with_context(|| format!("{} cannot be made", data_dir.display()))?;
    let absolute = std::path::absolute(data_dir)?;
    sync(absolute.parent().unwrap_or(Path::new("/")))?;
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backup() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("data/lake")).unwrap();
        fs::write(dir.path().join("data/lake/a.parquet"), "rows").unwrap();
        fs::write(dir.path().join("data/evenkeel.db"), "store").unwrap();
        Manifest::of(dir.path(), Timestamp::EPOCH, Vec::new()).unwrap().write(dir.path()).unwrap();
        dir
    }

    #[test]
    fn a_backup_is_restored_into_a_new_directory_only() {
        let (from, target) = (backup(), tempfile::tempdir().unwrap());
        let data_dir = target.path().join("new");
        assert_eq!(restore(from.path(), &data_dir).unwrap().bytes(), 9);
        assert_eq!(fs::read_to_string(data_dir.join("lake/a.parquet")).unwrap(), "rows");
        let again = restore(from.path(), &data_dir).unwrap_err().to_string();
        assert!(again.ends_with("is not empty: a backup is restored into a new directory"), "{again}");
    }

    #[test]
    fn damage_is_named_and_nothing_is_restored() {
        type Damage = fn(&Path);
        let cases: [(Damage, &str); 5] = [
            (
                |dir| fs::write(dir.join("data/evenkeel.db"), "stork").unwrap(),
                "data/evenkeel.db: the content",
            ),
            (|dir| fs::write(dir.join("data/evenkeel.db"), "").unwrap(), "0 bytes instead of 5"),
            (|dir| fs::remove_file(dir.join("data/lake/a.parquet")).unwrap(), "data/lake/a.parquet"),
            (|dir| fs::write(dir.join("data/more"), "").unwrap(), "data/more: not part of the backup"),
            (|dir| fs::remove_file(dir.join(MANIFEST)).unwrap(), "did not end"),
        ];
        for (damage, expected) in cases {
            let (from, target) = (backup(), tempfile::tempdir().unwrap());
            damage(from.path());
            let error = format!("{:#}", restore(from.path(), &target.path().join("new")).unwrap_err());
            assert!(error.contains(expected), "{error}");
            assert_eq!(fs::read_dir(target.path()).unwrap().count(), 0);
        }
    }
}
