//! Backups of the running process: lake, workflow store and configuration as of one moment.
//!
//! Facts go from the store to the lake through the outbox. While the two are copied none is published:
//! what the copied store holds as published is in the copied lake, and what it holds as due is
//! published again after a restore.

use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use async_trait::async_trait;
use lake::Lake;
use telemetry::{Clock, Timestamp};
use web::{Backup, BackupRefusal, BackupState, Backups};

use crate::backup::{CONFIG, DATA, Manifest, ManifestTable, copy_tree, sync};
use crate::settings::Settings;

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct ServerBackups(Arc<Inner>);

struct Inner {
    lake: Lake,
    store: db::Store,
    clock: Arc<dyn Clock>,
    /// Where backups may be written.
    allowed: Option<PathBuf>,
    settings_file: Option<PathBuf>,
    objects: Option<PathBuf>,
    /// Held while facts are published.
    publishing: Arc<tokio::sync::Mutex<()>>,
    last: Mutex<Option<Backup>>,
}

impl ServerBackups {
    pub fn new(
        settings: &Settings,
        lake: Lake,
        store: db::Store,
        publishing: Arc<tokio::sync::Mutex<()>>,
        clock: Arc<dyn Clock>,
    ) -> ServerBackups {
        ServerBackups(Arc::new(Inner {
            lake,
            store,
            clock,
            allowed: settings.backup.dir.clone(),
            settings_file: settings.file.clone(),
            objects: settings.objects.clone(),
            publishing,
            last: Mutex::default(),
        }))
    }
}

#[async_trait]
impl Backups for ServerBackups {
    async fn begin(&self, to: &str) -> Result<Backup, BackupRefusal> {
        let target = self.0.target(to)?;
        let began_at = self.0.clock.now();
        let backup = Backup {
            to: target.display().to_string(),
            state: BackupState::Running,
            started_at: began_at,
            finished_at: None,
            files: 0,
            bytes: 0,
        };
        {
            let mut last = self.0.last();
            if let Some(running) = last.as_ref().filter(|last| last.state == BackupState::Running) {
                return Err(BackupRefusal::Running(running.to.clone()));
            }
            *last = Some(backup.clone());
        }
        let inner = self.0.clone();
        tokio::spawn(async move {
            let outcome = inner.run(&target, began_at).await;
            let mut last = inner.last();
            let Some(backup) = last.as_mut() else { return };
            backup.finished_at = Some(inner.clock.now());
            match outcome {
                Ok(manifest) => {
                    (backup.files, backup.bytes) = (manifest.files.len() as u64, manifest.bytes());
                    backup.state = BackupState::Done;
                    tracing::info!(to = backup.to, files = backup.files, bytes = backup.bytes, "backup done");
                }
                Err(error) => {
                    tracing::error!(to = backup.to, error = format!("{error:#}"), "the backup failed");
                    backup.state = BackupState::Failed(format!("{error:#}"));
                }
            }
        });
        Ok(backup)
    }

    fn last(&self) -> Option<Backup> {
        self.0.last().clone()
    }
}

impl Inner {
    fn last(&self) -> MutexGuard<'_, Option<Backup>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new directory below the allowed one; nothing else of the machine can be named.
    fn target(&self, to: &str) -> Result<PathBuf, BackupRefusal> {
        let allowed = self.allowed.as_deref().ok_or(BackupRefusal::NotAllowed)?;
        let bad = |why: String| BackupRefusal::BadTarget(why);
        let allowed = std::path::absolute(allowed).map_err(|error| bad(error.to_string()))?;
        let below = Path::new(to).strip_prefix(&allowed).unwrap_or(Path::new(to));
        let plain = below.components().all(|part| matches!(part, Component::Normal(_)));
        if !plain || below.as_os_str().is_empty() {
            return Err(bad(format!("{to:?} is not below backup.dir, {}", allowed.display())));
        }
        let target = allowed.join(below);
        if target.exists() {
            return Err(bad(format!(
                "{} is there already: a backup needs a new directory",
                target.display()
            )));
        }
        Ok(target)
    }

    async fn run(&self, target: &Path, began_at: Timestamp) -> anyhow::Result<Manifest> {
        let data = target.join(DATA);
        std::fs::create_dir_all(&data).with_context(|| format!("{} cannot be made", data.display()))?;
        let tables = {
            let _no_facts_on_their_way = self.publishing.lock().await;
            let copy = data.join("evenkeel.db");
            self.store.copy_to(&copy).await.context("the workflow store cannot be copied")?;
            sync(&copy)?;
            self.lake.backup(&data).await.context("the lake cannot be copied")?
        };
        let tables = tables
            .into_iter()
            .map(|copy| ManifestTable {
                name: copy.table.name().to_owned(),
                version: copy.version,
                files: copy.files,
                rows: copy.rows,
            })
            .collect();
        let (target, settings_file, objects) =
            (target.to_owned(), self.settings_file.clone(), self.objects.clone());
        tokio::task::spawn_blocking(move || {
            let config = target.join(CONFIG);
            std::fs::create_dir_all(&config)?;
            if let Some(file) = settings_file {
                let copy = config.join("evenkeel.yaml");
                std::fs::copy(&file, &copy)
                    .and_then(|_| sync(&copy))
                    .with_context(|| format!("{} cannot be copied", file.display()))?;
            }
            if let Some(objects) = objects {
                copy_tree(&objects, &config.join("objects"))?;
            }
            sync(&config)?;
            let manifest = Manifest::of(&target, began_at, tables)?;
            manifest.write(&target)?;
            Ok(manifest)
        })
        .await?
    }
}
