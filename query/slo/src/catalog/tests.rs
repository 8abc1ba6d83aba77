//! References between documents, alert tiers, and what makes a new generation.

use std::time::Duration;

use super::*;
use crate::burn::{Exceeds, Severity, Tier};
use crate::objective::{Evaluation, ExclusionEffect};
use crate::openslo::parse_documents;
use crate::{Decimal, Window};

const INDICATOR: &str = "apiVersion: openslo/v1
kind: SLI
metadata: {name: ratio}
spec:
  ratioMetric:
    counter: true
    good: {metricSource: {type: Prometheus, spec: {query: good_total}}}
    total: {metricSource: {type: Prometheus, spec: {query: all_total}}}
";

fn slo_text(name: &str, annotations: &str, tail: &str) -> String {
    format!(
        "apiVersion: openslo/v1
kind: SLO
metadata: {{name: {name}, annotations: {{{annotations}}}}}
spec:
  service: shop
  indicatorRef: ratio
  timeWindow: [{{duration: 30d, isRolling: true}}]
  budgetingMethod: Occurrences
  objectives: [{{target: 0.999}}]
{tail}"
    )
}

fn resolve_texts(texts: &[String]) -> (Vec<Slo>, Vec<String>) {
    let known = Known { services: ["shop".to_owned()].into() };
    let (mut documents, mut defects) = (Vec::new(), Vec::new());
    for (index, text) in texts.iter().enumerate() {
        let (found, wrong) = parse_documents(&format!("{index}.yaml"), text, Mode::Lenient);
        documents.extend(found);
        defects.extend(wrong);
    }
    let (slos, wrong) = resolve_with(documents, &known);
    defects.extend(wrong);
    (slos, defects.iter().map(Defect::to_string).collect())
}

fn condition(name: &str, tier: &str, lookback: &str, threshold: &str) -> String {
    format!(
        "apiVersion: openslo/v1
kind: AlertPolicy
metadata: {{name: {name}, annotations: {{evenkeel.dev/tier: {tier}}}}}
spec:
  conditions:
    - kind: AlertCondition
      metadata: {{name: {name}}}
      spec: {{severity: page, condition: {{kind: burnrate, op: gt, threshold: {threshold}, lookbackWindow: {lookback}}}}}
  notificationTargets: [{{kind: AlertNotificationTarget, metadata: {{name: x}}, spec: {{target: default}}}}]
"
    )
}

#[test]
fn references_reach_across_files() {
    let (slos, defects) = resolve_texts(&[slo_text("a", "", ""), INDICATOR.into()]);
    assert_eq!(defects, Vec::<String>::new());
    assert_eq!((slos[0].slo_id(&slos[0].objectives[0]).as_str(), slos[0].line), ("a/1", 1));
    assert_eq!(slos[0].objectives[0].tiers.len(), 4);
    assert!(slos[0].alerts_on);
}

#[test]
fn the_same_name_in_two_files_is_an_error_at_the_second() {
    let (slos, defects) = resolve_texts(&[slo_text("a", "", ""), INDICATOR.into(), slo_text("a", "", "")]);
    assert_eq!(slos.len(), 1);
    assert_eq!(defects, ["2.yaml:3: SLO `a` is defined twice; first in 0.yaml:1"]);
}

#[test]
fn alerts_can_be_switched_off() {
    let (slos, defects) =
        resolve_texts(&[slo_text("a", "evenkeel.dev/alerts: \"off\"", ""), INDICATOR.into()]);
    assert_eq!(defects, Vec::<String>::new());
    assert!(!slos[0].alerts_on && slos[0].objectives[0].tiers.is_empty());
}

#[test]
fn two_conditions_of_one_tier_are_its_long_and_short_window() {
    let tail = "  alertPolicies: [{alertPolicyRef: long}, {alertPolicyRef: short}]\n";
    let texts = |short_threshold: &str| {
        [
            slo_text("a", "", tail),
            INDICATOR.into(),
            condition("long", "fast", "2h", "10"),
            condition("short", "fast", "10m", short_threshold),
        ]
    };
    let (slos, defects) = resolve_texts(&texts("10.0"));
    assert_eq!(defects, Vec::<String>::new());
    let [tier] = slos[0].objectives[0].tiers.as_slice() else { panic!("one tier") };
    assert_eq!(
        (tier.windows().as_str(), tier.severity, tier.exceeds),
        ("2h/10m", Severity::Page, Exceeds::Above)
    );
    let (slos, defects) = resolve_texts(&texts("9"));
    assert!(slos.is_empty());
    assert_eq!(defects, ["0.yaml:10: the two conditions of tier `fast` differ in threshold or severity"]);
}

#[test]
fn a_custom_tier_that_can_never_fire_is_an_error() {
    let tail = "  alertPolicies: [{alertPolicyRef: long}]\n";
    let (slos, defects) =
        resolve_texts(&[slo_text("a", "", tail), INDICATOR.into(), condition("long", "fast", "1h", "1000")]);
    assert!(slos.is_empty());
    assert_eq!(
        defects,
        [
            "0.yaml:10: threshold 1000 of alert condition `long` makes no sense: at target 0.999 the burn rate never exceeds 1000"
        ]
    );
}

#[test]
fn a_new_target_keeps_the_generation_and_a_new_query_does_not() {
    let generation = |slo: String, sli: String| resolve_texts(&[slo, sli]).0[0].objectives[0].generation;
    let first = generation(slo_text("a", "", ""), INDICATOR.into());
    assert_eq!(generation(slo_text("a", "", "").replace("0.999", "0.99"), INDICATOR.into()), first);
    assert_ne!(generation(slo_text("a", "", ""), INDICATOR.replace("good_total", "fine_total")), first);
    assert_ne!(generation(slo_text("a", "evenkeel.dev/slice: 1m", ""), INDICATOR.into()), first);
}

#[test]
fn a_query_that_loses_the_label_of_the_groups_is_named() {
    let by_region = slo_text("a", "evenkeel.dev/group-by: region", "");
    let summed = INDICATOR.replace("good_total", "sum(good_total)");
    let (slos, defects) = resolve_texts(&[by_region, summed]);
    assert_eq!(slos[0].grouping.as_ref().map(|grouping| grouping.groups_max), Some(100));
    assert_eq!(
        defects,
        [
            "0.yaml:9: warning: the SLO is grouped by `region`, which a query loses: write `sum by (region) (...)`"
        ]
    );
}

#[test]
fn probes_keep_the_label_of_their_groups() {
    let probes = INDICATOR.split("  ratioMetric").next().map(|head| {
        format!("{head}  thresholdMetric: {{metricSource: {{type: Prometheus, spec: {{probe: up}}}}}}\n")
    });
    let (slos, defects) =
        resolve_texts(&[slo_text("a", "evenkeel.dev/group-by: instance", ""), probes.unwrap()]);
    assert_eq!(defects, Vec::<String>::new());
    let queries = slos[0].objectives[0].indicator.queries();
    assert_eq!(queries[0].text, "sum by (instance) (sum_over_time(up[{{.window}}]))");
    assert_eq!(queries[1].text, "sum by (instance) (count_over_time(up[{{.window}}]))");
}

#[test]
fn annotations_say_how_an_slo_is_evaluated() {
    let annotations = r#"evenkeel.dev/evaluation-delay: 2m, evenkeel.dev/coverage-floor: "0.5", evenkeel.dev/min-total: "1000", evenkeel.dev/min-bad: "5", evenkeel.dev/increase: extrapolated, evenkeel.dev/exclusions: "nightly, move", evenkeel.dev/exclusion-effect: count-as-good, evenkeel.dev/windows: "7d, 90d", evenkeel.dev/alerts: page, evenkeel.dev/burn-comparison: gte"#;
    let (slos, defects) = resolve_texts(&[slo_text("a", annotations, ""), INDICATOR.into()]);
    assert_eq!(defects, Vec::<String>::new());
    let slo = &slos[0];
    let expected = Evaluation {
        delay: Some(Duration::from_secs(120)),
        coverage_floor: Some(Decimal::of(5, 1)),
        min_total: Some(1000),
        min_bad: Some(5),
        is_extrapolated: true,
    };
    assert_eq!(slo.evaluation, expected);
    assert_eq!(slo.exclusions, ["nightly", "move"]);
    assert_eq!(slo.exclusion_effect, ExclusionEffect::CountAsGood);
    assert_eq!(slo.windows().map(Window::text).collect::<Vec<_>>(), ["30d", "7d", "90d"]);
    let tiers = &slo.objectives[0].tiers;
    let is_as_asked = |tier: &Tier| tier.severity == Severity::Page && tier.exceeds == Exceeds::AtLeast;
    assert!(tiers.len() == 2 && tiers.iter().all(is_as_asked), "{tiers:?}");
}
