//! The whole loop on input that nobody here made up: Debian's Prometheus scrapes node-exporter and
//! writes to Evenkeel, the OpenTelemetry SDK sends logs, the exporter dies, people are paged by mail,
//! a runbook brings it back, the incident is written up, and SQL knows all of it.

mod control;
mod scene;

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Mail, SOON, eventually, peer_to_end, run};
use scene::Scene;

const ADA: &str = "ada@ops.example";
const GRACE: &str = "grace@ops.example";
const INCIDENT: &str = "/api/incidents/INC-1";
/// Two slices of ten seconds, their delay, and a scrape.
const BREACH_WITHIN: Duration = Duration::from_secs(90);
/// Four good slices push the bad ones out of the short window.
const RECOVERY_WITHIN: Duration = Duration::from_secs(120);
const LOG_LINES: u64 = 25;

#[tokio::test(flavor = "multi_thread")]
async fn from_a_scrape_to_a_retrospective_and_an_answer_in_sql() {
    let mut scene = Scene::open().await;
    scene.prometheus_writes_real_metrics().await;
    scene.opentelemetry_sends_logs_and_metrics_both_ways().await;
    scene.somebody_deploys().await;
    scene.objectives_are_healthy().await;

    scene.exporter.end();
    let page = scene.ada_is_paged().await;
    scene.ada_looks_and_does_not_acknowledge(&page).await;
    let second = scene.mailbox.mail(GRACE, "INC-1", SOON).await;
    let mails = scene.grace_acknowledges(&second).await;

    scene.the_runbook_brings_the_exporter_back().await;
    scene.the_service_is_restored().await;
    assert_eq!(scene.mailbox.mails().len(), mails, "nobody was paged after the acknowledgement");

    scene.the_incident_is_resolved_and_written_up().await;
    scene.sql_knows_the_incident_its_pages_and_the_deploy().await;
    scene.command_line_api_and_sql_agree().await;
}

impl Scene {
    async fn prometheus_writes_real_metrics(&self) {
        let up = eventually(SOON, "both jobs are up", async || {
            let up = self.api.promql("sum by (job) (up)").await;
            let is_up =
                |job: &str| up.iter().any(|one| one["metric"]["job"] == job && one["value"][1] == "1");
            if is_up("node") && is_up("prometheus") { Ok(up) } else { Err(format!("{up:?}")) }
        });
        assert_eq!(up.await.len(), 2);
        let metrics = self.api.count("SELECT count(DISTINCT metric) FROM metrics").await;
        assert!(metrics > 50, "only {metrics} metrics");
        // The machine has memory, and Prometheus told us how much.
        let memory = self.api.promql("node_memory_MemTotal_bytes{job=\"node\"}").await;
        let bytes: f64 = memory[0]["value"][1].as_str().and_then(|text| text.parse().ok()).expect("a number");
        assert!(bytes > 1e8, "{memory:?}");
        eventually(SOON, "a rate over two scrapes", async || {
            let rates = self.api.promql("sum by (mode) (rate(node_cpu_seconds_total[1m]))").await;
            if rates.iter().any(|rate| rate["metric"]["mode"] == "idle") {
                Ok(())
            } else {
                Err(format!("{rates:?}"))
            }
        })
        .await;
        // Prometheus itself says that nothing it sent was lost or refused.
        let failed = self.prometheus_says("sum(prometheus_remote_storage_samples_failed_total)").await;
        assert_eq!(failed, "0", "samples that Evenkeel refused");
    }

    async fn opentelemetry_sends_logs_and_metrics_both_ways(&self) {
        let lines = LOG_LINES.to_string();
        let args = [self.server.otlp_http(), self.server.otlp_grpc(), &self.sender, &lines];
        let sent = peer_to_end("otel_sender.py", &args).await;
        assert_eq!(sent["services"], json!(["otel-http", "otel-grpc"]));
        let logs = self.api.sql(
            "SELECT service, severity, attrs['queue'], count(*), count(DISTINCT body) FROM logs GROUP BY 1, 2, 3 ORDER BY 1",
        );
        let row = |service: &str| json!([service, "WARN", "ranked", LOG_LINES, LOG_LINES]);
        assert_eq!(json!(logs.await), json!([row("otel-grpc"), row("otel-http")]));
        let matches = self.api.promql("sum by (service_name) (matches_total{mode=\"ranked\"})").await;
        let values: Vec<&Value> = matches.iter().map(|one| &one["value"][1]).collect();
        assert_eq!(values, ["25", "25"], "{matches:?}");
    }

    async fn somebody_deploys(&self) {
        let deploy = json!({
            "id": "deploy-42", "kind": "deploy", "service": "node", "actor": "ci", "at": self.began,
            "payload": {"version": "v42", "status": "succeeded", "started_at": self.began, "finished_at": self.began},
        });
        let said = self.api.with_token(&self.sender).post("/api/events", &deploy).await;
        assert_eq!(said["accepted"], 1, "{said}");
    }

    async fn objectives_are_healthy(&self) {
        eventually(BREACH_WITHIN, "four good slices of each objective", async || {
            let slos = self.api.get("/api/slos").await;
            let slos = slos["slos"].as_array().cloned().unwrap_or_default();
            let is_healthy = |slo: &Value| slo["state"] == "healthy" && slo["sli"] == 1.0;
            let node = slos.iter().find(|slo| slo["slo"] == "node-up");
            let measured = node.is_some_and(|slo| slo["total"].as_f64() >= Some(4.0));
            if slos.len() == 2 && slos.iter().all(is_healthy) && measured {
                Ok(())
            } else {
                Err(json!(slos).to_string())
            }
        })
        .await;
        assert_eq!(self.api.get("/api/incidents?state=all").await["incidents"], json!([]));
    }

    async fn ada_is_paged(&self) -> Mail {
        let mail = self.mailbox.mail(ADA, "INC-1", BREACH_WITHIN).await;
        assert!(mail.subject.contains("SEV2"), "{mail:?}");
        assert!(mail.text.contains("node") && mail.html.contains("/p/"), "{mail:?}");
        let incident = self.api.get(INCIDENT).await;
        assert_eq!((&incident["service"], &incident["state"]), (&json!("node"), &json!("triage")));
        let alerts = incident["alerts"].as_array().expect("alerts");
        assert!(
            alerts.iter().any(|alert| alert["source"] == "slo:node-up" && alert["state"] == "firing"),
            "{alerts:?}"
        );
        // The rule of the rule file fires as well, and is a ticket: nobody is paged for it.
        eventually(SOON, "the rule fires", async || {
            let alerts = self.api.get("/api/alerts").await;
            let fires = |alert: &Value| {
                alert["alert"] == "NodeExporterDown"
                    && alert["state"] == "firing"
                    && alert["labels"]["instance"] == self.exporter.target()
            };
            let listed = alerts["alerts"].as_array().cloned().unwrap_or_default();
            if listed.iter().any(fires) { Ok(()) } else { Err(alerts.to_string()) }
        })
        .await;
        mail
    }

    /// Mail scanners follow links; following one does nothing.
    async fn ada_looks_and_does_not_acknowledge(&self, page: &Mail) {
        let shown = self.server.nobody().try_get(&page.acknowledge_path()).await.expect("the server answers");
        assert_eq!(shown.status, 200);
        assert!(
            shown.text().contains("Acknowledge") && shown.text().contains("method=\"post\""),
            "{}",
            shown.text()
        );
        let incident = self.api.get(INCIDENT).await;
        assert_eq!((&incident["acknowledged_at"], &incident["state"]), (&Value::Null, &json!("triage")));
    }

    /// Presses the button of the mail; returns how many mails there were.
    async fn grace_acknowledges(&self, page: &Mail) -> usize {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let path = page.acknowledge_path();
        let done = self.server.nobody().send(&path, &headers, Vec::new()).await.expect("the server answers");
        assert!(matches!(done.status, 200 | 303), "{} {}", done.status, done.text());
        let incident = self.api.get(INCIDENT).await;
        assert_eq!(
            (&incident["acknowledged_by"], &incident["state"]),
            (&json!("grace"), &json!("investigating"))
        );
        let waits = |page: &&Value| page["state"] == "queued" || page["state"] == "sending";
        assert_eq!(incident["pages"].as_array().expect("pages").iter().find(waits), None);
        // A second press changes nothing.
        let again = self.server.nobody().send(&path, &headers, Vec::new()).await.expect("the server answers");
        assert!(again.status < 400, "{}", again.text());
        assert_eq!(self.api.get(INCIDENT).await["acknowledged_at"], incident["acknowledged_at"]);
        let mails = self.mailbox.mails();
        assert_eq!(mails.iter().map(|mail| mail.to[0].as_str()).collect::<Vec<_>>(), [ADA, GRACE]);
        mails.len()
    }

    async fn the_runbook_brings_the_exporter_back(&mut self) {
        let incident = self.api.get(INCIDENT).await;
        assert_eq!(incident["runbooks"][0]["id"], "bring-the-machine-back", "{}", incident["runbooks"]);
        let body = json!({"runbook_id": "bring-the-machine-back", "incident_id": "INC-1", "params": {}});
        let run = self.api.post("/api/runs", &body).await;
        let states = |run: &Value| -> Vec<Value> {
            run["steps"].as_array().expect("steps").iter().map(|step| step["state"].clone()).collect()
        };
        assert_eq!(states(&run), ["waiting", "waiting", "waiting"], "nothing runs before somebody starts it");
        assert_eq!(self.control.asked(), Vec::<String>::new());

        let run = format!("/api/runs/{}", run["id"].as_str().expect("a run has an id"));
        let look = self.step(&run, "look").await;
        assert_eq!((&look["state"], &look["exit_code"]), (&json!("succeeded"), &json!(0)), "{look}");
        let output = look["output"].as_str().unwrap_or_default();
        assert!(output.contains("checking for node-up\nLinux"), "{output}");
        let start = self.step(&run, "start").await;
        assert_eq!((&start["state"], &start["exit_code"]), (&json!("succeeded"), &json!(200)), "{start}");
        assert_eq!(self.control.asked(), ["POST /start {\"for\": \"node-up\"}"]);
        let done = self.api.post(&format!("{run}/steps/tell/done"), &json!({})).await;
        assert_eq!(
            (states(&done), &done["state"]),
            (vec![json!("succeeded"), json!("succeeded"), json!("done")], &json!("done"))
        );

        // What the step asked for.
        self.exporter.start_again().await;
    }

    /// Starts a step and waits for its end.
    async fn step(&self, run: &str, name: &str) -> Value {
        self.api.post(&format!("{run}/steps/{name}/start"), &json!({})).await;
        eventually(SOON, &format!("the end of step {name}"), async || {
            let run = self.api.get(run).await;
            let step =
                run["steps"].as_array().expect("steps").iter().find(|step| step["name"] == name).cloned();
            let step = step.expect("the run has the step");
            if step["finished_at"].is_string() { Ok(step) } else { Err(step.to_string()) }
        })
        .await
    }

    async fn the_service_is_restored(&self) {
        eventually(RECOVERY_WITHIN, "the alerts cleared and the service is restored", async || {
            let incident = self.api.get(INCIDENT).await;
            if incident["restored_at"].is_string() { Ok(()) } else { Err(incident["alerts"].to_string()) }
        })
        .await;
        eventually(SOON, "the rule's alert is resolved", async || {
            let alerts = self.api.get("/api/alerts").await;
            let listed = alerts["alerts"].as_array().cloned().unwrap_or_default();
            // What is spent stays spent: the notices of the budget outlast the outage.
            let (notices, paging): (Vec<&Value>, Vec<&Value>) =
                listed.iter().partition(|alert| alert["severity"] == "notice");
            let resolved = paging.len() == 2 && paging.iter().all(|alert| alert["state"] == "resolved");
            let told = notices.iter().any(|alert| alert["alert"] == "ErrorBudgetSpent");
            if resolved && told { Ok(()) } else { Err(alerts.to_string()) }
        })
        .await;
    }

    async fn the_incident_is_resolved_and_written_up(&self) {
        let resolved =
            self.api.post(&format!("{INCIDENT}/resolve"), &json!({"note": "the exporter runs again"})).await;
        assert_eq!(resolved["state"], "resolved");
        let times =
            ["started_at", "detected_at", "acknowledged_at", "restored_at", "resolved_at"].map(|name| {
                let text = resolved[name].as_str().unwrap_or_else(|| panic!("no {name}: {resolved}"));
                text.parse::<jiff::Timestamp>().expect("RFC 3339")
            });
        assert!(times.is_sorted(), "{resolved}");

        let timeline = self.api.get(&format!("{INCIDENT}/timeline")).await;
        let entries = timeline["entries"].as_array().expect("entries").clone();
        let kinds: Vec<&str> = entries.iter().filter_map(|entry| entry["kind"].as_str()).collect();
        for kind in
            ["deploy", "alert", "incident", "escalation", "page", "acknowledgement", "runbook_step", "note"]
        {
            assert!(kinds.contains(&kind), "the timeline has no {kind}: {timeline}");
        }
        let paged = entries.iter().filter(|entry| entry["kind"] == "page").count();
        assert_eq!(paged, 2, "{timeline}");

        let retro = self.api.post(&format!("{INCIDENT}/retrospective"), &json!({})).await;
        assert_eq!(retro["state"], "draft");
        let id = retro["id"].as_str().expect("a retrospective has an id");
        let written =
            format!("{}\nThe exporter had no supervisor.\n", retro["markdown"].as_str().expect("Markdown"));
        let body = json!({"markdown": written});
        let saved = self
            .api
            .request(reqwest::Method::PUT, &format!("/api/retrospectives/{id}"))
            .json(&body)
            .send()
            .await;
        assert_eq!(saved.expect("the server answers").status(), 200);
        let published = self.api.post(&format!("/api/retrospectives/{id}/publish"), &json!({})).await;
        assert_eq!(published["state"], "published");

        let export = self.api.try_get(&format!("/retros/{id}/export.md")).await.expect("the server answers");
        assert!(export.content_type.starts_with("text/markdown"), "{}", export.content_type);
        let text = export.text();
        assert!(text.starts_with("# INC-1: ") && text.contains("## Timeline"), "{text}");
        assert!(text.contains("The exporter had no supervisor."), "{text}");
        for entry in &entries {
            let event = entry["event_id"].as_str().expect("an entry cites its event");
            assert!(text.contains(event), "the export does not have {entry}: {text}");
        }
    }

    async fn sql_knows_the_incident_its_pages_and_the_deploy(&self) {
        let incident = self.api.get(INCIDENT).await;
        eventually(SOON, "the facts are in the lake", async || {
            let rows = self.api.sql("SELECT state FROM incidents WHERE incident_id = 'INC-1'").await;
            let state = rows.first().map(|row| row[0].clone()).unwrap_or_default();
            if state == incident["state"] { Ok(()) } else { Err(state.to_string()) }
        })
        .await;
        let columns = [
            "title",
            "service",
            "severity",
            "state",
            "started_at",
            "detected_at",
            "acknowledged_at",
            "restored_at",
            "resolved_at",
        ];
        let row = self.api.sql(&format!("SELECT {} FROM incidents", columns.join(", "))).await;
        assert_eq!(row, [columns.map(|column| incident[column].clone())], "the API and SQL say the same");

        let pages = self
            .api
            .sql("SELECT recipient, step, state, acknowledged_at IS NOT NULL FROM pages ORDER BY step")
            .await;
        assert_eq!(
            json!(pages),
            json!([["ada", 1, "acknowledged", true], ["grace", 2, "acknowledged", true]])
        );
        let history = self
            .api
            .sql("SELECT alert, state FROM alert_history WHERE alert = 'NodeExporterDown' ORDER BY at")
            .await;
        assert_eq!(
            json!(history),
            json!([
                ["NodeExporterDown", "pending"],
                ["NodeExporterDown", "firing"],
                ["NodeExporterDown", "resolved"]
            ])
        );

        // Which deploy came before, and the mean time to restore.
        let answer = self.api.sql(
            "SELECT d.version, count(*), avg(date_part('epoch', i.restored_at) - date_part('epoch', i.started_at)) AS mttr
             FROM incidents i
             JOIN deploys d ON d.service = i.service AND d.finished_at BETWEEN i.started_at - INTERVAL '1 hour' AND i.started_at
             GROUP BY d.version",
        );
        let answer = answer.await;
        assert_eq!((answer.len(), &answer[0][0], &answer[0][1]), (1, &json!("v42"), &json!(1)), "{answer:?}");
        let time = |name: &str| {
            incident[name].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok()).expect("a time")
        };
        let expected = time("restored_at").duration_since(time("started_at")).as_secs_f64();
        let mttr = answer[0][2].as_f64().expect("a number");
        assert!((mttr - expected).abs() < 0.001, "{mttr} s, not {expected} s");

        // Every step of the way is an event, up to the retrospective that was published a moment ago.
        const KINDS: [&str; 7] =
            ["acknowledgement", "alert", "escalation", "incident", "page", "retrospective", "runbook_step"];
        const OF_INCIDENT: &str =
            "SELECT DISTINCT kind FROM events WHERE json_text(payload, 'incident_id') = 'INC-1'";
        eventually(SOON, "every kind of fact is in the lake", async || {
            let rows = self.api.sql(OF_INCIDENT).await;
            let kinds: Vec<&str> = rows.iter().filter_map(|row| row[0].as_str()).collect();
            if KINDS.iter().all(|kind| kinds.contains(kind)) { Ok(()) } else { Err(format!("{kinds:?}")) }
        })
        .await;
    }

    /// Three surfaces, one set of numbers.
    async fn command_line_api_and_sql_agree(&self) {
        const NUMBERS: [&str; 14] = [
            "slo",
            "objective",
            "service",
            "window",
            "target",
            "good",
            "total",
            "sli",
            "error_budget_remaining",
            "burn_rate_1h",
            "burn_rate_6h",
            "coverage",
            "state",
            "as_of",
        ];
        let columns = NUMBERS.map(|column| format!("\"{column}\"")).join(", ");
        for slo in ["node-up", "prometheus-requests"] {
            let query = format!("SELECT {columns} FROM slo_status WHERE slo = '{slo}'");
            let [row, api, cli] = eventually(SOON, "all three at one watermark", async || {
                let row = self.api.sql(&query).await.remove(0);
                let api = self.api.get(&format!("/api/slos/{slo}")).await;
                let cli = run(self.server.cli(&["slo", "show", slo, "--output", "json"]), "").await;
                let cli: Value =
                    serde_json::from_str(&cli.stdout).map_err(|error| format!("{error}: {}", cli.stderr))?;
                let row = json!(NUMBERS.into_iter().zip(row).collect::<std::collections::BTreeMap<_, _>>());
                let same = row["as_of"] == api["as_of"] && api["as_of"] == cli["as_of"];
                if same {
                    Ok([row, api, cli])
                } else {
                    Err(format!("{} {} {}", row["as_of"], api["as_of"], cli["as_of"]))
                }
            })
            .await;
            for number in NUMBERS {
                assert_eq!(row[number], api[number], "{slo}.{number}: SQL and API");
                assert_eq!(api[number], cli[number], "{slo}.{number}: API and command line");
            }
            assert!(row["sli"].as_f64().is_some_and(|sli| sli > 0.0 && sli <= 1.0), "{row}");
        }
        let node = self.api.get("/api/slos/node-up").await;
        assert!(node["sli"].as_f64() < Some(1.0), "the outage counts: {node}");
    }
}
