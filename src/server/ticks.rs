//! What the process does again and again, and how often.

use std::sync::Arc;
use std::time::Duration;

use alerting::Alerting;
use query::{Engine, SloEvaluator};
use telemetry::Clock;
use web::Auth;

use super::reload::Reload;
use super::reserve::Reserve;
use crate::jobs::Jobs;
use crate::scrape::ScrapeConfig;

/// A rule group or escalation is looked at this often; what is due is decided from rows.
const ENGINE_TICK: Duration = Duration::from_secs(1);
/// Objectives are looked at this often; a base slice is 10 seconds at least.
const SLO_TICK: Duration = Duration::from_secs(5);
/// How long a change of the configuration directory may go unnoticed.
const OBJECTS_TICK: Duration = Duration::from_secs(5);
/// Expired sessions and links are removed this often.
const SWEEP_TICK: Duration = Duration::from_secs(600);
/// When tokens were last used is written down this often.
const LAST_USES_TICK: Duration = Duration::from_secs(60);
/// The room on the disk is looked at this often.
const RESERVE_TICK: Duration = Duration::from_secs(1);
/// Compacted files appear every few minutes at most.
const DIRECTORIES_TICK: Duration = Duration::from_secs(5);
/// The invariants of alerting are audited this often.
const AUDIT_TICK: Duration = Duration::from_secs(30);
/// How long a change of what to scrape may go unnoticed.
const SCRAPE_TICK: Duration = Duration::from_secs(5);

/// Whom the ticks call.
pub(super) struct Ticking {
    pub alerting: Alerting,
    pub slos: Arc<SloEvaluator>,
    pub auth: Auth,
    pub engine: Engine,
    pub reserve: Reserve,
    /// Held while facts are on their way from the store to the lake.
    pub publishing: Arc<tokio::sync::Mutex<()>>,
    pub clock: Arc<dyn Clock>,
}

impl Ticking {
    /// The ticks of the process, not started yet.
    pub async fn jobs(self, reload: Reload, scrape: ScrapeConfig) -> anyhow::Result<Jobs> {
        let Ticking { alerting, slos, auth, engine, reserve, publishing, clock } = self;
        let jobs = Jobs::new().await?;
        let it = slos;
        jobs.every("objectives", SLO_TICK, move || {
            let (it, now) = (it.clone(), clock.now());
            async move { it.tick(now).await }
        })
        .await?;
        let it = alerting.clone();
        jobs.every("alerting", ENGINE_TICK, move || {
            let it = it.clone();
            async move { it.tick().await }
        })
        .await?;
        let it = alerting.clone();
        jobs.every("delivery", ENGINE_TICK, move || {
            let it = it.clone();
            async move { it.deliver().await }
        })
        .await?;
        let it = alerting.clone();
        jobs.every("facts", ENGINE_TICK, move || {
            let (it, publishing) = (it.clone(), publishing.clone());
            async move {
                let _publishes = publishing.lock().await;
                it.publish_facts().await
            }
        })
        .await?;
        let it = alerting.clone();
        jobs.every("audit", AUDIT_TICK, move || {
            let it = it.clone();
            async move { it.audit().await }
        })
        .await?;
        let it = auth.clone();
        jobs.every("sweep", SWEEP_TICK, move || {
            let it = it.clone();
            async move { it.sweep().await }
        })
        .await?;
        let it = auth.clone();
        jobs.every("last uses of tokens", LAST_USES_TICK, move || {
            let it = it.clone();
            async move { it.write_last_uses().await }
        })
        .await?;
        let scrape = Arc::new(tokio::sync::Mutex::new(scrape));
        jobs.every("scrape configuration", SCRAPE_TICK, move || {
            let scrape = scrape.clone();
            async move {
                scrape.lock().await.reconcile().await;
                anyhow::Ok(())
            }
        })
        .await?;
        let reload = Arc::new(reload);
        jobs.every("objects", OBJECTS_TICK, move || {
            let reload = reload.clone();
            async move { reload.run().await }
        })
        .await?;
        let reserve = Arc::new(reserve);
        jobs.every("reserve", RESERVE_TICK, move || {
            let reserve = reserve.clone();
            async move { reserve.keep() }
        })
        .await?;
        jobs.every("directories", DIRECTORIES_TICK, move || {
            let engine = engine.clone();
            async move { engine.learn_files().await }
        })
        .await?;
        Ok(jobs)
    }
}
