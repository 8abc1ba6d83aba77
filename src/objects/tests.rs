//! Directories of objects: loaded, changed, broken.

use expect_test::{Expect, expect};

use super::*;

fn write(dir: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        std::fs::write(dir.join(name), text).unwrap();
    }
}

fn check_defects(dir: &Path, objects: &Objects, expect: Expect) {
    let prefix = format!("{}/", dir.display());
    let lines: Vec<String> =
        objects.defects.iter().map(|defect| defect.to_string().replace(&prefix, "")).collect();
    expect.assert_eq(&lines.join("\n"));
}

const PEOPLE: &str = include_str!("../demo/objects/people.yaml");
const SERVICES: &str = include_str!("../demo/objects/services.yaml");
const SLOS: &str = include_str!("../demo/objects/slos.yaml");

#[test]
fn kinds_of_several_owners_share_a_file_and_keep_their_lines() {
    let dir = tempfile::tempdir().unwrap();
    let mixed = format!("{PEOPLE}---\n{SERVICES}---\n{SLOS}---\napiVersion: other/v1\nkind: X\n");
    write(dir.path(), &[("all.yaml", &mixed), ("README.md", "no runbook"), (".hidden.yaml", "x")]);
    let objects = load(dir.path());
    assert_eq!(objects.slos.len(), 4);
    assert_eq!(objects.files, 1);
    let other_line = mixed.lines().position(|line| line == "apiVersion: other/v1").unwrap() + 1;
    let expected = format!("all.yaml:{other_line}: not a kind that is known (apiVersion `other/v1`)");
    let found = objects.defects[0].to_string();
    assert!(found.contains(&expected), "{found} is not {expected}");
}

#[test]
fn other_versions_of_openslo_are_told_as_such() {
    let dir = tempfile::tempdir().unwrap();
    let newer = "- apiVersion: openslo.com/v2alpha\n  kind: Service\n  metadata: {name: shop}\n  spec: {}\n";
    write(dir.path(), &[("newer.yaml", newer)]);
    let found = load(dir.path()).defects[0].to_string();
    assert!(found.contains("newer.yaml:1: apiVersion `openslo.com/v2alpha` is not read here"), "{found}");

    let nobl9 = "- apiVersion: n9/v1alpha\n  kind: Agent\n- apiVersion: n9/v1alpha\n  kind: SLO\n";
    write(dir.path(), &[("newer.yaml", nobl9)]);
    let found: Vec<String> = load(dir.path()).defects.iter().map(ToString::to_string).collect();
    assert!(
        found[0].starts_with("newer.yaml:1: apiVersion `n9/v1alpha` of Nobl9 is not read here"),
        "{found:?}"
    );
    assert!(found[1].starts_with("newer.yaml:3: apiVersion `n9/v1alpha`") && found.len() == 2, "{found:?}");

    write(dir.path(), &[("newer.yaml", "version: prometheus/v2\nservice: shop\n")]);
    let found = load(dir.path()).defects[0].to_string();
    assert!(found.contains("newer.yaml:1: version `prometheus/v2` is not supported"), "{found}");
}

#[test]
fn files_are_named_below_their_directory() {
    use web::ObjectTexts;

    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("shop")).unwrap();
    write(dir.path(), &[("people.yaml", PEOPLE), ("services.yaml", SERVICES), ("shop/slos.yaml", SLOS)]);
    write(dir.path(), &[("shop/broken.yaml", "apiVersion: other/v1\nkind: X\n")]);
    let objects = load(dir.path());
    assert!(objects.slos.iter().all(|slo| slo.file == "shop/slos.yaml"));
    assert_eq!(objects.catalog.origin("Service", "matchmaking").unwrap().file, "services.yaml");
    assert_eq!(objects.defects[0].file, "shop/broken.yaml");
    let typed = path_in(Path::new("./conf"), &objects.defects[0].file);
    assert_eq!(typed, Path::new("./conf/shop/broken.yaml"));

    let texts = ObjectFiles { dir: Some(dir.path().to_owned()) };
    assert!(texts.document("shop/slos.yaml", 1).unwrap().contains("openslo/v1"));
    for outside in ["../etc/passwd", "/etc/passwd", "shop/../../x", ""] {
        assert_eq!(texts.document(outside, 1), None, "{outside:?}");
    }

    let file = dir.path().join("people.yaml");
    let objects = load(&file);
    assert_eq!(objects.files, 1);
    assert_eq!(
        objects.catalog.origin("User", objects.catalog.users.keys().next().unwrap()).unwrap().file,
        "people.yaml"
    );
    assert_eq!(path_in(&file, "people.yaml"), file);
}

#[test]
fn what_the_demo_ships_has_no_defects() {
    let dir = tempfile::tempdir().unwrap();
    crate::demo::write_objects(dir.path(), "http://127.0.0.1:1").unwrap();
    let objects = load(dir.path());
    check_defects(dir.path(), &objects, expect![""]);
    assert_eq!(objects.slos.len(), 4);
}

#[test]
fn a_broken_file_keeps_its_last_good_version() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &[("people.yaml", PEOPLE), ("services.yaml", SERVICES), ("slos.yaml", SLOS)]);
    let mut watch = Watch::new(dir.path().to_owned());
    assert_eq!(watch.changed().expect("the first look").slos.len(), 4);
    assert!(watch.changed().is_none(), "nothing changed");

    write(dir.path(), &[("slos.yaml", &SLOS.replace("target: 0.999}", "targett: 0.999}"))]);
    let objects = watch.changed().expect("a file changed");
    assert_eq!(objects.slos.len(), 4, "the last good version stays");
    assert!(objects.defects.iter().any(Defect::is_error));
    assert!(objects.defects.iter().any(|defect| defect.message.contains("targett")), "{:?}", objects.defects);

    // A mistake that only shows when objects are put together.
    write(dir.path(), &[("slos.yaml", &SLOS.replace("target: 0.999}", "target: 1.5}"))]);
    assert_eq!(watch.changed().expect("a file changed").slos.len(), 4, "the last good version stays");

    std::fs::remove_file(dir.path().join("slos.yaml")).unwrap();
    assert_eq!(watch.changed().expect("a file is gone").slos.len(), 0);
}

#[test]
fn an_expression_that_is_no_promql_is_named_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let rules = "groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: sum(up\n        labels: {severity: page}\n";
    write(dir.path(), &[("people.yaml", PEOPLE), ("rules.yaml", rules)]);
    let objects = load(dir.path());
    let found = objects.defects.iter().find(|defect| defect.message.contains("alert \"A\""));
    let found = found.unwrap_or_else(|| panic!("{:?}", objects.defects));
    assert_eq!(found.line, Some(4));
}

const SLOTH: &str = "version: \"prometheus/v1\"
service: matchmaking
slos:
  - name: availability
    objective: 99.9
    sli:
      events:
        error_query: sum(rate(errors_total[{{.window}}]))
        total_query: sum(rate(requests_total[{{.window}}]))
";
const PYRRA: &str = "apiVersion: pyrra.dev/v1alpha1
kind: ServiceLevelObjective
metadata: {name: up, labels: {app: matchmaking}}
spec: {target: \"99\", window: 4w, indicator: {bool_gauge: {metric: up}}}
";

#[test]
fn objectives_of_other_tools_lists_and_json_are_read_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let service = "apiVersion: evenkeel/v1\nkind: Service\nmetadata: {name: matchmaking}\nspec: {escalationPolicy: play}\n";
    let list = "# A list.\n- kind: Service\n  apiVersion: openslo/v1\n  metadata: {name: a}\n  spec: {}\n";
    let json = r#"{"apiVersion": "openslo/v1", "kind": "Service", "metadata": {"name": "b"}, "spec": {}}"#;
    write(
        dir.path(),
        &[("people.yaml", PEOPLE), ("service.yaml", service), ("list.yaml", list), ("json.yaml", json)],
    );
    write(dir.path(), &[("sloth.yaml", SLOTH), ("pyrra.yaml", PYRRA)]);
    let objects = load(dir.path());
    let errors: Vec<&Defect> = objects.defects.iter().filter(|defect| defect.is_error()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let mut found: Vec<(&str, u64)> = objects.slos.iter().map(|slo| (slo.file.as_str(), slo.line)).collect();
    found.sort_unstable();
    assert_eq!(found, [("pyrra.yaml", 1), ("sloth.yaml", 4)]);
}

#[test]
fn json_is_read_like_yaml_and_json_of_others_is_named_and_left() {
    let dir = tempfile::tempdir().unwrap();
    let service = |name: &str| {
        format!(
            "{{\n\t\"kind\": \"Service\",\n\t\"metadata\": {{\"name\": \"{name}\"}},\n\t\"spec\": {{}},\n\t\"apiVersion\": \"openslo/v1\"\n}}"
        )
    };
    let maintenance = r#"{"apiVersion": "evenkeel/v1", "kind": "Maintenance", "metadata": {"name": "db"},
        "spec": {"services": ["nobody"], "start": "2026-01-04T02:00", "duration": "2h"}}"#;
    write(
        dir.path(),
        &[
            ("a.json", &format!("[{}, {}]", service("shop"), service("cart"))),
            ("b.json", maintenance),
            ("broken.json", "{\n  \"kind\": 1,\n}"),
            ("package.json", r#"{"name": "shop", "version": "1.0.0"}"#),
            (
                "wrong.json",
                "{\"apiVersion\": \"openslo/v1\", \"kind\": \"Service\",\n\"metadata\": {\"name\": \"x\"}, \"spec\": {\"team\": 1}}",
            ),
        ],
    );
    let objects = load(dir.path());
    assert_eq!(objects.files, 5);
    assert_eq!(objects.catalog.maintenance["db"].services, ["nobody"]);
    let found: Vec<(&str, Option<u64>, bool)> =
        objects.defects.iter().map(|defect| (&*defect.file, defect.line, defect.is_error())).collect();
    assert_eq!(
        found,
        [
            // It concerns no objective.
            ("b.json", Some(1), false),
            ("broken.json", Some(3), true),
            ("package.json", Some(1), false),
            ("wrong.json", Some(2), true),
        ],
        "{:?}",
        objects.defects
    );
}
