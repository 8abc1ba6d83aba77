//! Burn rates over windows that somebody else chooses, such as a gate.

use std::time::Duration;

use slo::Fraction;
use slo::burn::Burn;
use telemetry::Timestamp;

use super::{SloEvaluator, composites};

impl SloEvaluator {
    /// The burn rate of one group of an objective, or of a composite, over the window that ends at its
    /// watermark at `now`. `None` for one that does not exist, and without anything valid in the window.
    pub fn burn_rate(
        &self,
        slo: &str,
        objective: &str,
        group: &str,
        window: Duration,
        now: Timestamp,
    ) -> Option<f64> {
        let policy = self.policy();
        let Some(tracked) = self.find(slo, objective) else {
            let slo = self.slos().into_iter().find(|known| known.name == slo)?;
            let composite = slo.composite.as_ref().filter(|composite| composite.name == objective)?;
            let find = |slo: &str, objective: &str| self.find(slo, objective);
            return composites::burn_rate(&slo, composite, find, window, now, &policy).map(Fraction::to_f64);
        };
        let delay = policy.with(&tracked.slo.evaluation).evaluation_delay;
        let rate = tracked.with_series(group, |series| {
            let at = series.watermark(now, delay)?;
            Burn::over(series, at, window).rate(tracked.objective().target)
        });
        rate.flatten().map(Fraction::to_f64)
    }
}
