//! The rules of the house that a machine can check: who may depend on whom, what is there once,
//! how files begin. The reasons stand in the README's section on architecture.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Our crates and what each may depend on. Fewer edges are fine, others are not.
const EDGES: [(&str, &[&str]); 11] = [
    ("telemetry", &[]),
    ("lake", &["telemetry"]),
    ("ingest", &["telemetry", "lake"]),
    ("slo", &["telemetry"]),
    ("promql", &["telemetry"]),
    ("query", &["telemetry", "lake", "slo", "promql"]),
    ("db", &[]),
    ("alerting", &["telemetry", "slo", "db"]),
    ("runbooks", &["telemetry", "slo", "db", "alerting"]),
    ("web", &["telemetry", "ingest", "query", "slo", "alerting", "runbooks", "db"]),
    (
        "evenkeel",
        &["telemetry", "lake", "ingest", "slo", "promql", "query", "db", "alerting", "runbooks", "web"],
    ),
];

/// What may stand at the top of the repository.
const TOP_LEVEL: [&str; 23] = [
    ".ci",
    ".gitattributes",
    ".github",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "alerting",
    "benches",
    "clippy.toml",
    "deploy",
    "docs",
    "ingest",
    "query",
    "runbooks",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "src",
    "tests",
];
const TOP_LEVEL_WEB: &str = "web";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `cargo metadata` with the resolved graph.
fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--offline",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

/// Each package with the names of its normal and build dependencies, from the resolved graph.
fn dependencies(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let packages = metadata["packages"].as_array().expect("packages");
    let name_of: BTreeMap<String, String> =
        packages.iter().map(|package| (text(&package["id"]), text(&package["name"]))).collect();
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array().expect("nodes") {
        let dependencies = graph.entry(name_of[&text(&node["id"])].clone()).or_default();
        for dependency in node["deps"].as_array().expect("deps") {
            let kinds = dependency["dep_kinds"].as_array().expect("dep_kinds");
            if kinds.iter().any(|kind| kind["kind"] != "dev") {
                dependencies.insert(name_of[&text(&dependency["pkg"])].clone());
            }
        }
    }
    graph
}

fn reachable(graph: &BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut todo = vec![from.to_owned()];
    while let Some(name) = todo.pop() {
        for next in graph.get(&name).into_iter().flatten() {
            if seen.insert(next.clone()) {
                todo.push(next.clone());
            }
        }
    }
    seen
}

fn tracked_files() -> Vec<PathBuf> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output().expect("git runs");
    let names = String::from_utf8(output.stdout).expect("file names are UTF-8");
    names
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .filter(|path| root().join(path).exists())
        .collect()
}

#[test]
fn crates_depend_only_on_whom_they_may() {
    let graph = dependencies(&metadata());
    let ours: BTreeSet<&str> = EDGES.iter().map(|(name, _)| *name).collect();
    for (name, allowed) in EDGES {
        let found: BTreeSet<&str> =
            graph[name].iter().map(String::as_str).filter(|dependency| ours.contains(dependency)).collect();
        let forbidden: Vec<_> = found.iter().filter(|dependency| !allowed.contains(dependency)).collect();
        assert!(forbidden.is_empty(), "{name} must not depend on {forbidden:?}");
    }
}

#[test]
fn the_workflow_plane_builds_without_arrow_and_datafusion() {
    let graph = dependencies(&metadata());
    let is_heavy = |name: &String| {
        ["arrow", "datafusion", "parquet", "deltalake", "object_store"]
            .iter()
            .any(|heavy| name.starts_with(heavy))
    };
    for light in ["telemetry", "slo", "promql", "db", "alerting", "runbooks"] {
        let heavy: Vec<String> = reachable(&graph, light).into_iter().filter(is_heavy).collect();
        assert!(heavy.is_empty(), "{light} reaches {heavy:?}");
    }
    // If these names changed, the check above would check nothing.
    let query = reachable(&graph, "query");
    for heavy in ["arrow", "datafusion", "parquet", "deltalake", "object_store"] {
        assert!(query.contains(heavy), "query is expected to reach {heavy}");
    }
}

#[test]
fn only_the_lake_knows_delta_and_web_knows_no_tables() {
    let graph = dependencies(&metadata());
    for (name, _) in EDGES {
        assert!(name == "lake" || !graph[name].contains("deltalake"), "{name} must not depend on deltalake");
    }
    for heavy in ["arrow", "datafusion", "deltalake", "lake", "parquet", "object_store"] {
        assert!(!graph["web"].contains(heavy), "web must not name {heavy}");
    }
}

#[test]
fn there_is_one_version_of_what_must_unify() {
    let metadata = metadata();
    for name in ["arrow", "parquet", "datafusion", "object_store", "axum", "tonic", "sqlx", "prost"] {
        let versions: Vec<&Value> = metadata["packages"]
            .as_array()
            .expect("packages")
            .iter()
            .filter(|package| package["name"] == name)
            .map(|package| &package["version"])
            .collect();
        assert_eq!(versions.len(), 1, "{name}: {versions:?}");
    }
}

/// Versions of each package in a lock file.
fn locked(path: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(root().join(path)).expect("the lock file is tracked");
    let value = |package: &str, key: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(&format!("{key} = ")));
        line.map(|value| value.trim_matches('"').to_owned()).expect("a package has a name and a version")
    };
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in text.split("[[package]]").skip(1) {
        versions.entry(value(package, "name")).or_default().insert(value(package, "version"));
    }
    versions
}

/// What is fuzzed is what is shipped. The fuzz targets are a workspace of their own, with a lock file of
/// their own.
#[test]
fn fuzz_targets_are_built_with_the_versions_of_everything_else() {
    let shipped = locked("Cargo.lock");
    let differing: Vec<String> = locked("ingest/fuzz/Cargo.lock")
        .into_iter()
        .filter(|(name, versions)| shipped.get(name).is_some_and(|all| !versions.is_subset(all)))
        .map(|(name, versions)| format!("{name} {versions:?}, not {:?}", shipped[&name]))
        .collect();
    assert!(
        differing.is_empty(),
        "ingest/fuzz/Cargo.lock has {}: copy Cargo.lock over it and run `cargo metadata --manifest-path \
         ingest/fuzz/Cargo.toml`, which puts back what only the fuzz targets need",
        differing.join("; ")
    );
}

#[test]
fn the_top_level_is_the_map() {
    let mut found: BTreeSet<String> = BTreeSet::new();
    for path in tracked_files() {
        found.insert(path.iter().next().expect("a path has a first part").to_string_lossy().into_owned());
    }
    let unknown: Vec<_> =
        found.iter().filter(|name| !TOP_LEVEL.contains(&name.as_str()) && *name != TOP_LEVEL_WEB).collect();
    assert!(unknown.is_empty(), "not part of the layout: {unknown:?}");
}

#[test]
fn every_module_says_what_it_is() {
    let mut silent = Vec::new();
    for path in tracked_files() {
        let is_rust = path.extension().is_some_and(|extension| extension == "rs");
        if is_rust {
            let text = std::fs::read_to_string(root().join(&path)).expect("a tracked file can be read");
            if !text.starts_with("//!") {
                silent.push(path);
            }
        }
    }
    assert!(silent.is_empty(), "these do not open with //!: {silent:#?}");
}

#[test]
fn no_drawers_and_no_mod_rs() {
    let drawers = ["common", "util", "utils", "helper", "helpers", "misc", "manager"];
    let mut bad = Vec::new();
    for path in
        tracked_files().into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
    {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if stem == "mod" || drawers.contains(&stem.as_str()) {
            bad.push(path);
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
}

#[test]
fn nothing_names_a_machine() {
    let mut bad = Vec::new();
    // Put together here, so that this file does not name them itself.
    let words = [format!("/{}/", "root"), format!("/{}/main", "work"), "index.crates".to_owned() + ".io"];
    for path in tracked_files() {
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else { continue };
        bad.extend(
            words
                .iter()
                .filter(|word| text.contains(*word))
                .map(|word| format!("{}: {word}", path.display())),
        );
    }
    assert!(bad.is_empty(), "{bad:#?}");
}
