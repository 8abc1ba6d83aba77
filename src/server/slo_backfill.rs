//! Computes the history of objectives, with a line of progress for each.

use query::SloEvaluator;
use telemetry::Timestamp;

pub(super) async fn run(slos: &SloEvaluator, from: Timestamp, to: Timestamp) -> anyhow::Result<()> {
    for slo in slos.slos() {
        let report = slos.backfill(&slo.name, from, to, &|_progress| {}).await?;
        println!("  {}: {} slices of history", slo.name, report.written);
    }
    Ok(())
}
