//! Documents of other versions of OpenSLO and of Nobl9: what they become in `openslo/v1`.

/// What to do about a document that is of another version.
pub(super) fn of_unread(version: &str, kind: &str) -> String {
    let (group, version_name) = version.split_once('/').unwrap_or((version, ""));
    if !matches!(group, "openslo" | "openslo.com" | "n9") {
        return format!(
            "apiVersion `{version}` is not read here; objectives are of openslo/v1, Sloth or Pyrra"
        );
    }
    let changes = match (group, version_name) {
        ("n9", _) => of_nobl9(kind),
        (_, "v1alpha" | "v1alpha1") => of_v1alpha(kind),
        (_, "v1beta1") => of_v1beta1(kind),
        (_, "v2alpha" | "v2alpha1") => of_v2alpha(kind),
        _ => String::new(),
    };
    let whose = if group == "n9" { "of Nobl9 " } else { "" };
    format!("apiVersion `{version}` {whose}is not read here; write the {kind} as openslo/v1{changes}")
}

/// Of kinds that did not change.
fn unchanged() -> String {
    ", where only the apiVersion differs".to_owned()
}

fn of_v1alpha(kind: &str) -> String {
    if kind != "SLO" {
        return unchanged();
    }
    ": `count` and `unit` of `timeWindows` become the `duration` (30d) of a `timeWindow`; `ratioMetrics` of an objective become `indicator.spec.ratioMetric` (`incremental` is `counter`), a `thresholdMetric` becomes `indicator.spec.thresholdMetric`; `source` and `query` become `type` and `spec.query` of a `metricSource`"
        .to_owned()
}

fn of_v1beta1(kind: &str) -> String {
    let condition = "the `type` of a condition becomes `kind` and `op` (gt) is added, inline objects have no `apiVersion`";
    match kind {
        "SLO" => format!(
            ": `count` and `unit` of the `timeWindow` become its `duration` (7d), {condition}; the inline indicator has no `kind`"
        ),
        "AlertPolicy" | "AlertCondition" => format!(": {condition}"),
        _ => unchanged(),
    }
}

fn of_v2alpha(kind: &str) -> String {
    let source = "`dataSourceRef` and `spec` become `metricSourceRef` and `spec` of a `metricSource`, a `dataSourceSpec` becomes a DataSource";
    match kind {
        "SLO" => format!(": `sli` becomes `indicator`, `sliRef` becomes `indicatorRef`; {source}"),
        "SLI" => format!(": {source}"),
        _ => unchanged(),
    }
}

fn of_nobl9(kind: &str) -> String {
    match kind {
        "SLO" => ": `count` and `unit` of `timeWindows` become the `duration` (28d) of a `timeWindow`; `countMetrics` of an objective become `indicator.spec.ratioMetric` (`incremental` is `counter`), a `rawMetric` becomes `indicator.spec.thresholdMetric`; there is no `project`".to_owned(),
        "Agent" | "Direct" => ": it is a DataSource with `type` and `connectionDetails`".to_owned(),
        "AlertMethod" => ": it is an AlertNotificationTarget".to_owned(),
        "AlertPolicy" => ": each condition is an AlertCondition with a burn rate, each alert method a notification target".to_owned(),
        "Service" => ", without `project`".to_owned(),
        _ => ", or leave it out: OpenSLO has nothing like it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_gets_what_concerns_it() {
        assert_eq!(
            of_unread("openslo/v1alpha", "Service"),
            "apiVersion `openslo/v1alpha` is not read here; write the Service as openslo/v1, where only the apiVersion differs"
        );
        assert_eq!(
            of_unread("n9/v1alpha", "Project"),
            "apiVersion `n9/v1alpha` of Nobl9 is not read here; write the Project as openslo/v1, or leave it out: OpenSLO has nothing like it"
        );
        assert!(
            of_unread("openslo/v1beta1", "AlertCondition").contains("`type` of a condition becomes `kind`")
        );
        assert!(of_unread("openslo.com/v2alpha", "SLI").contains("`metricSourceRef`"));
        assert!(of_unread("openslo/v2", "SLO").ends_with("write the SLO as openslo/v1"));
        assert_eq!(
            of_unread("apps/v1", "Deployment"),
            "apiVersion `apps/v1` is not read here; objectives are of openslo/v1, Sloth or Pyrra"
        );
    }
}
