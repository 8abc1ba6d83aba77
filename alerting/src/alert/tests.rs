//! The state machine, told as a table: minute by minute, what the expression says and what becomes
//! of the alert.

use super::*;
use crate::ports::{Signal, SignalState};
use crate::rule::Template;

fn rule(hold_mins: u64, keep_mins: u64) -> AlertRule {
    AlertRule {
        source: "rule:f/g/Down".into(),
        alert: "Down".into(),
        expr: "up == 0".into(),
        hold: Duration::from_secs(hold_mins * 60),
        keep_firing_for: Duration::from_secs(keep_mins * 60),
        labels: BTreeMap::from([("severity".to_owned(), Template::parse("page").0)]),
        annotations: BTreeMap::from([(
            "summary".to_owned(),
            Template::parse("{{ $labels.job }}: {{ $value }}").0,
        )]),
        line: 1,
    }
}

fn minute(n: i64) -> Timestamp {
    Timestamp::from_secs(n * 60)
}

fn series(job: &str) -> Labels {
    Labels::new([("__name__", "up"), ("job", job)]).unwrap()
}

/// One evaluation per character: `1` holds, `0` does not, `x` failed. Tells the transitions.
fn check(hold_mins: u64, keep_mins: u64, expression: &str, expect: &str) {
    let rule = rule(hold_mins, keep_mins);
    let mut active: Vec<Alert> = Vec::new();
    let mut seen = Vec::new();
    for (at, holds) in expression.chars().enumerate() {
        let vector = if holds == '1' { vec![(series("a"), 0.0)] } else { Vec::new() };
        if holds == 'x' {
            continue;
        }
        let (changes, error) = evaluate_rule(&rule, 0, active.clone(), &vector, minute(at as i64));
        assert_eq!(error, None);
        for AlertChange { alert, transition } in changes {
            seen.extend(transition.map(|transition| format!("{at}:{}", transition.as_str())));
            active.retain(|known| known.id != alert.id);
            if alert.is_active() && transition != Some(Transition::Inactive) {
                active.push(alert);
            }
        }
    }
    assert_eq!(seen.join(" "), expect, "for {hold_mins}m, keep {keep_mins}m, {expression}");
}

#[test]
fn alerts_move_as_in_prometheus() {
    check(0, 0, "0110", "1:firing 3:resolved");
    check(2, 0, "01111", "1:pending 3:firing");
    check(2, 0, "0110111", "1:pending 3:inactive 4:pending 6:firing");
    check(2, 0, "11100111", "0:pending 2:firing 3:resolved 5:pending 7:firing");
    check(0, 3, "1000001", "0:firing 4:resolved 6:firing");
    check(0, 3, "10010000", "0:firing 7:resolved");
    check(0, 0, "1xx1xx0", "0:firing 6:resolved");
    check(2, 0, "1x1", "0:pending 2:firing");
}

#[test]
fn labels_and_annotations_are_filled_in_and_each_series_is_its_own_alert() {
    let (changes, error) =
        evaluate_rule(&rule(0, 0), 0, vec![], &[(series("a"), 0.0), (series("b"), 1.5)], minute(0));
    assert_eq!(error, None);
    let told: Vec<String> =
        changes.iter().map(|c| format!("{} {}", c.alert.labels, c.alert.annotations["summary"])).collect();
    assert_eq!(
        told,
        [
            r#"{alertname="Down", job="a", severity="page"} a: 0"#,
            r#"{alertname="Down", job="b", severity="page"} b: 1.5"#
        ]
    );
    assert_ne!(changes[0].alert.id, changes[1].alert.id);
}

#[test]
fn an_evaluation_that_changes_nothing_writes_nothing() {
    let rule = rule(0, 0);
    let fired = evaluate_rule(&rule, 0, vec![], &[(series("a"), f64::NAN)], minute(0)).0.remove(0).alert;
    let (changes, _) = evaluate_rule(&rule, 0, vec![fired.clone()], &[(series("a"), f64::NAN)], minute(1));
    assert!(changes.is_empty());
    let (changes, _) = evaluate_rule(&rule, 0, vec![fired], &[(series("a"), 2.0)], minute(1));
    assert_eq!((changes.len(), changes[0].transition), (1, None));
}

#[test]
fn label_sets_that_become_one_are_an_error_and_change_nothing() {
    let mut rule = rule(0, 0);
    rule.labels.insert("job".into(), Template::parse("same").0);
    let (changes, error) =
        evaluate_rule(&rule, 0, vec![], &[(series("a"), 0.0), (series("b"), 0.0)], minute(0));
    assert!(changes.is_empty());
    assert!(matches!(error, Some(RuleError::DuplicateLabels(_))));
}

#[test]
fn too_many_alerts_drop_the_rules_state() {
    let rule = rule(0, 0);
    let fired = evaluate_rule(&rule, 1, vec![], &[(series("a"), 0.0)], minute(0)).0.remove(0).alert;
    let two = [(series("a"), 0.0), (series("b"), 0.0)];
    let (changes, error) = evaluate_rule(&rule, 1, vec![fired], &two, minute(1));
    assert_eq!(error, Some(RuleError::Limit { alerts: 2, limit: 1 }));
    assert_eq!(changes[0].transition, Some(Transition::Inactive));
}

#[test]
fn an_outage_does_not_count_towards_for() {
    let pending_since = |active: i64| {
        let mut alert =
            evaluate_rule(&rule(30, 0), 0, vec![], &[(series("a"), 0.0)], minute(active)).0.remove(0).alert;
        alert.state = AlertState::Pending;
        alert
    };
    // Ten of thirty minutes were spent; twenty minutes of outage; twenty minutes are left.
    let resumed = resume_pending(&rule(30, 0), pending_since(0), minute(10), minute(30));
    assert_eq!(resumed.active_at.plus(Duration::from_secs(1_800)), minute(50));
    // Five minutes were left: the grace period gives ten.
    let resumed = resume_pending(&rule(30, 0), pending_since(0), minute(25), minute(30));
    assert_eq!(resumed.active_at.plus(Duration::from_secs(1_800)), minute(40));
    // A short `for` starts over.
    assert_eq!(resume_pending(&rule(5, 0), pending_since(0), minute(4), minute(10)).active_at, minute(10));
    // Too long an outage: start over.
    assert_eq!(resume_pending(&rule(30, 0), pending_since(0), minute(25), minute(90)).active_at, minute(90));
    // Time was up before the outage.
    assert_eq!(resume_pending(&rule(30, 0), pending_since(0), minute(30), minute(40)).active_at, minute(0));
}

fn signal(state: SignalState) -> Signal {
    Signal {
        labels: Labels::new([("alertname", "Burn"), ("service", "chat"), ("severity", "page")]).unwrap(),
        annotations: BTreeMap::new(),
        state,
        source: "slo:chat".into(),
        started_at: Some(minute(-5)),
        explains: None,
        shown_for: None,
    }
}

#[test]
fn a_signal_without_data_freezes_its_alert() {
    let firing = signal(SignalState::Firing { value: 14.4 });
    let fired = observe_signals(vec![], std::slice::from_ref(&firing), minute(0)).remove(0);
    assert_eq!(fired.transition, Some(Transition::Firing));
    assert_eq!((fired.alert.started_at, fired.alert.fired_at), (minute(-5), Some(minute(0))));
    assert!(
        observe_signals(vec![fired.alert.clone()], &[signal(SignalState::Unknown)], minute(1)).is_empty()
    );
    assert!(observe_signals(vec![], &[signal(SignalState::Unknown)], minute(1)).is_empty());
    let quiet = observe_signals(vec![fired.alert], &[signal(SignalState::Quiet)], minute(2)).remove(0);
    assert_eq!(quiet.transition, Some(Transition::Resolved));
}

#[test]
fn a_signal_that_has_to_last_is_pending_until_it_has() {
    let mut active: Vec<Alert> = Vec::new();
    let mut seen = Vec::new();
    let (pending, firing) = (SignalState::Pending { value: 20.0 }, SignalState::Firing { value: 20.0 });
    let (quiet, unknown) = (SignalState::Quiet, SignalState::Unknown);
    let story = [pending, pending, unknown, firing, pending, unknown, quiet, pending, quiet, quiet, firing];
    for (at, state) in story.into_iter().enumerate() {
        for AlertChange { alert, transition } in
            observe_signals(active.clone(), &[signal(state)], minute(at as i64))
        {
            seen.extend(transition.map(|transition| format!("{at}:{}", transition.as_str())));
            active.retain(|known| known.id != alert.id);
            if alert.is_active() && transition != Some(Transition::Inactive) {
                active.push(alert);
            }
        }
    }
    assert_eq!(seen.join(" "), "0:pending 3:firing 6:resolved 7:pending 8:inactive 10:firing");
    assert_eq!(active[0].fired_at, Some(minute(10)));
}

#[test]
fn a_notice_is_told_for_its_time_and_again_only_after_it_has_stopped() {
    let notice = |state| Signal { shown_for: Some(Duration::from_secs(120)), ..signal(state) };
    let mut known: Vec<Alert> = Vec::new();
    let mut seen = Vec::new();
    let (holds, quiet, unknown) =
        (SignalState::Firing { value: 75.0 }, SignalState::Quiet, SignalState::Unknown);
    let story = [holds, holds, holds, holds, unknown, holds, quiet, quiet, holds, quiet];
    for (at, state) in story.into_iter().enumerate() {
        for AlertChange { alert, transition } in
            observe_signals(known.clone(), &[notice(state)], minute(at as i64))
        {
            seen.extend(transition.map(|transition| format!("{at}:{}", transition.as_str())));
            known.retain(|before| before.id != alert.id);
            if alert.is_active() || alert.told_at.is_some() {
                known.push(alert);
            }
        }
    }
    assert_eq!(seen.join(" "), "0:firing 2:resolved 8:firing 9:resolved");
    assert!(known.is_empty(), "{known:?}");
}

#[test]
fn a_told_notice_whose_signal_is_gone_is_forgotten_after_a_while() {
    let notice = Signal { shown_for: Some(Duration::ZERO), ..signal(SignalState::Firing { value: 75.0 }) };
    let fired = observe_signals(vec![], std::slice::from_ref(&notice), minute(0)).remove(0).alert;
    let told = observe_signals(vec![fired], std::slice::from_ref(&notice), minute(1)).remove(0).alert;
    assert_eq!((told.state, told.told_at), (AlertState::Resolved, Some(minute(1))));
    let unseen = observe_signals(vec![told.clone()], &[], minute(2)).remove(0).alert;
    let back = observe_signals(vec![unseen.clone()], &[notice], minute(3)).remove(0);
    assert_eq!((back.transition, &back.alert), (None, &told));
    let gone = observe_signals(vec![unseen], &[], minute(17)).remove(0);
    assert_eq!((gone.transition, gone.alert.told_at), (None, None));
    assert_eq!(gone.alert.resolved_at, Some(minute(1)));
}

#[test]
fn a_signal_that_is_gone_resolves_only_after_a_while() {
    let firing = signal(SignalState::Firing { value: 1.0 });
    let fired = observe_signals(vec![], std::slice::from_ref(&firing), minute(0)).remove(0).alert;
    let unseen = observe_signals(vec![fired], &[], minute(1)).remove(0);
    assert_eq!((unseen.transition, unseen.alert.unseen_since), (None, Some(minute(1))));
    assert!(observe_signals(vec![unseen.alert.clone()], &[], minute(15)).is_empty());
    let back = observe_signals(vec![unseen.alert.clone()], &[firing], minute(15)).remove(0);
    assert_eq!((back.transition, back.alert.unseen_since), (None, None));
    let gone = observe_signals(vec![unseen.alert], &[], minute(16)).remove(0);
    assert_eq!(gone.transition, Some(Transition::Resolved));
}
