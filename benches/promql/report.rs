//! The figures as tables.

use crate::alone::Row;
use crate::crowd::Crowd;
use crate::servers::Kind;

/// Nothing may be slower than this, to the faster peer.
const RATIO_MAX: f64 = 2.0;

pub fn print_head() {
    print!("\n{:<34}", "median / p95 in ms");
    Kind::ALL.iter().for_each(|kind| print!("{:>22}", kind.name()));
    println!("{:>8}", "ratio");
}

pub fn print_row(row: &Row) {
    print!("{:<34}", row.name);
    for run in &row.runs {
        let text = match run.median_ms() {
            Some(median) => format!("{median:.1} / {:.1}", run.p95_ms()),
            None => "error".to_owned(),
        };
        print!("{text:>22}");
    }
    println!("{:>8}", row.ratio().map_or("-".to_owned(), |ratio| format!("{ratio:.2}")));
    for run in &row.runs {
        if let Some(error) = &run.error {
            println!("    {}: {error}", run.kind.name());
        }
    }
    for difference in &row.differences {
        println!("    DIFFERS: {difference}");
    }
}

pub fn print_summary(rows: &[Row]) {
    let ratios: Vec<f64> = rows.iter().filter_map(Row::ratio).collect();
    let as_fast = ratios.iter().filter(|ratio| **ratio <= 1.0).count();
    println!("\n{as_fast} of {} queries at or below the faster peer's median", rows.len());
    let is_slow = |row: &&Row| row.ratio().is_none_or(|ratio| ratio > RATIO_MAX);
    let slow: Vec<&str> = rows.iter().filter(is_slow).map(|row| row.name).collect();
    println!("over {RATIO_MAX} times it, or without a comparison: {}", slow.len());
    slow.iter().for_each(|name| println!("    {name}"));
}

pub fn print_crowd(people: usize, crowds: &[Crowd]) {
    println!(
        "\n{:<34}{:>12}{:>12}{:>12}{:>16}{:>12}{:>9}",
        format!("{people} people at dashboards"),
        "answers/s",
        "p50 ms",
        "p99 ms",
        "CPU ms/answer",
        "peak MiB",
        "errors"
    );
    for crowd in crowds {
        println!(
            "{:<34}{:>12.1}{:>12.0}{:>12.0}{:>16.1}{:>12.0}{:>9}",
            crowd.kind.name(),
            crowd.answers_per_sec,
            crowd.p50_ms,
            crowd.p99_ms,
            crowd.cpu_secs_per_answer * 1e3,
            crowd.peak_rss_mib,
            crowd.errors
        );
        if let Some(error) = &crowd.first_error {
            println!("    {error}");
        }
    }
}
