//! Ninety days of twenty services: deploys, incidents, and an objective each with a slice every thirty
//! seconds. A part of the deploys goes wrong and an incident follows; while one lasts, a part of the
//! requests fails.

use serde_json::json;
use telemetry::{Event, EventKind, SloSlice, Timestamp};

use crate::random::Random;

pub const DAYS: i64 = 90;
pub const SERVICES: usize = 20;
const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;
const SLICE_SECS: i32 = 30;
const DEPLOYS_PER_DAY: u64 = 10;
/// One deploy in so many is followed by an incident.
const DEPLOYS_PER_INCIDENT: u64 = 12;
const SEVERITIES: [&str; 4] = ["SEV1", "SEV2", "SEV3", "SEV4"];
const ENGINEERS: [&str; 5] = ["ada", "grace", "linus", "margaret", "ken"];

/// What happened to one service.
pub struct Service {
    pub name: String,
    pub events: Vec<Event>,
    /// Begin and end of each incident, in order.
    incidents: Vec<(i64, i64)>,
    random: Random,
}

impl Service {
    pub fn new(number: usize, start_ms: i64) -> Service {
        let name = format!("service-{number:02}");
        let random = Random(0x51ce_5eed ^ (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut service = Service { name, events: Vec::new(), incidents: Vec::new(), random };
        for day in 0..DAYS {
            for deploy in 0..DEPLOYS_PER_DAY {
                let within = service.random.below((DAY_MS / DEPLOYS_PER_DAY as i64) as u64) as i64;
                let begins =
                    start_ms + day * DAY_MS + deploy as i64 * (DAY_MS / DEPLOYS_PER_DAY as i64) + within;
                service.deploy(day * DEPLOYS_PER_DAY as i64 + deploy as i64, begins);
            }
        }
        service
    }

    fn deploy(&mut self, number: i64, begins: i64) {
        let finished = begins + (2 + self.random.below(8) as i64) * MINUTE_MS;
        let goes_wrong = self.random.below(DEPLOYS_PER_INCIDENT) == 0;
        let subject = format!("{}-d{number}", self.name);
        let mut payload = json!({
            "version": format!("v{number}"), "status": "started", "started_at": text(begins), "finished_at": null,
        });
        self.record(EventKind::DEPLOY, &subject, 1, begins, None, payload.clone());
        payload["status"] = json!(if goes_wrong { "failed" } else { "succeeded" });
        payload["finished_at"] = json!(text(finished));
        self.record(EventKind::DEPLOY, &subject, 2, finished, None, payload);
        if goes_wrong {
            let noticed_after = (1 + self.random.below(40) as i64) * MINUTE_MS;
            self.incident(number, finished + noticed_after);
        }
    }

    /// Four facts: begun, acknowledged, restored, resolved; each repeats the whole state.
    fn incident(&mut self, number: i64, begins: i64) {
        let severity = SEVERITIES[self.random.below(4) as usize];
        let acknowledged = begins + (1 + self.random.below(9) as i64) * MINUTE_MS;
        let restored = acknowledged + (5 + self.random.below(110) as i64) * MINUTE_MS;
        let resolved = restored + (10 + self.random.below(600) as i64) * MINUTE_MS;
        let commander = ENGINEERS[self.random.below(ENGINEERS.len() as u64) as usize];
        let subject = format!("{}-i{number}", self.name);
        let mut payload = json!({
            "title": format!("{} answers with errors", self.name), "severity": severity,
            "state": "investigating", "started_at": text(begins), "detected_at": text(begins + MINUTE_MS),
            "acknowledged_at": null, "restored_at": null, "resolved_at": null, "closed_at": null,
            "commander": commander, "source": "evenkeel",
        });
        let steps = [
            (begins, "started_at", "investigating"),
            (acknowledged, "acknowledged_at", "identified"),
            (restored, "restored_at", "mitigated"),
            (resolved, "resolved_at", "resolved"),
        ];
        for (seq, (at, column, state)) in steps.into_iter().enumerate() {
            payload[column] = json!(text(at));
            payload["state"] = json!(state);
            self.record(EventKind::INCIDENT, &subject, seq as i64 + 1, at, Some(severity), payload.clone());
        }
        self.incidents.push((begins, restored));
    }

    fn record(
        &mut self,
        kind: EventKind,
        subject: &str,
        seq: i64,
        at_ms: i64,
        severity: Option<&str>,
        payload: serde_json::Value,
    ) {
        let at = Timestamp::from_millis(at_ms);
        self.events.push(Event {
            event_id: format!("{kind}-{subject}-{seq}"),
            kind,
            subject_id: subject.to_owned(),
            seq,
            valid_at: at,
            recorded_at: at,
            service: Some(self.name.clone()),
            env: Some("production".to_owned()),
            actor: None,
            severity: severity.map(str::to_owned),
            payload,
        });
    }

    /// The slices of one day.
    pub fn slices(&mut self, day_ms: i64) -> Vec<SloSlice> {
        let starts = (day_ms..day_ms + DAY_MS).step_by(SLICE_SECS as usize * 1_000);
        starts.map(|start_ms| self.slice(start_ms)).collect()
    }

    fn slice(&mut self, start_ms: i64) -> SloSlice {
        let total = 2_000 + self.random.below(1_000) as i64;
        let is_down = self.incidents.iter().any(|(begin, end)| (*begin..*end).contains(&start_ms));
        let bad = if is_down {
            total / 10 + self.random.below(100) as i64
        } else {
            self.random.below(4) as i64 / 3
        };
        SloSlice {
            slo_id: format!("{}-availability/1", self.name),
            generation: 1,
            group_key: String::new(),
            slice_start: Timestamp::from_millis(start_ms),
            slice_secs: SLICE_SECS,
            good_milli: (total - bad) * 1_000,
            total_milli: total * 1_000,
            coverage: 1.0,
            rev: 0,
            recorded_at: Timestamp::from_millis(start_ms + 60_000),
        }
    }
}

fn text(at_ms: i64) -> String {
    Timestamp::from_millis(at_ms).to_string()
}
