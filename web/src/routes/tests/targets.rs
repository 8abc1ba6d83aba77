//! What is scraped, in Prometheus' shapes and in ours.

use ingest::scrape::ScrapeSettings;
use ingest::scrape::load::{self, SettingsPlace};
use serde_json::json;

use super::world::{MINUTE, World};

/// A world whose scraper has two jobs; none of the targets is due before the clock moves.
async fn scraping() -> World {
    let world = World::new().await;
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("prometheus.yml");
    let text = "
scrape_configs:
- job_name: node
  scrape_interval: 1h
  static_configs: [{targets: ['a.example:9100', 'b.example:9100'], labels: {env: prod}}]
  relabel_configs: [{source_labels: [__address__], regex: 'b.*', action: drop}]
- job_name: probe
  static_configs: [{targets: ['c:x']}]
";
    std::fs::write(&config, text).unwrap();
    let settings = ScrapeSettings { config_files: vec![config], ..ScrapeSettings::default() };
    let place = SettingsPlace::default();
    let loaded = load::jobs(&settings, &place, &load::read(&settings, &place));
    assert!(!loaded.has_errors(), "{:?}", loaded.defects);
    world.state.scraper.set_config(loaded).await;
    world
}

#[tokio::test]
async fn targets_are_shown_as_prometheus_shows_them() {
    let world = scraping().await;
    let who = world.admin();
    let targets = world.get(&who, "/prometheus/api/v1/targets").await.ok();
    let discovered = |address: &str| {
        json!({
            "__address__": address,
            "__metrics_path__": "/metrics",
            "__scheme__": "http",
            "__scrape_interval__": "1h",
            "__scrape_timeout__": "10s",
            "env": "prod",
            "job": "node",
        })
    };
    assert_eq!(targets["status"], "success");
    assert_eq!(
        targets["data"],
        json!({
            "activeTargets": [{
                "discoveredLabels": discovered("a.example:9100"),
                "labels": {"env": "prod", "instance": "a.example:9100", "job": "node"},
                "scrapePool": "node",
                "scrapeUrl": "http://a.example:9100/metrics",
                "globalUrl": "http://a.example:9100/metrics",
                "lastError": "",
                "lastScrape": "0001-01-01T00:00:00Z",
                "lastScrapeDuration": 0.0,
                "health": "unknown",
                "scrapeInterval": "1h",
                "scrapeTimeout": "10s",
            }],
            "droppedTargets": [{"discoveredLabels": discovered("b.example:9100"), "scrapePool": "node"}],
            "droppedTargetCounts": {"node": 1, "probe": 0},
        })
    );
    for (query, active, dropped) in [
        ("state=active", 1, 0),
        ("state=dropped", 0, 1),
        ("state=any", 1, 1),
        ("scrapePool=node", 1, 1),
        ("scrapePool=probe", 0, 0),
    ] {
        let found = world.get(&who, &format!("/prometheus/api/v1/targets?{query}")).await.ok();
        let count = |key: &str| found["data"][key].as_array().map(Vec::len);
        assert_eq!(
            (count("activeTargets"), count("droppedTargets")),
            (Some(active), Some(dropped)),
            "{query}"
        );
    }
    let pools = world.get(&who, "/prometheus/api/v1/scrape_pools").await.ok();
    assert_eq!(pools["data"], json!({"scrapePools": ["node", "probe"]}));
}

#[tokio::test]
async fn the_dashboard_is_told_of_targets_and_of_what_makes_none() {
    let world = scraping().await;
    let shown = world.get(&world.admin(), "/api/targets").await.ok();
    assert_eq!(
        shown["targets"],
        json!([{
            "job": "node",
            "instance": "a.example:9100",
            "labels": {"env": "prod", "instance": "a.example:9100", "job": "node"},
            "url": "http://a.example:9100/metrics",
            "health": "unknown",
            "interval": "1h",
            "last_scrape": null,
            "duration_secs": null,
            "samples": 0,
            "error": null,
            "complaint": null,
        }])
    );
    let fault = shown["faults"][0]["message"].as_str().unwrap();
    assert!(fault.starts_with("target \"c:x\": \"http://c:x\" is not an address"), "{fault}");
}

/// An exporter on loopback, scraped every 20 ms once the clock moves.
async fn scraping_an_exporter() -> World {
    const PAGE: &str = "# HELP jobs_total Jobs \\\\ done.\n# TYPE jobs_total counter\njobs_total 1\n\
                        # TYPE heat_celsius gauge\n# UNIT heat_celsius celsius\nheat_celsius 21\n";
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let exporter = axum::Router::new().route("/metrics", axum::routing::get(async || PAGE));
    tokio::spawn(async move { axum::serve(listener, exporter).await });
    let world = World::new().await;
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("prometheus.yml");
    let text = format!(
        "scrape_configs:\n- job_name: node\n  scrape_interval: 20ms\n  \
         static_configs: [{{targets: ['{address}'], labels: {{instance: a}}}}]\n"
    );
    std::fs::write(&config, text).unwrap();
    let settings = ScrapeSettings { config_files: vec![config], ..ScrapeSettings::default() };
    let place = SettingsPlace::default();
    world.state.scraper.set_config(load::jobs(&settings, &place, &load::read(&settings, &place))).await;
    let scraped = async {
        while world.state.scraper.targets()[0].metadata.is_empty() {
            world.clock.advance(MINUTE);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(MINUTE, scraped).await.expect("the exporter is scraped");
    world
}

#[tokio::test]
async fn targets_tell_what_they_say_of_their_metrics() {
    let world = scraping_an_exporter().await;
    let who = world.admin();
    let target = json!({"instance": "a", "job": "node"});
    let heat = json!({"target": target, "metric": "heat_celsius", "type": "gauge", "help": "", "unit": ""});
    let jobs = json!({"target": target, "metric": "jobs_total", "type": "counter", "help": "Jobs \\ done.", "unit": ""});
    let jobs_alone = json!({"target": target, "type": "counter", "help": "Jobs \\ done.", "unit": ""});
    for (query, expect) in [
        ("", json!([heat, jobs])),
        ("?metric=jobs_total", json!([jobs_alone])),
        ("?metric=unknown", json!([])),
        ("?match_target=%7Bjob%3D%22node%22%2Cinstance%3D~%22a%7Cb%22%7D", json!([heat, jobs])),
        ("?match_target=%7Bjob%3D%22other%22%7D", json!([])),
        ("?limit=1", json!([heat, jobs])),
        ("?limit=0", json!([])),
        ("?limit=-1", json!([heat, jobs])),
    ] {
        let path = format!("/prometheus/api/v1/targets/metadata{query}");
        let answer = world.get(&who, &path).await.ok();
        assert_eq!(answer, json!({"status": "success", "data": expect}), "{query}");
    }
    for (query, expect) in [
        ("limit=many", "limit must be a number"),
        ("match_target=%7Bjob", "invalid parameter \"match_target\""),
    ] {
        let answer = world.get(&who, &format!("/prometheus/api/v1/targets/metadata?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        let answer = answer.json();
        assert_eq!((&answer["status"], &answer["errorType"]), (&json!("error"), &json!("bad_data")));
        assert!(answer["error"].as_str().unwrap().starts_with(expect), "{answer}");
    }
}
