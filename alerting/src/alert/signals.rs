//! The machine for signals: simpler than that for rules, since the source of a signal keeps the time that
//! a condition has to hold. A notice is told for a time, and again only after what it says has stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use telemetry::{Labels, Timestamp};

use super::{Alert, AlertChange, AlertState, Transition, change, resolve, same, withdraw};
use crate::ids::AlertId;
use crate::ports::{Signal, SignalState};

/// A signal that its source has not mentioned for so long is gone; the same time for which
/// Prometheus keeps a resolved alert.
pub const SIGNAL_GONE_AFTER: Duration = Duration::from_secs(15 * 60);

/// Moves the alerts of all signals on. `active` are the pending and firing alerts that came from
/// signals, and the notices that were told.
pub fn observe_signals(active: Vec<Alert>, signals: &[Signal], now: Timestamp) -> Vec<AlertChange> {
    let mut active: BTreeMap<(String, Labels), Alert> =
        active.into_iter().map(|alert| ((alert.source.clone(), alert.labels.clone()), alert)).collect();
    let mut seen = BTreeSet::new();
    let mut changes = Vec::new();
    for signal in signals {
        let key = (signal.source.clone(), signal.labels.clone());
        // A signal told twice is taken at its first word.
        if !seen.insert(key.clone()) {
            continue;
        }
        let known = active.remove(&key);
        match (signal.state, known) {
            (SignalState::Pending { .. } | SignalState::Firing { .. }, Some(alert))
                if alert.told_at.is_some() =>
            {
                changes.extend(seen_again(alert));
            }
            (SignalState::Pending { value }, known) => {
                changes.extend(signal_holds(signal, value, false, known, now));
            }
            (SignalState::Firing { .. }, Some(alert)) if was_shown_long_enough(signal, &alert, now) => {
                let mut told = resolve(alert, now);
                told.alert.told_at = Some(now);
                changes.push(told);
            }
            (SignalState::Firing { value }, known) => {
                changes.extend(signal_holds(signal, value, true, known, now));
            }
            (SignalState::Quiet, Some(alert)) => changes.push(withdraw(alert, now)),
            (SignalState::Unknown, Some(alert)) => changes.extend(seen_again(alert)),
            (SignalState::Quiet | SignalState::Unknown, None) => {}
        }
    }
    for mut alert in active.into_values() {
        match alert.unseen_since {
            Some(since) if now.since(since) >= SIGNAL_GONE_AFTER => changes.push(withdraw(alert, now)),
            Some(_) => {}
            None => {
                alert.unseen_since = Some(now);
                changes.push(change(alert, None));
            }
        }
    }
    changes
}

/// A notice that is told stays for its time, whatever it says.
fn was_shown_long_enough(signal: &Signal, alert: &Alert, now: Timestamp) -> bool {
    let shown = alert.fired_at.map(|fired_at| now.since(fired_at));
    signal.shown_for.is_some_and(|longest| shown.is_some_and(|shown| shown >= longest))
}

fn seen_again(mut alert: Alert) -> Option<AlertChange> {
    alert.unseen_since.take().map(|_| change(alert, None))
}

/// The condition of a signal holds. `fires`: for as long as it has to; an alert that fires already goes
/// on, a wait that starts anew is for the next one.
fn signal_holds(
    signal: &Signal,
    value: f64,
    fires: bool,
    known: Option<Alert>,
    now: Timestamp,
) -> Option<AlertChange> {
    let is_new = known.is_none();
    let before = known.clone();
    let mut alert = known.unwrap_or_else(|| Alert {
        id: AlertId::of(&signal.source, &signal.labels, now),
        source: signal.source.clone(),
        labels: signal.labels.clone(),
        annotations: BTreeMap::new(),
        state: AlertState::Pending,
        active_at: now,
        started_at: signal.started_at.unwrap_or(now).min(now),
        fired_at: None,
        keep_firing_since: None,
        resolved_at: None,
        value,
        incident: None,
        unseen_since: None,
        told_at: None,
        explains: None,
    });
    alert.annotations = signal.annotations.clone();
    alert.explains = signal.explains.clone();
    alert.value = value;
    alert.unseen_since = None;
    let mut transition = is_new.then_some(Transition::Pending);
    if fires && alert.state == AlertState::Pending {
        alert.state = AlertState::Firing;
        alert.fired_at = Some(now);
        transition = Some(Transition::Firing);
    }
    let is_same = before.as_ref().is_some_and(|before| same(before, &alert));
    (!is_same).then(|| change(alert, transition))
}
