//! Evenkeel's own metrics, read as any scraper reads them and written like anybody's.

use std::sync::Arc;
use std::time::Duration;

use telemetry::{Batch, Clock};
use tokio_util::sync::CancellationToken;

use crate::server::OwnMetrics;

const SCRAPE_EVERY: Duration = Duration::from_secs(15);
const TARGET_LABELS: [(&str, &str); 2] = [("job", "evenkeel"), ("instance", "self")];

/// Reads and writes until told to stop.
pub async fn run(own: OwnMetrics, clock: Arc<dyn Clock>, shutdown: CancellationToken) {
    let mut tick = tokio::time::interval(SCRAPE_EVERY);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = shutdown.cancelled() => return,
        }
        match ingest::exposition::decode(&own.text(), clock.now(), &TARGET_LABELS) {
            Ok(series) => {
                let outcome = own.ingest.write(Batch { series, ..Batch::default() }, "self").await;
                if let Err(error) = outcome {
                    tracing::warn!(%error, "the server's own metrics were not taken");
                }
            }
            Err(error) => tracing::warn!(%error, "the server's own metrics cannot be read"),
        }
    }
}
