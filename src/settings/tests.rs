//! What wins over what, and that the reference tells the truth.

use super::*;

fn load(text: &str, args: SettingsArgs) -> Result<Settings, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("evenkeel.yaml");
    std::fs::write(&path, text).unwrap();
    let prefix = format!("{}/", dir.path().display());
    Settings::load(&SettingsArgs { config: Some(path), ..args })
        .map_err(|error| format!("{error:#}").replace(&prefix, ""))
}

#[test]
fn flags_win_over_the_file_and_the_file_over_the_defaults() {
    let text = "http_listen: 127.0.0.1:1\npostgres_listen: off\nlake:\n  flush_interval: 5s\n";
    let args = SettingsArgs { http_listen: Some("127.0.0.1:2".parse().unwrap()), ..SettingsArgs::default() };
    let settings = load(text, args).unwrap();
    assert_eq!(settings.http_listen, "127.0.0.1:2".parse().unwrap());
    assert_eq!(settings.postgres_listen, Listen::Off);
    assert_eq!(settings.otlp_http_listen, "127.0.0.1:4318".parse().unwrap());
    assert_eq!(settings.elastic_listen, Listen::Off);
    assert_eq!(settings.lake.flush_interval, Duration::from_secs(5));
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let error = load("data_dir: x\nlake:\n  flush_intervall: 5s\n", SettingsArgs::default()).unwrap_err();
    assert!(error.starts_with("evenkeel.yaml:3:") && error.contains("flush_intervall"), "{error}");
}

#[test]
fn hooks_are_a_list_with_known_keys() {
    let text = "hooks:\n  - name: shop\n    provider: github\n    secret: 0123456789abcdef\n";
    assert_eq!(load(text, SettingsArgs::default()).unwrap().hooks[0].name, "shop");
    let wrong = load(&text.replace("secret:", "secrett:"), SettingsArgs::default()).unwrap_err();
    assert!(wrong.starts_with("evenkeel.yaml:4:") && wrong.contains("secrett"), "{wrong}");
    let wrong = load(&text.replace("github", "gitea"), SettingsArgs::default()).unwrap_err();
    assert!(wrong.starts_with("evenkeel.yaml:3:") && wrong.contains("gitea"), "{wrong}");
}

#[test]
fn a_bad_address_is_named() {
    let error = load("http_listen: localhost\n", SettingsArgs::default()).unwrap_err();
    assert!(error.contains("\"localhost\" is not ADDRESS:PORT"), "{error}");
}

#[test]
fn an_acknowledgement_is_durable_unless_somebody_says_less() {
    assert_eq!(load("", SettingsArgs::default()).unwrap().lake.ack, lake::Ack::Durable);
    assert_eq!(load("lake: {ack: memory}", SettingsArgs::default()).unwrap().lake.ack, lake::Ack::Memory);
    let ack = |text: &str| SettingsArgs { ack: Some(text.into()), ..SettingsArgs::default() };
    assert_eq!(load("lake: {ack: memory}", ack("written")).unwrap().lake.ack, lake::Ack::Written);
    assert!(load("", ack("fast")).unwrap_err().contains("durable, written or memory"));
}

#[test]
fn metrics_can_be_kept_forever() {
    let forever = SettingsArgs { retention_metrics: Some("forever".into()), ..SettingsArgs::default() };
    assert_eq!(load("", forever).unwrap().lake.retention.metrics, None);
    let wrong = SettingsArgs { retention_metrics: Some("long".into()), ..SettingsArgs::default() };
    assert!(load("", wrong).unwrap_err().starts_with("--retention-metrics"));
}

/// Everything in `docs/settings.md` between code fences is one settings file: the defaults.
fn reference() -> String {
    let document = include_str!("../../docs/settings.md");
    let fenced = document.split("```").skip(1).step_by(2);
    fenced.filter_map(|block| block.strip_prefix("yaml\n")).collect()
}

#[test]
fn the_reference_names_every_setting_with_its_default() {
    let documented: serde_json::Value = serde_saphyr::from_str(&reference()).unwrap();
    let defaults = serde_json::to_value(Settings::default()).unwrap();
    assert_eq!(flat(&documented), flat(&defaults));
}

#[test]
fn the_reference_is_a_settings_file() {
    let read = load(&reference(), SettingsArgs::default()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), serde_json::to_value(Settings::default()).unwrap());
}

/// `section.key` and value, a line each: what differs is seen at once.
fn flat(value: &serde_json::Value) -> Vec<String> {
    fn walk(path: &str, value: &serde_json::Value, lines: &mut Vec<String>) {
        match value.as_object().filter(|object| !object.is_empty()) {
            Some(object) => {
                for (key, value) in object {
                    walk(&format!("{path}.{key}"), value, lines);
                }
            }
            None => lines.push(format!("{path}: {value}")),
        }
    }
    let mut lines = Vec::new();
    walk("", value, &mut lines);
    lines.sort();
    lines
}
