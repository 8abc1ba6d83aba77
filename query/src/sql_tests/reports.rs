//! The golden vectors of recovery through SQL, from events to numbers; groups, periods, impact, and what
//! was known when.

use serde_json::{Value, json};
use telemetry::{Batch, Event, EventKind, SloSlice, Timestamp};

use crate::QueryRole;
use crate::reports::{ReportRequest, RequestsSource};
use crate::testing::{Bench, at, event, run};

const DAY: &str = "'2026-03-02', '2026-03-03'";

pub(super) fn incident(id: &str, seq: i64, told_at: Timestamp, payload: Value) -> Event {
    event(EventKind::INCIDENT, id, seq, told_at, payload)
}

/// A time on 2026-03-02.
fn on_the_day(clock: &str) -> String {
    format!("2026-03-02T{clock}:00Z")
}

/// Started, detected, acknowledged, restored, resolved; `-` is not known.
fn imported(id: &str, times: &str) -> Event {
    let mut payload = json!({"title": id, "severity": "SEV2", "source": "imported"});
    let names = ["started_at", "detected_at", "acknowledged_at", "restored_at", "resolved_at"];
    for (name, clock) in names.iter().zip(times.split(' ').filter(|clock| *clock != "-")) {
        payload[*name] = json!(on_the_day(clock));
    }
    incident(id, 1, at(&on_the_day("23:00")), payload)
}

async fn four_incidents() -> Bench {
    let bench = Bench::new().await;
    bench
        .events(vec![
            imported("I1", "10:00 10:04 10:06 10:30 11:00"),
            imported("I2", "12:00 12:10 12:20 13:00 13:00"),
            imported("I3", "12:30 12:31 12:33 13:30 14:00"),
            imported("I4", "20:00 20:02"),
        ])
        .await;
    bench
}

#[test]
fn v16_incident_metrics() {
    run(async {
        let bench = four_incidents().await;
        let day = |columns: &str| format!("SELECT {columns} FROM recovery_metrics({DAY})");
        let rows =
            bench.rows(&day("incidents, open, mttd_secs, mtta_secs, acknowledge_n, acknowledge_open")).await;
        assert_eq!(rows, ["4,1,255.0,280.0,3,1"]);
        let rows = bench
            .rows(&day("mttr_secs, restore_mean_secs, restore_median_secs, restore_n, restore_open, resolve_mean_secs"))
            .await;
        assert_eq!(rows, ["3000.0,3000.0,3600.0,3,1,4200.0"]);
        let columns = "downtime_secs, availability, failures, mtbf_secs, mtbsi_secs, uptime_per_failure_secs";
        assert_eq!(bench.rows(&day(columns)).await, ["21600.0,0.75,3,14400.0,18000.0,21600.0"]);
        let request = day_request();
        let rows = bench.engine.recovery(&request, QueryRole::Viewer).await.unwrap();
        assert_eq!((rows.len(), rows[0].from, rows[0].to), (1, request.from, request.to));
        let metrics = &rows[0].metrics;
        assert_eq!((metrics.incidents, metrics.open, metrics.failures), (4, 1, 3));
        assert_eq!((metrics.detect.mean_secs, metrics.acknowledge.n), (Some(255.0), 3));
        assert_eq!((metrics.restore.median_secs, metrics.restore.open), (Some(3_600.0), 1));
        assert_eq!((metrics.mtbf_secs, metrics.mtbsi_secs), (Some(14_400.0), Some(18_000.0)));
        assert_eq!((metrics.downtime_secs, metrics.availability), (21_600.0, Some(0.75)));
        let columns = "repair_n, repair_missing, repair_open, repair_mean_secs, oldest_open_secs";
        let age = at("2026-11-23T12:00:00Z").since(at("2026-03-02T20:00:00Z")).as_secs();
        assert_eq!(bench.rows(&day(columns)).await, [format!("0,3,1,,{age}")]);
    });
}

pub(super) fn day_request() -> ReportRequest {
    let (from, to) = (at("2026-03-02T00:00:00Z"), at("2026-03-03T00:00:00Z"));
    ReportRequest { from, to, by: None, width: None, time_zone: None, as_of: None }
}

#[test]
fn a_report_is_asked_for_in_rust_as_in_sql() {
    run(async {
        let bench = four_incidents().await;
        let by_half = ReportRequest {
            by: Some("service".into()),
            width: Some("12 hours".into()),
            time_zone: Some("Europe/Berlin".into()),
            ..day_request()
        };
        let rows = bench.engine.recovery(&by_half, QueryRole::Viewer).await.unwrap();
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.from.to_string(), row.service.as_deref(), row.metrics.incidents))
            .collect();
        let service = Some("checkout");
        assert_eq!(
            told,
            [
                ("2026-03-02T00:00:00Z".to_owned(), service, 1),
                ("2026-03-02T11:00:00Z".to_owned(), service, 3),
                ("2026-03-02T23:00:00Z".to_owned(), service, 0),
            ]
        );
        let before = ReportRequest { as_of: Some(at("2026-03-02T22:00:00Z")), ..day_request() };
        let rows = bench.engine.recovery(&before, QueryRole::Viewer).await.unwrap();
        assert_eq!(rows[0].metrics.incidents, 0);
        let refused = async |request: ReportRequest| {
            let answer = bench.engine.delivery(&request, QueryRole::Viewer).await;
            answer.unwrap_err().to_string()
        };
        let width = ReportRequest { width: Some("soon".into()), ..day_request() };
        assert!(refused(width).await.contains("the width \"soon\" is no interval"));
        let by = ReportRequest { by: Some("severity".into()), ..day_request() };
        assert!(refused(by).await.contains("\"severity\" is nothing to group by"));
    });
}

#[test]
fn v17_a_reopening_within_the_grace_is_the_same_incident() {
    run(async {
        let bench = Bench::new().await;
        let state = |seq: i64, clock: &str, state: &str, resolved: Value| {
            let payload = json!({"title": "Again", "state": state, "started_at": on_the_day("10:00"),
                "resolved_at": resolved});
            incident("I", seq, at(&on_the_day(clock)), payload)
        };
        bench
            .events(vec![
                state(1, "10:00", "triage", Value::Null),
                state(2, "10:30", "resolved", json!(on_the_day("10:30"))),
                state(3, "10:50", "investigating", Value::Null),
                state(4, "11:20", "resolved", json!(on_the_day("11:20"))),
            ])
            .await;
        let columns = "SELECT resolve_n, resolve_mean_secs, resolve_active_mean_secs";
        let rows = bench.rows(&format!("{columns} FROM recovery_metrics({DAY})")).await;
        assert_eq!(rows, ["1,4800.0,3600.0"]);
        let apart =
            format!("{columns} FROM recovery_metrics({DAY}, 'all', '1 day', 'UTC', INTERVAL '0 seconds')");
        assert_eq!(bench.rows(&apart).await, ["2,1800.0,1800.0"]);
        // Before the second half was told.
        let then = format!(
            "SELECT incidents, open, resolve_n FROM recovery_metrics_as_of('2026-03-02T11:00:00Z', {DAY})"
        );
        assert_eq!(bench.rows(&then).await, ["1,1,0"]);
    });
}

#[test]
fn incidents_are_grouped_by_service_team_severity_and_period() {
    run(async {
        let bench = four_incidents().await;
        let teams = [("checkout", Some("shop")), ("cart", Some("shop")), ("mail", None)];
        bench.engine.publish_services(
            teams.map(|(service, team)| (service.to_owned(), team.map(str::to_owned))).into(),
        );
        // One that concerns two services of a team, and one that was none.
        let both = json!({"title": "Both", "severity": "SEV1", "services": ["cart"],
            "started_at": on_the_day("02:00"), "restored_at": on_the_day("03:00")});
        let none = json!({"title": "None", "severity": "SEV1", "state": "declined",
            "started_at": on_the_day("04:00")});
        bench
            .events(vec![
                incident("I5", 1, at(&on_the_day("05:00")), both),
                incident("I6", 1, at(&on_the_day("05:00")), none),
            ])
            .await;
        let by = |by: &str, columns: &str| {
            format!("SELECT {columns} FROM recovery_metrics({DAY}, '{by}') ORDER BY 1, 2")
        };
        assert_eq!(
            bench.rows(&by("service", "service, incidents, false_alarms, availability IS NULL")).await,
            ["cart,1,0,false", "checkout,5,1,false", "mail,0,0,false"]
        );
        assert_eq!(
            bench.rows(&by("team", "team, incidents, downtime_secs")).await,
            ["shop,5,25200.0", ",0,0.0"]
        );
        assert_eq!(
            bench.rows(&by("severity, service", "severity, service, incidents")).await,
            ["SEV1,cart,1", "SEV1,checkout,1", "SEV2,checkout,4"]
        );
        let halves = format!(
            "SELECT period_start, incidents, mttr_secs FROM recovery_metrics({DAY}, 'all', '12 hours') ORDER BY 1"
        );
        assert_eq!(
            bench.rows(&halves).await,
            ["2026-03-02T00:00:00Z,2,2700.0", "2026-03-02T12:00:00Z,3,3600.0"]
        );
        let future = "SELECT availability, mttr_secs FROM recovery_metrics('2027-01-01', '2027-02-01')";
        assert_eq!(bench.rows(future).await, [","]);
    });
}

#[test]
fn impact_is_what_was_reported_or_what_the_objectives_saw() {
    run(async {
        let bench = Bench::new().await;
        super::shop::fill_first_half(&bench).await;
        let start = at("2026-11-23T10:00:10Z");
        let end = at("2026-11-23T10:01:10Z");
        let plain = json!({"title": "Seen", "started_at": start, "restored_at": end});
        let told = json!({"title": "Told", "started_at": start, "restored_at": end,
            "impact": {"users": 40, "requests": 7}});
        let open = json!({"title": "Open", "started_at": at("2026-11-23T11:00:00Z")});
        let report = json!({"incident_id": "open", "users": 3});
        let mut elsewhere = incident("elsewhere", 1, end, plain.clone());
        elsewhere.service = Some("mail".into());
        bench
            .events(vec![
                incident("seen", 1, end, plain),
                incident("told", 1, end, told),
                incident("open", 1, end, open),
                event(EventKind::new("impact"), "open", 1, end, report),
                elsewhere,
            ])
            .await;
        // Measured anew by another definition: only that counts.
        let slice = SloSlice {
            slo_id: "checkout/1".to_owned(),
            generation: 8,
            group_key: String::new(),
            slice_start: at("2026-11-23T10:00:30Z"),
            slice_secs: 30,
            good_milli: 99_000,
            total_milli: 100_000,
            coverage: 1.0,
            rev: 1,
            recorded_at: at("2026-11-23T11:30:00Z"),
        };
        bench.lake.append(Batch { slices: vec![slice], ..Batch::default() }).await.unwrap();
        let rows = bench
            .rows(
                "SELECT incident_id, minutes, users_affected, user_minutes, requests_affected, requests_source
                 FROM incident_impact('2026-11-23', '2026-11-24') ORDER BY 1",
            )
            .await;
        assert_eq!(
            rows,
            ["elsewhere,1.0,,,,", "open,,3.0,,,", "seen,1.0,,,1.0,slo", "told,1.0,40.0,40.0,7.0,reported",]
        );
        let day = (at("2026-11-23T00:00:00Z"), at("2026-11-24T00:00:00Z"));
        let impact = bench.engine.impact(day, None, QueryRole::Viewer).await.unwrap();
        let told: Vec<_> = impact
            .iter()
            .map(|it| (it.incident_id.as_str(), it.requests_affected, it.requests_source))
            .collect();
        let (reported, slo) = (Some(RequestsSource::Reported), Some(RequestsSource::Slo));
        assert_eq!(
            told,
            [
                ("elsewhere", None, None),
                ("seen", Some(1.0), slo),
                ("told", Some(7.0), reported),
                ("open", None, None)
            ]
        );
        // Added up, by team and by period; an incident counts in each service that it concerns.
        let teams = [("checkout", Some("shop")), ("mail", None)];
        let teams = teams.map(|(service, team)| (service.to_owned(), team.map(str::to_owned)));
        bench.engine.publish_services(teams.into());
        let sums = "incidents, minutes, minutes_unknown, users_affected, user_minutes, user_minutes_unknown,
                    requests_affected, requests_affected_unknown, requests_measured";
        let by_team = "FROM impact_metrics('2026-11-23', '2026-11-24', 'team') ORDER BY team";
        assert_eq!(
            bench.rows(&format!("SELECT team, {sums} {by_team}")).await,
            ["shop,3,2.0,1,43.0,40.0,2,8.0,1,1", ",1,1.0,0,,,1,,1,0"]
        );
        let hours = "FROM impact_metrics('2026-11-23T10:00:00Z', '2026-11-23T12:00:00Z', 'all', '1 hour')";
        assert_eq!(
            bench.rows(&format!("SELECT period_start, incidents, minutes, requests_affected {hours}")).await,
            ["2026-11-23T10:00:00Z,3,3.0,8.0", "2026-11-23T11:00:00Z,1,,"]
        );
        let request = ReportRequest {
            from: at("2026-11-23T00:00:00Z"),
            to: at("2026-11-24T00:00:00Z"),
            by: Some("team".to_owned()),
            ..day_request()
        };
        let rows = bench.engine.impact_metrics(&request, QueryRole::Viewer).await.unwrap();
        let shop = rows.iter().find(|row| row.team.as_deref() == Some("shop")).unwrap();
        assert_eq!((shop.metrics.incidents, shop.metrics.requests_measured), (3, 1));
        let (users, requests) = (shop.metrics.users, shop.metrics.requests);
        assert_eq!((users.total, users.unknown), (Some(43.0), 1));
        assert_eq!((requests.total, requests.unknown), (Some(8.0), 1));
        let nothing =
            "SELECT incidents, minutes FROM impact_metrics_as_of('2026-01-01', '2026-11-23', '2026-11-24')";
        assert_eq!(bench.rows(nothing).await, ["0,"]);
        // Before the slice was measured anew, and before anything was told.
        let then = async |as_of: &str| {
            let query = "SELECT incident_id, requests_affected FROM incident_impact_as_of";
            let query = format!("{query}('{as_of}', '2026-11-23', '2026-11-24') WHERE incident_id = 'seen'");
            bench.rows(&query).await
        };
        assert_eq!(then("2026-11-23T10:01:00Z").await, [""; 0]);
        assert_eq!(then("2026-11-23T11:00:00Z").await.len(), 1);
        assert_eq!(then("2026-11-23T11:30:00Z").await, ["seen,1.0"]);
    });
}

#[test]
fn wrong_calls_say_what_is_wrong() {
    run(async {
        let bench = Bench::new().await;
        let refused = async |call: &str| {
            let error = bench.sql(&format!("SELECT * FROM {call}")).await.unwrap_err().to_string();
            error.split("; write ").next().unwrap_or_default().to_owned()
        };
        assert_eq!(
            refused("recovery_metrics('2026-01-02', '2026-01-01')").await,
            "recovery_metrics: the time ends at 2026-01-01T00:00:00Z, not after its beginning at 2026-01-02T00:00:00Z"
        );
        assert_eq!(
            refused("delivery_metrics('2026-01-01', '2026-01-02', 'severity')").await,
            "delivery_metrics: \"severity\" is nothing to group by: all or service, team are"
        );
        let many = refused("recovery_metrics('2020-01-01', '2026-01-01', 'all', '1 minute')").await;
        assert!(many.contains("more than 100000 periods"), "{many}");
        let zone = refused("recovery_metrics('2026-01-01', '2026-02-01', 'all', '1 day', 'Mars/Base')").await;
        assert!(zone.contains("unknown time zone \"Mars/Base\""), "{zone}");
    });
}
