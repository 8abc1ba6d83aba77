//! What is scraped, in Prometheus' shapes and in ours.

use ingest::scrape::ScrapeSettings;
use ingest::scrape::load::{self, SettingsPlace};
use serde_json::json;

use super::world::World;

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
