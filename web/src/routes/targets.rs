//! What is scraped, and how that goes.

use axum::Json;
use axum::extract::State;

use crate::dto::target::{Target, TargetFault, TargetList};
use crate::state::AppState;

/// Every target of every scrape job with its last scrape, those that are down first.
#[utoipa::path(
    get,
    path = "/api/targets",
    operation_id = "list_targets",
    tag = "observe",
    responses((status = 200, body = TargetList))
)]
pub(crate) async fn list(State(state): State<AppState>) -> Json<TargetList> {
    let mut targets: Vec<Target> = state.scraper.targets().into_iter().map(Target::from).collect();
    // Stable: within a state they are sorted by job and labels.
    targets.sort_by_key(|target| target.health);
    let faults = state.scraper.pools().into_iter().flat_map(|pool| {
        let job = pool.job;
        pool.pool.faults.into_iter().map(move |message| TargetFault { job: job.clone(), message })
    });
    Json(TargetList { targets, faults: faults.collect() })
}
