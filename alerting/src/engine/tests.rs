//! Promises of the engine, over a real store on disk and a clock that is turned by hand.

mod killed;
mod rig;

use std::time::Duration;

use rig::{Rig, Trouble, UP};
use telemetry::{Event, Labels};

use super::*;
use crate::alert::AlertState;
use crate::escalation::EscalationState;
use crate::incident::{Actor, IncidentState, Severity, Via};
use crate::notify::SendError;
use crate::page::PageState;
use crate::ports::{Signal, SignalState};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const INC_1: IncidentId = IncidentId::from_number(1);

#[tokio::test]
async fn a_firing_rule_pages_escalates_and_stops_at_the_acknowledgement() {
    let rig = Rig::new().await;
    rig.turn(SECOND).await;
    rig.is_down(&["api"]);
    rig.turn(MINUTE).await;
    assert_eq!(rig.taken(), ["ann@example.com"]);
    rig.turn(MINUTE * 4).await;
    assert_eq!(rig.taken().len(), 1);
    rig.turn(MINUTE).await;
    assert_eq!(rig.taken(), ["ann@example.com", "bob@example.com"]);
    let outcome = rig.alerting.acknowledge(INC_1, &Actor::new("bob", Via::Web)).await.unwrap();
    assert!(outcome.first);
    rig.turn(MINUTE * 60).await;
    assert_eq!(rig.taken().len(), 2);
    assert_eq!(rig.page_states().await, ["acknowledged", "acknowledged", "cancelled"]);
    let view = rig.alerting.incident(INC_1).await.unwrap();
    assert_eq!(view.incident.title, "api is down");
    assert_eq!((view.alerts_firing, view.incident.acknowledged_by.as_deref()), (1, Some("bob")));
    assert_eq!(view.escalation.unwrap().state, EscalationState::Acknowledged);
}

#[tokio::test]
async fn the_same_promise_holds_with_a_restart_between_all_steps() {
    let mut rig = Rig::new().await;
    rig.is_down(&["api"]);
    for _ in 0..10 {
        rig.reopen().await;
        rig.turn(MINUTE).await;
        rig.reopen().await;
    }
    // Ann at once, Bob after five minutes, his second contact two minutes later; each once.
    assert_eq!(rig.taken(), ["ann@example.com", "bob@example.com", "bob@private.example"]);
    rig.reopen().await;
    rig.alerting.acknowledge(INC_1, &Actor::new("ann", Via::Cli)).await.unwrap();
    rig.reopen().await;
    rig.turn(MINUTE * 60).await;
    assert_eq!(rig.taken().len(), 3);
}

#[tokio::test]
async fn scenario_17_a_page_that_was_decided_is_sent_after_a_crash_exactly_once() {
    let mut rig = Rig::new().await;
    rig.is_down(&["api"]);
    rig.clock.advance(SECOND);
    let report = rig.alerting.tick().await.unwrap();
    assert_eq!((report.alerts_fired, report.incidents_opened, report.pages_queued), (1, 1, 1));
    rig.reopen().await;
    for _ in 0..3 {
        rig.turn(SECOND).await;
    }
    assert_eq!(rig.taken(), ["ann@example.com"]);
}

#[tokio::test]
async fn scenario_16_a_crash_after_the_mail_was_taken_repeats_it_once_marked_and_under_the_same_id() {
    let mut rig = Rig::new().await;
    rig.outside.trouble.lock().insert("ann@example.com".into(), vec![Trouble::Hangs]);
    rig.is_down(&["api"]);
    rig.clock.advance(SECOND);
    rig.alerting.tick().await.unwrap();
    {
        // The process dies while it waits for the answer.
        let sending = rig.alerting.deliver();
        tokio::pin!(sending);
        while rig.taken().is_empty() {
            tokio::select! {
                _ = &mut sending => panic!("the sending hangs"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    rig.reopen().await;
    rig.turn(SECOND).await;
    assert_eq!(rig.taken().len(), 1, "the lease of the dead process still runs");
    rig.turn(SECOND * 30).await;
    rig.turn(SECOND).await;
    let taken = rig.outside.taken.lock().clone();
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0].page, taken[1].page);
    assert_eq!((taken[0].may_repeat, taken[1].may_repeat), (false, true));
}

#[tokio::test]
async fn scenario_18_a_sender_that_slept_through_a_takeover_records_nothing() {
    let rig = Rig::new().await;
    rig.outside.trouble.lock().insert("ann@example.com".into(), vec![Trouble::Hangs]);
    rig.is_down(&["api"]);
    rig.clock.advance(SECOND);
    rig.alerting.tick().await.unwrap();
    let frozen = rig.alerting.clone();
    let sleeper = tokio::spawn(async move { frozen.deliver().await });
    while rig.taken().is_empty() {
        tokio::task::yield_now().await;
    }
    // Another engine takes over while the first one waits for its answer.
    let other = rig.another().await;
    rig.clock.advance(SECOND * 31);
    assert_eq!(other.deliver().await.unwrap().sent, 1);
    rig.outside.answer.notify_one();
    let report = sleeper.await.unwrap().unwrap();
    assert_eq!((report.sent, report.retried, report.failed), (0, 0, 0));
    assert_eq!(rig.page_states().await, ["sent"]);
}

#[tokio::test]
async fn a_mail_server_that_is_down_is_tried_again_and_then_the_next_step_comes() {
    let rig = Rig::new().await;
    let down = || Trouble::Fails(SendError::Temporary("connection refused".into()));
    rig.outside.trouble.lock().insert("ann@example.com".into(), (0..5).map(|_| down()).collect());
    rig.is_down(&["api"]);
    rig.turn(SECOND).await;
    let page = rig.alerting.pages(&PageFilter::default()).await.unwrap().remove(0);
    assert_eq!((page.state, page.error.as_deref()), (PageState::Queued, Some("connection refused")));
    // 5 s, 10 s, 20 s, 40 s between the five attempts: Bob is asked long before his five minutes.
    for _ in 0..16 {
        rig.turn(SECOND * 5).await;
    }
    assert_eq!(rig.taken(), ["bob@example.com"]);
    let pages = rig.alerting.pages(&PageFilter::default()).await.unwrap();
    assert_eq!((pages[0].state, pages[0].attempts, pages[0].may_repeat), (PageState::Failed, 5, false));
}

#[tokio::test]
async fn scenario_32_a_mail_server_that_is_down_for_ten_minutes_loses_no_page() {
    let rig = Rig::new().await;
    let down = || Trouble::Fails(SendError::Temporary("connection refused".into()));
    for address in ["ann@example.com", "bob@example.com", "bob@private.example"] {
        rig.outside.trouble.lock().insert(address.into(), (0..1_000).map(|_| down()).collect());
    }
    rig.is_down(&["api"]);
    for _ in 0..60 {
        rig.turn(SECOND * 10).await;
    }
    assert_eq!(rig.taken().len(), 0);
    rig.outside.trouble.lock().clear();
    for _ in 0..60 {
        rig.turn(SECOND * 10).await;
    }
    assert!(rig.taken().contains(&"ann@example.com".to_owned()));
}

#[tokio::test]
async fn an_answer_that_does_not_come_marks_the_page() {
    let rig = Rig::with_send_timeout(Duration::from_millis(50)).await;
    rig.outside.trouble.lock().insert("ann@example.com".into(), vec![Trouble::Hangs]);
    rig.is_down(&["api"]);
    rig.turn(SECOND).await;
    rig.turn(SECOND * 5).await;
    let taken = rig.outside.taken.lock().clone();
    let marks: Vec<bool> = taken.iter().map(|taken| taken.may_repeat).collect();
    assert_eq!(marks, [false, true]);
    assert_eq!(taken[0].page, taken[1].page);
}

#[tokio::test]
async fn scenario_20_an_outage_neither_resolves_nor_pages_again() {
    let mut rig = Rig::new().await;
    rig.is_down(&["api"]);
    rig.turn(SECOND).await;
    rig.alerting.acknowledge(INC_1, &Actor::new("ann", Via::Web)).await.unwrap();
    rig.reopen().await;
    rig.outside.results.lock().remove(UP);
    *rig.outside.signals.lock() = None;
    rig.clock.advance(MINUTE * 10);
    let report = rig.alerting.tick().await.unwrap();
    assert_eq!((report.rules_failed, report.signals, report.alerts_resolved), (1, None, 0));
    assert_eq!(rig.alerting.rule_errors()["rule:t.yaml/g/Down"], "no such expression");
    rig.outside.signals.lock().replace(Vec::new());
    rig.is_down(&["api"]);
    rig.turn(MINUTE).await;
    assert_eq!(rig.taken().len(), 1);
    let alerts = rig.alerting.alerts(&AlertFilter::default()).await.unwrap();
    assert_eq!((alerts.len(), alerts[0].alert.state), (1, AlertState::Firing));
    assert_eq!(alerts[0].acknowledged_by.as_deref(), Some("ann"));
    assert!(rig.alerting.rule_errors().is_empty());
}

#[tokio::test]
async fn queries_that_hang_hold_up_no_escalation() {
    let rig = Rig::new().await;
    rig.is_down(&["api"]);
    rig.turn(SECOND).await;
    *rig.outside.queries_hang.lock() = true;
    rig.clock.advance(MINUTE * 5);
    let report = rig.alerting.tick().await.unwrap();
    assert_eq!((report.rules_failed, report.alerts_resolved), (1, 0));
    assert_eq!(rig.alerting.rule_errors()["rule:t.yaml/g/Down"], "no answer within 200ms");
    rig.alerting.deliver().await.unwrap();
    assert_eq!(rig.taken(), ["ann@example.com", "bob@example.com"]);
}

#[tokio::test]
async fn a_fact_that_cannot_be_read_does_not_hold_up_the_others() {
    let rig = Rig::new().await;
    let mut tx = rig.alerting.store().begin_write().await.unwrap();
    db::outbox::enqueue(&mut tx, crate::fact::TOPIC, "broken", "{}", 0).await.unwrap();
    tx.commit().await.unwrap();
    rig.is_down(&["api"]);
    rig.turn(SECOND).await;
    assert!(rig.outside.recorded.lock().len() >= 4);
    assert_eq!(db::outbox::backlog(rig.alerting.store(), crate::fact::TOPIC).await.unwrap().rows, 0);
}

#[tokio::test]
async fn scenario_35_the_same_alert_seen_by_two_engines_is_one_page() {
    let rig = Rig::new().await;
    let other = rig.another().await;
    rig.is_down(&["api"]);
    rig.clock.advance(SECOND);
    let (a, b) = tokio::join!(rig.alerting.tick(), other.tick());
    assert_eq!(a.unwrap().pages_queued + b.unwrap().pages_queued, 1);
    let (a, b) = tokio::join!(rig.alerting.deliver(), other.deliver());
    assert_eq!(a.unwrap().sent + b.unwrap().sent, 1);
    assert_eq!(rig.taken(), ["ann@example.com"]);
}

#[tokio::test]
async fn a_notice_is_over_after_its_time_and_comes_again_only_when_it_has_stopped() {
    let rig = Rig::new().await;
    let notice = |state| Signal {
        labels: Labels::new([
            ("alertname", "ErrorBudgetSpent"),
            ("service", "matchmaking"),
            ("severity", "notice"),
        ])
        .unwrap(),
        annotations: BTreeMap::new(),
        state,
        source: "slo:matchmaking".into(),
        started_at: None,
        explains: None,
        shown_for: Some(MINUTE * 2),
    };
    let holds = SignalState::Firing { value: 75.0 };
    let states = async |state: SignalState, minutes: usize| {
        rig.outside.signals.lock().replace(vec![notice(state)]);
        for _ in 0..minutes {
            rig.turn(MINUTE).await;
        }
        let alerts = rig.alerting.alerts(&AlertFilter::default()).await.unwrap();
        assert!(alerts.iter().all(|view| view.alert.is_notice() && view.alert.incident.is_none()));
        alerts.iter().map(|view| view.alert.state).collect::<Vec<_>>()
    };
    use AlertState::{Firing, Resolved};
    assert_eq!(states(holds, 2).await, [Firing]);
    assert_eq!(states(holds, 5).await, [Resolved]);
    assert_eq!(states(SignalState::Quiet, 1).await, [Resolved]);
    assert_eq!(states(holds, 1).await, [Firing, Resolved]);
    assert!(rig.taken().is_empty(), "nobody is paged");
}

#[tokio::test]
async fn a_signal_fires_and_resolves_and_times_the_incident() {
    let rig = Rig::new().await;
    let started_at = rig.clock.now();
    let signal = |state| Signal {
        labels: Labels::new([("alertname", "BudgetBurn"), ("service", "matchmaking"), ("severity", "page")])
            .unwrap(),
        annotations: BTreeMap::new(),
        state,
        source: "slo:matchmaking".into(),
        started_at: Some(started_at),
        explains: Some("14.4x over 1h and 5m".into()),
        shown_for: None,
    };
    rig.outside.signals.lock().replace(vec![signal(SignalState::Firing { value: 20.0 })]);
    rig.turn(MINUTE).await;
    rig.outside.signals.lock().replace(vec![signal(SignalState::Unknown)]);
    rig.turn(MINUTE).await;
    let view = rig.alerting.incident(INC_1).await.unwrap();
    assert_eq!(
        (view.incident.started_at, view.incident.restored_at, view.alerts_firing),
        (started_at, None, 1)
    );
    assert_eq!(view.incident.title, "BudgetBurn on matchmaking");
    rig.outside.signals.lock().replace(vec![signal(SignalState::Quiet)]);
    rig.turn(MINUTE).await;
    let restored_at = rig.alerting.incident(INC_1).await.unwrap().incident.restored_at;
    assert_eq!(restored_at, Some(started_at.plus(MINUTE * 3)));
    rig.turn(MINUTE * 30).await;
    let incident = rig.alerting.incident(INC_1).await.unwrap().incident;
    assert_eq!(
        (incident.state, incident.resolved_at),
        (IncidentState::Resolved, Some(started_at.plus(MINUTE * 33)))
    );
}

#[tokio::test]
async fn scenario_28_looking_at_the_link_acknowledges_nothing_and_acting_twice_is_once() {
    let mut rig = Rig::new().await;
    rig.is_down(&["api"]);
    rig.turn(SECOND).await;
    let token = rig.token();
    assert!(rig.outside.taken.lock()[0].link.starts_with("https://pager.example.com/p/p"));
    rig.reopen().await;
    for _ in 0..3 {
        let view = rig.alerting.open_page_link(&token).await.unwrap();
        assert_eq!((view.incident.incident.acknowledged_at, view.alerts.len()), (None, 1));
    }
    rig.clock.advance(SECOND);
    let first = rig.alerting.acknowledge_by_link(&token).await.unwrap();
    assert_eq!((first.first, first.acknowledged_by.as_deref()), (true, Some("ann")));
    rig.clock.advance(SECOND);
    let second = rig.alerting.acknowledge_by_link(&token).await.unwrap();
    assert_eq!((second.first, second.acknowledged_by.as_deref()), (false, Some("ann")));
    assert_eq!(second.acknowledged_at, first.acknowledged_at);
    rig.alerting.publish_facts().await.unwrap();
    let recorded = rig.outside.recorded.lock();
    let acknowledgements =
        recorded.iter().filter(|event| event.kind == telemetry::EventKind::ACKNOWLEDGEMENT);
    assert_eq!(acknowledgements.count(), 1);
}

#[tokio::test]
async fn a_link_that_was_tampered_with_or_is_too_old_is_refused() {
    let rig = Rig::new().await;
    rig.is_down(&["api"]);
    rig.turn(SECOND).await;
    let token = rig.token();
    let (page, rest) = token.split_once('.').unwrap();
    let (expires, signature) = rest.split_once('.').unwrap();
    let later = expires.parse::<i64>().unwrap() + 3_600;
    let long = "x".repeat(10_000);
    let forged = [
        format!("{page}.{later}.{signature}"),
        format!("p0000.{expires}.{signature}"),
        format!("{page}.{expires}.{}", signature.to_lowercase()),
        format!("{page}.{expires}."),
        format!("{page}.{expires}"),
        format!("{token}.more"),
        String::new(),
        "../../etc/passwd".to_owned(),
        long,
    ];
    for token in &forged {
        let refused = rig.alerting.acknowledge_by_link(token).await;
        assert!(matches!(refused, Err(AlertingError::LinkInvalid)), "{token}");
    }
    assert_eq!(rig.alerting.incident(INC_1).await.unwrap().incident.acknowledged_at, None);
    let mut without_ann = (*rig.alerting.catalog()).clone();
    without_ann.users.remove("ann");
    let with_ann = rig.alerting.catalog();
    rig.alerting.set_catalog(Arc::new(without_ann));
    assert!(matches!(rig.alerting.open_page_link(&token).await, Err(AlertingError::LinkRevoked)));
    rig.alerting.set_catalog(with_ann);
    rig.clock.advance(MINUTE * 60 * 24);
    assert!(matches!(rig.alerting.open_page_link(&token).await, Err(AlertingError::LinkExpired)));
}

#[tokio::test]
async fn facts_reach_the_lake_once_in_order_and_survive_its_outage() {
    let mut rig = Rig::new().await;
    *rig.outside.sink_fails.lock() = true;
    rig.is_down(&["api", "web"]);
    rig.clock.advance(SECOND);
    rig.alerting.tick().await.unwrap();
    assert!(rig.alerting.publish_facts().await.is_err());
    rig.reopen().await;
    *rig.outside.sink_fails.lock() = false;
    rig.clock.advance(MINUTE);
    let published = rig.alerting.publish_facts().await.unwrap();
    assert_eq!(rig.alerting.publish_facts().await.unwrap(), 0);
    let recorded = rig.outside.recorded.lock();
    assert_eq!(recorded.len(), published);
    assert!(recorded.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    let kinds: Vec<&str> = recorded.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["alert", "alert", "incident", "escalation", "page"]);
    let incident = &recorded[2];
    assert_eq!((incident.subject_id.as_str(), incident.service.as_deref()), ("INC-1", Some("matchmaking")));
    assert_eq!(incident.payload["alerts"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_event_of_another_crate_travels_with_its_transaction() {
    let rig = Rig::new().await;
    let event = |id: &str| Event {
        event_id: id.to_owned(),
        kind: telemetry::EventKind::RUNBOOK_RUN,
        subject_id: "run-1".into(),
        seq: 0,
        valid_at: rig.clock.now(),
        recorded_at: rig.clock.now(),
        service: None,
        env: None,
        actor: None,
        severity: None,
        payload: serde_json::json!({"state": "open"}),
    };
    let store = rig.alerting.store().clone();
    let mut tx = store.begin_write().await.unwrap();
    crate::append_fact(&mut tx, event("")).await.unwrap();
    drop(tx);
    let mut tx = store.begin_write().await.unwrap();
    crate::append_fact(&mut tx, event("given")).await.unwrap();
    crate::append_fact(&mut tx, event("given")).await.unwrap();
    crate::append_fact(&mut tx, event("")).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(rig.alerting.publish_facts().await.unwrap(), 2);
}

#[tokio::test]
async fn verbs_refuse_what_makes_no_sense() {
    let rig = Rig::new().await;
    let actor = Actor::new("ann", Via::Api);
    let unknown = rig.alerting.acknowledge(IncidentId::from_number(7), &actor).await;
    assert_eq!(unknown.unwrap_err().to_string(), "INC-7 is not known");
    let empty = rig.alerting.declare("  ", None, Severity::Sev1, &actor).await;
    assert!(matches!(empty, Err(AlertingError::BadInput { pointer: "/title", .. })));
    let id = rig.alerting.declare("Login is slow", Some("chat"), Severity::Sev3, &actor).await.unwrap();
    assert_eq!(id, INC_1);
    let long = "x".repeat(70_000);
    assert!(matches!(
        rig.alerting.add_note(id, &long, &actor).await,
        Err(AlertingError::BadInput { pointer: "/text", .. })
    ));
    rig.alerting.add_note(id, "looking", &actor).await.unwrap();
    let view = rig.alerting.set_severity(id, Severity::Sev1, &actor).await.unwrap();
    assert_eq!(view.incident.severity, Severity::Sev1);
    rig.alerting.close(id, &actor).await.unwrap();
    let refused = rig.alerting.mitigate(id, &actor).await.unwrap_err();
    assert_eq!(refused.to_string(), "cannot mitigate INC-1: it is closed");
    let open_only = IncidentFilter { open_only: true, ..IncidentFilter::default() };
    assert!(rig.alerting.incidents(&open_only).await.unwrap().is_empty());
    assert_eq!(rig.alerting.incidents(&IncidentFilter::default()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_rule_that_is_deleted_ends_its_alerts_but_an_unread_configuration_does_not() {
    let mut rig = Rig::new().await;
    rig.is_down(&["api"]);
    rig.turn(SECOND).await;
    let catalog = rig.alerting.catalog();
    rig.reopen().await;
    rig.alerting.0.catalog.store(None);
    assert_eq!(rig.alerting.tick().await.unwrap(), TickReport::default());
    let mut without_rules = (*catalog).clone();
    without_rules.groups.clear();
    rig.alerting.set_catalog(Arc::new(without_rules));
    assert_eq!(rig.alerting.tick().await.unwrap().alerts_resolved, 1);
}

#[tokio::test]
async fn the_audit_finds_what_was_forgotten() {
    let rig = Rig::new().await;
    rig.is_down(&["api"]);
    rig.turn(SECOND).await;
    let mut tx = rig.alerting.store().begin_write().await.unwrap();
    sqlx::query("UPDATE escalations SET next_due = NULL").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(rig.alerting.audit().await.unwrap().forgotten, [INC_1]);
    // Nobody delivers for two minutes.
    rig.is_down(&["api", "web"]);
    rig.alerting.declare("More", Some("matchmaking"), Severity::Sev1, &Actor::engine()).await.unwrap();
    rig.clock.advance(MINUTE * 2);
    assert_eq!(rig.alerting.audit().await.unwrap().pages_overdue, 1);
}

#[tokio::test]
async fn metrics_tell_what_happened() {
    let rig = Rig::new().await;
    rig.is_down(&["api"]);
    rig.turn(SECOND).await;
    let mut registry = prometheus_client::registry::Registry::default();
    rig.alerting.register_metrics(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    assert!(text.contains("evenkeel_alerting_pages_sent_total 1"), "{text}");
    assert!(text.contains("evenkeel_alerting_rules_evaluated_total 1"), "{text}");
}
