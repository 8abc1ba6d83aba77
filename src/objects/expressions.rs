//! Lints PromQL where it is written: `slo` and `alerting` keep expressions as text.

use alerting::Catalog;
use slo::{QueryForm, QueryLanguage, Slo};
use telemetry::Defect;

/// Stands in for `{{.window}}` while an expression is only parsed.
const SOME_WINDOW: std::time::Duration = std::time::Duration::from_secs(30);

pub(super) fn lint(slos: &[Slo], catalog: &Catalog, defects: &mut Vec<Defect>) {
    for (group, rule) in catalog.rules() {
        if let Err(error) = promql::parse(&rule.expr) {
            let message = format!("alert {:?}: {error}", rule.alert);
            defects.push(Defect::error(&group.file, Some(rule.line), message));
        }
    }
    for slo in slos {
        for objective in &slo.objectives {
            for query in objective.indicator.queries() {
                if query.language != QueryLanguage::PromQl {
                    continue;
                }
                let text = if query.form == QueryForm::Windowed {
                    query.text_over(SOME_WINDOW)
                } else {
                    query.text.clone()
                };
                if let Err(error) = promql::parse(&text) {
                    let message = format!("SLO {:?}, objective {:?}: {error}", slo.name, objective.name);
                    defects.push(Defect::error(&slo.file, Some(slo.line), message));
                }
            }
        }
    }
}
