//! Computes the history of objectives, with a line of progress for each.

use query::SloEvaluator;
use query::sli::BackfillSpan;
use telemetry::Timestamp;

use crate::console::tell;

pub(super) async fn run(slos: &SloEvaluator, from: Timestamp, to: Timestamp) -> anyhow::Result<()> {
    for slo in slos.slos() {
        let report =
            slos.backfill(&slo.name, BackfillSpan { from, to, again: false }, &|_progress| {}).await?;
        tell!("  {}: {} slices of history", slo.name, report.written);
    }
    Ok(())
}
