//! Brings a changed configuration directory into use, and remembers what was found in it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use alerting::Alerting;
use lake::Lake;
use query::{Engine, SloEvaluator};
use runbooks::Runbooks;
use telemetry::Clock;

use crate::objects::{Objects, Watch};

/// The findings about the objects that are in use, for the status page.
#[derive(Clone, Debug, Default)]
pub(crate) struct ObjectsInUse(Arc<Mutex<(usize, Vec<telemetry::Defect>)>>);

impl ObjectsInUse {
    pub fn get(&self) -> (usize, Vec<telemetry::Defect>) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn set(&self, objects: &Objects) {
        let mut in_use = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *in_use = (objects.files, objects.defects.clone());
    }
}

/// Brings a changed configuration directory into use.
pub(super) struct Reload {
    pub watch: Option<tokio::sync::Mutex<Watch>>,
    pub slos: Arc<SloEvaluator>,
    pub alerting: Alerting,
    pub runbooks: Runbooks,
    pub in_use: ObjectsInUse,
    pub engine: Engine,
    pub lake: Lake,
    /// Objectives that are not in use yet: their history is in a lake that is still being replayed.
    pub waiting_slos: tokio::sync::Mutex<Option<WaitingSlos>>,
    pub objectives_in_use: Arc<AtomicBool>,
    pub clock: Arc<dyn Clock>,
}

/// Objectives, and the time that does not count for them.
pub(super) struct WaitingSlos {
    slos: Vec<slo::Slo>,
    maintenance: Vec<slo::Maintenance>,
}

impl Reload {
    pub async fn run(&self) -> anyhow::Result<()> {
        let changed = match &self.watch {
            Some(watch) => watch.lock().await.changed(),
            None if self.runbooks.library().iter().next().is_some() => None,
            None => Some(Objects::none()),
        };
        let mut waiting_slos = self.waiting_slos.lock().await;
        if let Some(objects) = changed {
            *waiting_slos = Some(self.take(objects));
        }
        if let Some(waiting) = waiting_slos.as_ref()
            && self.lake.check_replayed().is_ok()
        {
            let now = self.clock.now();
            self.slos.set_catalog(waiting.slos.clone(), now).await?;
            self.slos.set_maintenance(&waiting.maintenance, now).await?;
            *waiting_slos = None;
            // What the process before this one began to measure goes on, once.
            if !self.objectives_in_use.swap(true, Ordering::AcqRel) {
                self.slos.resume_backfills().await?;
            }
        }
        Ok(())
    }

    /// Puts everything but the objectives to use.
    fn take(&self, objects: Objects) -> WaitingSlos {
        for defect in &objects.defects {
            tracing::warn!(%defect, "a defect in the configuration");
        }
        tracing::info!(files = objects.files, slos = objects.slos.len(), "configuration in use");
        self.in_use.set(&objects);
        let teams = objects.catalog.services.iter();
        let teams =
            teams.map(|(name, service)| (name.clone(), service.team.as_ref().map(|team| team.name.clone())));
        self.engine.publish_services(teams.collect());
        let maintenance = objects.catalog.maintenance.values().cloned().collect();
        self.alerting.set_catalog(Arc::new(objects.catalog));
        self.runbooks.set_library(objects.library);
        WaitingSlos { slos: objects.slos, maintenance }
    }
}
