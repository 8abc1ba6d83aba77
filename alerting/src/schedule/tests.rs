//! Scenarios from `tests/data/schedules.yaml`, plus what one layer cannot show.

use serde::Deserialize;

use super::*;
use crate::objects::schedule::LayerSpec;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    name: String,
    timezone: String,
    layer: LayerSpec,
    between: (Timestamp, Timestamp),
    handoffs: Vec<String>,
}

fn schedule(timezone: &str, layers: Vec<LayerSpec>) -> Schedule {
    Schedule {
        name: "s".into(),
        display_name: "s".into(),
        timezone: TimeZone::get(timezone).unwrap(),
        layers: layers.into_iter().map(|layer| layer.into_layer().unwrap()).collect(),
    }
}

#[test]
fn handoffs_follow_the_wall_clock() {
    let scenarios: Vec<Scenario> =
        serde_saphyr::from_str(include_str!("../../tests/data/schedules.yaml")).unwrap();
    assert!(scenarios.len() >= 10);
    for Scenario { name, timezone, layer, between: (from, to), handoffs } in scenarios {
        let schedule = schedule(&timezone, vec![layer]);
        let mut seen = Vec::new();
        let mut at = from;
        while let Some((when, user)) = schedule.change_after(at).filter(|(when, _)| *when <= to) {
            seen.push(format!("{when} {}", user.as_deref().unwrap_or("nobody")));
            at = when;
        }
        assert_eq!(seen, handoffs, "scenario {name}");
        // The shifts say the same, without gap or overlap.
        let shifts = schedule.shifts(from, to);
        assert_eq!((shifts[0].from, shifts[shifts.len() - 1].to), (from, to), "scenario {name}");
        assert!(shifts.windows(2).all(|pair| pair[0].to == pair[1].from), "scenario {name}");
        assert_eq!(shifts.len(), handoffs.len() + 1, "scenario {name}");
    }
}

fn layer(text: &str) -> LayerSpec {
    serde_saphyr::from_str(text).unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

#[test]
fn a_later_layer_wins_while_it_has_somebody() {
    let schedule = schedule(
        "UTC",
        vec![
            layer("{start: 2026-01-05T00:00, rotation: weekly, users: [ann]}"),
            layer(
                "{start: 2026-01-05T00:00, rotation: weekly, users: [bob], \
                  restrictions: [{days: [sat, sun], from: '00:00', to: '00:00'}]}",
            ),
        ],
    );
    assert_eq!(schedule.user_at(at("2026-01-09T12:00:00Z")), Some("ann"));
    assert_eq!(schedule.user_at(at("2026-01-10T12:00:00Z")), Some("bob"));
    let friday = schedule.on_call_at(at("2026-01-09T12:00:00Z")).unwrap();
    assert_eq!(friday, OnCall { user: "ann".into(), until: Some(at("2026-01-10T00:00:00Z")) });
    assert_eq!(schedule.user_at(at("2026-01-04T23:59:59Z")), None);
}

#[test]
fn scenario_13_the_right_person_is_found_after_any_number_of_missed_handoffs() {
    let schedule = schedule(
        "Europe/Berlin",
        vec![layer("{start: 2026-01-05T09:00, rotation: daily, users: [a, b, c]}")],
    );
    assert_eq!(schedule.user_at(at("2026-01-05T08:00:00Z")), Some("a"));
    assert_eq!(schedule.user_at(at("2026-01-08T08:00:00Z")), Some("a"));
    assert_eq!(schedule.user_at(at("2026-01-10T07:59:59Z")), Some("b"));
    assert_eq!(schedule.user_at(at("2036-07-01T07:00:00Z")), schedule.user_at(at("2036-07-02T06:59:59Z")));
}

#[test]
fn a_single_person_has_no_next_handoff() {
    let schedule = schedule("UTC", vec![layer("{start: 2026-01-05T09:00, rotation: monthly, users: [ann]}")]);
    let on_call = schedule.on_call_at(at("2026-02-01T00:00:00Z")).unwrap();
    assert_eq!(on_call, OnCall { user: "ann".into(), until: None });
    let gaps = schedule.gaps(at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z"));
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].to, at("2026-01-05T09:00:00Z"));
}
