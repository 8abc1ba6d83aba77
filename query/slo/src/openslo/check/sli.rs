//! Which sides of an SLI exclude each other, and which belong together.

use crate::openslo::findings::Findings;
use crate::openslo::kinds::SliSpec;

impl Findings<'_> {
    pub(super) fn sli(&mut self, spec: &SliSpec, line: u64) {
        self.description(spec.description.as_ref());
        let ratio = match (&spec.threshold_metric, &spec.ratio_metric) {
            (Some(_), None) => return,
            (None, Some(ratio)) => ratio,
            (Some(_), Some(ratio)) => {
                return self
                    .error(ratio.line, "an SLI has either `thresholdMetric` or `ratioMetric`, not both");
            }
            (None, None) => return self.error(line, "an SLI needs `thresholdMetric` or `ratioMetric`"),
        };
        let metric = &ratio.value;
        if let Some(raw) = &metric.raw {
            if metric.good.is_some() || metric.bad.is_some() || metric.total.is_some() {
                self.error(raw.line, "`raw` stands alone, without `good`, `bad` and `total`");
            }
            match &metric.raw_type {
                None => self.error(raw.line, "`raw` needs `rawType`: success or failure"),
                Some(kind) if !matches!(kind.value.as_str(), "success" | "failure") => {
                    self.error(kind.line, format!("rawType `{}` is neither success nor failure", kind.value));
                }
                Some(_) => {}
            }
            return;
        }
        match (&metric.good, &metric.bad) {
            (Some(_), Some(bad)) => {
                self.error(
                    bad.line,
                    "`good` and `bad` exclude each other: with `total`, one of them says everything",
                );
            }
            (None, None) => self.error(ratio.line, "a ratio needs `good` or `bad` beside `total`, or `raw`"),
            _ if metric.total.is_none() => {
                self.error(ratio.line, "`total` is missing beside `good` or `bad`")
            }
            _ => {}
        }
        if let Some(raw_type) = &metric.raw_type {
            self.error(raw_type.line, "`rawType` belongs to `raw`");
        }
        if metric.counter.is_none() {
            self.warning(
                ratio.line,
                "`counter` is missing; read as false: each value is the events of one slice",
            );
        }
    }
}
