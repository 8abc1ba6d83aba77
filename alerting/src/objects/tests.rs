//! Files as people write them, and the exact words they get back.

use expect_test::{Expect, expect};

use super::*;
use crate::catalog::Catalog;

const GOOD: &str = include_str!("../../tests/data/good.yaml");

fn check(text: &str, expect: Expect) {
    let (objects, mut defects) = parse("team.yaml", text);
    let (_, more) = Catalog::build(objects);
    defects.extend(more);
    let lines: Vec<String> = defects.iter().map(Defect::to_string).collect();
    expect.assert_eq(&lines.join("\n"));
}

#[test]
fn a_good_file_has_no_defects() {
    check(GOOD, expect![""]);
    let (objects, _) = parse("team.yaml", GOOD);
    let (catalog, _) = Catalog::build(objects);
    assert_eq!(catalog.origin("Schedule", "primary").unwrap().line, 20);
    let group = &catalog.groups[0];
    assert_eq!((group.key.as_str(), group.rules.len()), ("team.yaml/machines", 3));
    let sources: Vec<&str> = catalog.rules().map(|(_, rule)| rule.source.as_str()).collect();
    assert_eq!(
        sources,
        [
            "rule:team.yaml/machines/InstanceDown",
            "rule:team.yaml/machines/DiskFull",
            "rule:team.yaml/machines/DiskFull#2"
        ]
    );
    let rule = &group.rules[0];
    assert_eq!((rule.hold.as_secs(), rule.keep_firing_for.as_secs()), (120, 60));
    assert!(rule.labels.contains_key("team"), "labels of the group reach its rules");
}

#[test]
fn alerts_go_to_the_route_then_the_service_then_the_default() {
    let (objects, _) = parse("team.yaml", GOOD);
    let (catalog, _) = Catalog::build(objects);
    let destination = |pairs: &[(&str, &str)]| {
        let labels = telemetry::Labels::new(pairs.iter().copied()).unwrap();
        catalog.route(&labels).destination.unwrap().name().to_owned()
    };
    assert_eq!(destination(&[("service", "matchmaking"), ("alertname", "Lag")]), "chat-room");
    assert_eq!(destination(&[("service", "matchmaking")]), "game");
    assert_eq!(destination(&[("service", "unknown")]), "default");
    assert_eq!(destination(&[]), "default");
}

#[test]
fn mistakes_in_one_document_leave_the_others_alone() {
    let text = "\
apiVersion: evenkeel/v1
kind: User
metadata: {name: ann}
spec:
  email: ann@example.com
  phone: \"123\"
---
# nothing but a comment
---
apiVersion: evenkeel/v1
kind: Pager
metadata: {name: x}
spec: {}
---
apiVersion: openslo/v1
kind: SLO
---
kind: User
---
apiVersion: evenkeel/v2
kind: User
---
apiVersion: evenkeel/v1
kind: User
metadata: {name: bob}
spec: {email: bob@example.com}
";
    check(
        text,
        expect![[r#"
            team.yaml:6: unknown field `phone`, expected one of email, timezone, contacts
            team.yaml:11: kind "Pager" is not known, these are: User, Team, Receiver, Service, Schedule, EscalationPolicy, Route, GatePolicy, Maintenance
            team.yaml:18: the document has neither apiVersion and kind nor groups of rules
            team.yaml:20: apiVersion "evenkeel/v2" is not known, "evenkeel/v1" is"#]],
    );
    let (objects, _) = parse("team.yaml", text);
    assert_eq!(objects.len(), 1);
}

#[test]
fn values_are_checked_where_they_stand() {
    let text = "\
apiVersion: evenkeel/v1
kind: User
metadata: {name: ann}
spec:
  email: not an address
---
apiVersion: evenkeel/v1
kind: User
metadata: {name: bob}
spec:
  contacts:
    - channel: pigeon
---
apiVersion: evenkeel/v1
kind: User
metadata: {name: cleo}
spec:
  contacts:
    - channel: email
      address: cleo@example.com
      delay: 5 minutes
---
apiVersion: evenkeel/v1
kind: Schedule
metadata: {name: s}
spec:
  timezone: Mars/Olympus
  layers: [{start: 2026-01-05T09:00, rotation: daily, users: [ann]}]
---
apiVersion: evenkeel/v1
kind: Schedule
metadata: {name: t}
spec:
  timezone: UTC
  layers:
    - {start: yesterday, rotation: daily, users: [ann]}
---
apiVersion: evenkeel/v1
kind: Schedule
metadata: {name: u}
spec:
  timezone: UTC
  layers:
    - {start: 2026-01-05T09:00, rotation: fortnightly, users: [ann]}
---
apiVersion: evenkeel/v1
kind: EscalationPolicy
metadata: {name: default}
spec:
  steps:
    - targets:
        - {user: ann, schedule: s}
---
apiVersion: evenkeel/v1
kind: Receiver
metadata: {name: hook}
spec:
  webhook: {url: \"ftp://example.com\"}
---
apiVersion: evenkeel/v1
kind: Route
metadata: {name: r}
spec:
  matchers: ['region=~\"(\"']
  escalationPolicy: default
---
apiVersion: evenkeel/v1
kind: User
metadata: {name: \"bad name\"}
spec: {}
";
    check(
        text,
        expect![[r#"
            team.yaml:5: "not an address" is not a mail address
            team.yaml:12: channel "pigeon" is not known, email and webhook are
            team.yaml:21: "5 minutes" is not a duration such as 30s, 5m, 1h30m or 30d
            team.yaml:27: "Mars/Olympus" is not a time zone such as Europe/Berlin
            team.yaml:36: start "yesterday" is not a local time such as 2026-01-05T09:00
            team.yaml:44: unknown variant `fortnightly`, expected one of hourly, daily, weekly, monthly
            team.yaml:52: a target is exactly one of user, schedule, receiver
            team.yaml:58: "ftp://example.com" is not a http or https URL
            team.yaml:64: "(" is not a regular expression: regex parse error: ( ^ error: unclosed group
            team.yaml:69: name "bad name" may hold letters, digits, '-', '_', '.' and '/', up to 128 of them"#]],
    );
}

#[test]
fn references_and_destinations_are_checked_over_all_files() {
    let text = "\
apiVersion: evenkeel/v1
kind: Service
metadata: {name: chat}
spec:
  team: nobody
---
apiVersion: evenkeel/v1
kind: EscalationPolicy
metadata: {name: game}
spec:
  steps:
    - targets: [{schedule: primary}]
---
apiVersion: evenkeel/v1
kind: EscalationPolicy
metadata: {name: game}
spec:
  steps: [{targets: [{user: ann}]}]
---
groups:
  - name: g
    rules:
      - alert: Paging
        expr: up == 0
        labels: {severity: page}
      - alert: Shown
        expr: up == 0
        labels: {severity: ticket}
";
    check(
        text,
        expect![[r#"
            team.yaml:3: pages of service "chat" go nowhere: no Route matches, it has no escalationPolicy, and there is no EscalationPolicy "default"
            team.yaml:5: Service "chat" names the Team "nobody", which is not defined
            team.yaml:12: EscalationPolicy "game" names the Schedule "primary", which is not defined
            team.yaml:16: EscalationPolicy "game" is already defined in team.yaml:9
            team.yaml:23: pages of alert "Paging" may go nowhere: no Route matches, it names no service, and there is no EscalationPolicy "default""#]],
    );
}

#[test]
fn rule_files_are_read_as_prometheus_reads_them() {
    let text = "\
groups:
  - name: g
    interval: 15s
    query_offset: 1m
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
      - alert: A
        expr: up == 0
        for: 5x
      - alert: B
        record: b
        expr: up
      - alert: C
        expr: up == 0
        annotations:
          summary: '{{ with query \"up\" }}{{ end }} is down'
      - alert: D
        exp: up == 0
";
    check(
        text,
        expect![[r#"
            team.yaml:19: unknown field `exp`, expected one of alert, record, expr, for, keep_firing_for, labels, annotations"#]],
    );
    check(
        &text.replace("exp:", "expr:"),
        expect![[r#"
            team.yaml:4: warning: query_offset has no effect yet
            team.yaml:6: warning: recording rules are not supported yet: "job:up:sum" is not computed
            team.yaml:10: "5x" is not a duration such as 30s, 5m, 1h30m or 30d
            team.yaml:11: a rule has exactly one of alert and record
            team.yaml:14: warning: summary: the template {{ with query "up" }} is not supported and stays as text
            team.yaml:14: warning: summary: the template {{ end }} is not supported and stays as text"#]],
    );
}

#[test]
fn garbage_is_a_defect_and_not_a_crash() {
    for text in ["{", "- a\n- b", "a: &x [*x]", "apiVersion: [1]", "groups: 1", &"[".repeat(100_000)] {
        let (objects, defects) = parse("x.yaml", text);
        assert!(objects.is_empty());
        assert_eq!(defects.len(), 1, "{:?}", &text[..text.len().min(40)]);
    }
    assert!(parse("x.yaml", "").1.is_empty());
}

const GATED: &str = r#"
apiVersion: evenkeel/v1
kind: EscalationPolicy
metadata: {name: default}
spec: {steps: [{delay: 0m, targets: [{receiver: ops}]}]}
---
apiVersion: evenkeel/v1
kind: Receiver
metadata: {name: ops}
spec: {email: {to: [ops@example.com]}}
---
apiVersion: evenkeel/v1
kind: Service
metadata: {name: checkout}
spec: {}
---
apiVersion: evenkeel/v1
kind: GatePolicy
metadata: {name: shop}
spec:
"#;

fn gate_policy(spec: &str) -> (Option<crate::GatePolicy>, Vec<String>) {
    let (objects, mut defects) = parse("gates.yaml", &format!("{GATED}{spec}"));
    let (catalog, more) = Catalog::build(objects);
    defects.extend(more);
    (catalog.gate_policies.get("shop").cloned(), defects.iter().map(Defect::to_string).collect())
}

#[test]
fn a_gate_policy_asks_for_what_it_names() {
    use slo::gate::{GateTerms, OnUnknown};

    let (policy, defects) = gate_policy(
        "  services: [checkout]
  conditions:
    budgetRemainingAbove: 0.1
    burnRateBelow: {6h: 2.5, 3d: 1}
    changeFailRateBelow: {rate: 0.25, over: 30d}
  unknown: block
  overrideMax: 2h
  freezes:
    - {name: sale, from: 2026-03-29T02:30, to: 2026-03-30T00:00:00Z, timezone: Europe/Berlin}
    - {name: weekend, weekly: {days: [sat], from: '00:00', to: '00:00'}}
",
    );
    assert_eq!(defects, Vec::<String>::new());
    let policy = policy.unwrap();
    let terms = &policy.terms;
    assert_eq!((terms.budget_remaining_above, terms.firing_pages_max), (Some(0.1), None));
    let windows: Vec<(u64, f64)> =
        terms.burn_rate_below.iter().map(|(window, below)| (window.as_secs(), *below)).collect();
    assert_eq!(windows, [(6 * 3_600, 2.5), (3 * 86_400, 1.0)]);
    assert_eq!(terms.change_fail_rate_below.map(|limit| limit.deployments_min), Some(5));
    assert_eq!((terms.on_unknown, policy.override_max.as_secs()), (OnUnknown::Block, 7_200));
    // 02:30 does not exist on the day on which the clock is put forward.
    let at = |text: &str| telemetry::Timestamp::parse_rfc3339(text).unwrap();
    assert!(policy.freezes_at(at("2026-03-29T01:29:59Z")).is_empty());
    let frozen = policy.freezes_at(at("2026-03-29T01:30:00Z"));
    assert_eq!((frozen[0].name.as_str(), frozen[0].until), ("sale", at("2026-03-30T00:00:00Z")));
    assert_eq!(policy.freezes_at(at("2026-04-04T12:00:00Z"))[0].until, at("2026-04-05T00:00:00Z"));

    let (policy, _) = gate_policy("  services: [checkout]");
    assert_eq!(policy.unwrap().terms, GateTerms::default());
}

#[test]
fn broken_gate_policies_are_named() {
    let says = |spec: &str| gate_policy(spec).1.join("\n");
    let conditions = |text: &str| says(&format!("  conditions: {{{text}}}"));
    assert_eq!(
        conditions("budgetRemainingAbove: 1"),
        "gates.yaml:21: budgetRemainingAbove is 1; it is a share below 1, such as 0.1"
    );
    assert_eq!(
        conditions("burnRateBelow: {day: 3}"),
        "gates.yaml:21: burnRateBelow: \"day\" is no window such as 1h or 3d, of at most 90d"
    );
    assert_eq!(
        conditions("burnRateBelow: {60m: 3, 1h: 2}"),
        "gates.yaml:21: burnRateBelow names the window 60m twice"
    );
    assert_eq!(
        conditions("openIncidentsMax: {P1: 0}"),
        "gates.yaml:21: openIncidentsMax: \"P1\" is no severity, SEV1 to SEV5 are"
    );
    assert_eq!(
        conditions("changeFailRateBelow: {rate: 25, over: 30d}"),
        "gates.yaml:21: changeFailRateBelow.rate is 25; it is a share up to 1"
    );
    assert!(
        conditions("budgetLeft: 1").contains("gates.yaml:21: unknown field"),
        "{}",
        conditions("budgetLeft: 1")
    );
    let freeze = |text: &str| says(&format!("  freezes: [{{name: sale, {text}}}]"));
    assert_eq!(freeze("from: 2026-01-02"), "gates.yaml:21: a freeze has either from and to, or weekly");
    assert_eq!(
        freeze("from: 2026-01-02T00:00, to: 2026-01-01T00:00"),
        "gates.yaml:21: the freeze ends at 2026-01-01T00:00:00Z, before it begins at 2026-01-02T00:00:00Z"
    );
    assert_eq!(
        freeze("from: soon, to: 2026-01-01T00:00"),
        "gates.yaml:21: \"soon\" is not a time such as 2026-12-20T18:00 or 2026-12-20T18:00:00Z"
    );
    assert_eq!(
        says("  services: [chekcout]"),
        "gates.yaml:21: GatePolicy \"shop\" names the Service \"chekcout\", which is not defined"
    );
    let twice = "  services: [checkout]\n---\napiVersion: evenkeel/v1\nkind: GatePolicy\nmetadata: {name: z}\nspec: {services: [checkout]}";
    assert_eq!(
        says(twice),
        "gates.yaml:26: GatePolicy \"shop\" is for service \"checkout\" already, and is used"
    );
}

#[test]
fn maintenance_recurs_in_its_own_zone_and_bad_rules_are_refused_where_they_stand() {
    let text = "\
apiVersion: evenkeel/v1
kind: Maintenance
metadata: {name: db, displayName: Database}
spec:
  services: [shop]
  effect: count-as-good
  start: 2026-01-04T02:00
  duration: 2h
  timezone: Europe/Berlin
  rrule: FREQ=WEEKLY;BYDAY=SU
---
apiVersion: evenkeel/v1
kind: Maintenance
metadata: {name: often}
spec:
  start: 2026-01-04T02:00
  duration: 10s
  rrule: FREQ=MINUTELY
---
apiVersion: evenkeel/v1
kind: Maintenance
metadata: {name: nowhere}
spec:
  start: 2026-01-04T02:00
  duration: 1h
  timezone: CEST
---
apiVersion: evenkeel/v1
kind: Maintenance
metadata: {name: forever}
spec:
  start: 2026-01-04T02:00
  duration: 365d
";
    check(
        text,
        expect![[r#"
            team.yaml:18: rrule: "FREQ=MINUTELY" is not a recurrence rule such as FREQ=WEEKLY;BYDAY=SU: FREQ is MINUTELY, one of DAILY, WEEKLY, MONTHLY, YEARLY is possible
            team.yaml:26: "CEST" is not a time zone such as Europe/Berlin
            team.yaml:33: duration has to be longer than 0 and at most 31d"#]],
    );
    let (objects, _) = parse("team.yaml", text);
    let Spec::Maintenance(db) = &objects[0].spec else { panic!("{:?}", objects[0]) };
    assert_eq!((db.title.as_str(), db.from.to_string().as_str()), ("Database", "2026-01-04T01:00:00Z"));
    assert_eq!(db.repeats.as_ref().unwrap().timezone, "Europe/Berlin");
}
