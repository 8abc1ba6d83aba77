//! Bytes on disk: Evenkeel beside VictoriaMetrics and Prometheus, same samples, each after its merges.
//!
//! `cargo bench -p lake --bench size` takes synthetic hosts and service logs;
//! `-- --recording FILE` adds what `benches/size/record.py` recorded. Samples go into the lake scrape
//! by scrape, with a flush a minute, are merged into hour files and then into day files, and are read
//! back bit by bit. VictoriaMetrics and Prometheus get them by remote write. Last, a day of
//! `--rows 50000000` is merged by a process of its own, for its speed and memory. The tables go to
//! `benches/results/size.json` too, except of a part run with `--only samples|logs|merge`; `--keep`
//! leaves the files where it says. Debian's `victoria-metrics` and `prometheus` have to be installed.

#[path = "../load/arguments.rs"]
mod arguments;
mod lake_run;
mod merge_day;
mod peers;
#[path = "../load/process.rs"]
mod process;
#[path = "../load/random.rs"]
mod random;
mod service_logs;
mod sets;
#[path = "../load/wire.rs"]
mod wire;

use std::path::{Path, PathBuf};

use arguments::{argument, number};
use lake_run::LakeSize;
use peers::PeerSize;
use service_logs::Extent;
use sets::SampleSet;

const SIX_HOURS: Extent = Extent {
    lines: 400_000,
    // 2026-11-23T00:00:00Z.
    start_nanos: 1_795_392_000_000_000_000,
    span_nanos: 6 * 3_600 * 1_000_000_000,
    seed: 0x9e37_79b9_7f4a_7c15,
};

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let Some(dir) = argument("--merge") {
        return runtime.block_on(merge_day::merge(Path::new(&dir)));
    }
    let mut sets = Vec::new();
    if wanted("samples") {
        sets.extend(argument("--recording").map(|path| sets::recording(Path::new(&path))));
        sets.push(sets::synthetic());
    }
    let dir = scratch_dir();
    let mut results = serde_json::Map::new();
    for set in &sets {
        println!("\n{}: {} samples of {} series", set.name, set.sample_count(), set.series.len());
        let ours = runtime.block_on(lake_run::samples(set, &dir.join("lake")));
        let victoria = runtime.block_on(peers::victoria_metrics(set, &dir.join("victoria-metrics")));
        let prometheus = runtime.block_on(peers::prometheus(set, &dir.join("prometheus")));
        print_samples(set, &ours, &victoria, &prometheus);
        results.insert(set.name.to_owned(), sample_json(set, &ours, &victoria, &prometheus));
        clear(&dir);
    }
    if wanted("logs") {
        let logs = service_logs::generate(SIX_HOURS);
        let ours = runtime.block_on(lake_run::logs(&logs, &dir.join("lake")));
        print_logs(&logs, &ours);
        results.insert("service logs".to_owned(), log_json(&logs, &ours));
        clear(&dir);
    }
    if wanted("merge") {
        let rows = number("--rows", 5_000_000);
        let merged = runtime.block_on(merge_day::measure(rows, &dir.join("lake")));
        print_merge(&merged);
        results.insert("day merge".to_owned(), merge_json(&merged));
        clear(&dir);
    }
    if argument("--only").is_some() {
        return;
    }

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/results/size.json");
    std::fs::write(path, format!("{:#}\n", serde_json::Value::from(results))).expect("the result is written");
}

fn print_samples(set: &SampleSet, ours: &LakeSize, victoria: &PeerSize, prometheus: &PeerSize) {
    let per_sample = |bytes: u64| bytes as f64 / set.sample_count() as f64;
    println!("{:<34}{:>14}{:>12}{:>14}", "", "bytes", "per sample", "index bytes");
    let line = |name: &str, bytes: u64, index: Option<u64>| {
        let index = index.map_or(String::new(), |bytes| bytes.to_string());
        println!("{name:<34}{bytes:>14}{:>12.3}{index:>14}", per_sample(bytes));
    };
    line("evenkeel, flush files", ours.flushed, None);
    line("evenkeel, hour files", ours.hours, None);
    line("evenkeel, day files", ours.days, Some(ours.series));
    for (column, bytes) in &ours.columns {
        line(&format!("    {column}"), *bytes, None);
    }
    line("victoria-metrics, merged", victoria.data, Some(victoria.index));
    line("prometheus, blocks", prometheus.data, Some(prometheus.index));
    println!("ratio to victoria-metrics: {:.2}", ours.days as f64 / victoria.data as f64);
    let merge_cpu = ours.merge_cpu_secs * 1e6 / set.sample_count() as f64;
    println!("merging: {merge_cpu:.2} CPU seconds per million samples");
}

fn sample_json(
    set: &SampleSet,
    ours: &LakeSize,
    victoria: &PeerSize,
    prometheus: &PeerSize,
) -> serde_json::Value {
    let per_sample = |bytes: u64| bytes as f64 / set.sample_count() as f64;
    let peer = |size: &PeerSize| serde_json::json!({"bytes_per_sample": per_sample(size.data), "index_bytes": size.index});
    serde_json::json!({
        "samples": set.sample_count(),
        "series": set.series.len(),
        "evenkeel": {
            "bytes_per_sample_flushed": per_sample(ours.flushed),
            "bytes_per_sample_hours": per_sample(ours.hours),
            "bytes_per_sample": per_sample(ours.days),
            "series_table_bytes": ours.series,
            "merge_cpu_secs_per_million_samples": ours.merge_cpu_secs * 1e6 / set.sample_count() as f64,
        },
        "victoria_metrics": peer(victoria),
        "prometheus": peer(prometheus),
        "ratio_to_victoria_metrics": ours.days as f64 / victoria.data as f64,
    })
}

fn print_logs(logs: &service_logs::ServiceLogs, ours: &LakeSize) {
    println!("\nservice logs: {} lines, {} bytes as JSON lines", logs.records.len(), logs.json_bytes);
    let share = |bytes: u64| bytes as f64 / logs.json_bytes as f64 * 100.0;
    for (name, bytes) in [("flush files", ours.flushed), ("hour files", ours.hours), ("day files", ours.days)]
    {
        println!("{:<34}{bytes:>14}{:>10.1} % of raw", format!("evenkeel, {name}"), share(bytes));
    }
    for (column, bytes) in &ours.columns {
        println!("    {column:<30}{bytes:>14}{:>10.2} %", share(*bytes));
    }
    println!("merging: {:.2} CPU seconds per GB of raw", ours.merge_cpu_secs * 1e9 / logs.json_bytes as f64);
}

fn log_json(logs: &service_logs::ServiceLogs, ours: &LakeSize) -> serde_json::Value {
    let share = |bytes: u64| bytes as f64 / logs.json_bytes as f64;
    serde_json::json!({
        "lines": logs.records.len(),
        "raw_bytes": logs.json_bytes,
        "share_of_raw_flushed": share(ours.flushed),
        "share_of_raw_hours": share(ours.hours),
        "share_of_raw": share(ours.days),
        "merge_cpu_secs_per_raw_gb": ours.merge_cpu_secs * 1e9 / logs.json_bytes as f64,
    })
}

fn print_merge(merged: &merge_day::DayMerge) {
    println!(
        "\na day of {} rows merged: {:.1} million rows a second, {:.1} CPU seconds, peak memory {:.0} MiB",
        merged.rows,
        merged.rows as f64 / merged.secs / 1e6,
        merged.cpu_secs,
        merged.peak_rss_mib
    );
}

fn merge_json(merged: &merge_day::DayMerge) -> serde_json::Value {
    serde_json::json!({
        "rows": merged.rows,
        "rows_per_sec": (merged.rows as f64 / merged.secs).round(),
        "cpu_secs": merged.cpu_secs,
        "peak_rss_mib": merged.peak_rss_mib.round(),
        "optimised": !cfg!(debug_assertions),
    })
}

/// Whether a part of the benchmark was asked for.
fn wanted(part: &str) -> bool {
    argument("--only").is_none_or(|only| only == part)
}

fn scratch_dir() -> PathBuf {
    let dir = std::env::temp_dir().join(format!("evenkeel-size-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    dir
}

fn clear(dir: &Path) {
    if std::env::args().any(|arg| arg == "--keep") {
        static TIMES: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let kept = dir.with_extension(TIMES.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string());
        println!("kept in {}", kept.display());
        return std::fs::rename(dir, kept).expect("a directory can be renamed");
    }
    if let Err(error) = std::fs::remove_dir_all(dir) {
        eprintln!("{} was not removed: {error}", dir.display());
    }
}
