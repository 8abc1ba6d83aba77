//! Writers of every kind, and `kill -9` at random moments: while rows come in, while they are
//! flushed, committed and merged, and while the server starts. Some writers send again what got no answer.
//!
//! After each kill, before anything repairs them, the tables are read by delta-rs for Python.
//!
//! `EVENKEEL_CRASH_ROUNDS` sets the number of rounds, `EVENKEEL_CRASH_SEED` repeats a run's moments.
//! 150 rounds are about 250 kills.

use tokio::task::JoinSet;

use super::ledger::{Ledger, ROWS_PER_REQUEST};
use super::outside::{Reader, read_from_outside};
use super::writers::Writer;
use crate::harness::{Random, Server, ServerOptions, now_ms};

const ROUNDS_DEFAULT: u32 = 8;
/// It goes on beyond the rounds until the work in the background was met, but not for ever.
const ROUNDS_MORE_MAX: u32 = 24;
/// The ledger is compared with every row this often, in long runs less often: it takes the longer the more
/// there is.
const ROUNDS_BETWEEN_CHECKS: u32 = 4;
const CHECKS_MAX: u32 = 15;

/// Everything that a kill may hit happens every second: small log segments, flushes, merges of hours
/// that are over, retention, checkpoints of the Delta logs; and a replay never holds up a start.
const BUSY: &str = "
lake:
  flush_interval: 700ms
  compact_interval: 1s
  hour_grace: 0s
  checkpoint_commits: 5
  retention: {rejections: 1s}
  wal: {segment_bytes: 262144, replay_wait: 0s}
";

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_loses_and_duplicates_no_acknowledged_row() {
    let rounds = std::env::var("EVENKEEL_CRASH_ROUNDS").map(|text| text.parse().expect("a number of rounds"));
    let rounds = rounds.unwrap_or(ROUNDS_DEFAULT);
    let mut random = Random::from_env("EVENKEEL_CRASH_SEED");
    let rounds_between_checks = ROUNDS_BETWEEN_CHECKS.max(rounds / CHECKS_MAX);
    let mut server = Server::start(ServerOptions::settings(BUSY)).await;
    let mut reader = Reader::of(&server.data_dir().join("lake"));
    let began_ms = now_ms();
    let ledger = Ledger::beginning_at(began_ms);
    let mut writers = Writer::all(began_ms);
    let (mut round, mut kills) = (0, 0);
    while round < rounds || (round < rounds + ROUNDS_MORE_MAX && !not_met_yet(&server).is_empty()) {
        round += 1;
        let mut writing = JoinSet::new();
        for writer in writers.drain(..) {
            writing.spawn(writer.write_until_it_dies(server.api(), ledger.clone()));
        }
        tokio::time::sleep(random.millis(100, 1_800)).await;
        server.kill9();
        kills += 1;
        writers = writing.join_all().await;
        reader.read_tables().await;
        match random.below(3) {
            0 => {
                server.spawn();
                tokio::time::sleep(random.millis(0, 700)).await;
            }
            // Started, and nobody has written yet.
            1 => server.start_again().await,
            _ => {}
        }
        if server.is_running() {
            server.kill9();
            kills += 1;
            reader.read_tables().await;
        }
        server.start_again().await;
        if round % rounds_between_checks == 0 {
            ledger.check(&server).await.assert_whole();
            read_from_outside(&server, &ledger).await;
        }
    }

    for writer in &mut writers {
        writer.send_what_is_open(&server.api(), &ledger).await.expect("the server answers");
    }
    assert_eq!(ledger.refusals(), Vec::<String>::new(), "nothing was wrong with the requests");
    let findings = ledger.check(&server).await;
    println!(
        "{kills} kills, tables read {} times right after one; {} requests of {ROWS_PER_REQUEST} rows acknowledged, \
         {} of them sent again; {} lost, {} duplicated; {} left without an answer, {} of them stored",
        reader.count(),
        findings.acknowledged,
        ledger.sent_again(),
        findings.lost.len(),
        findings.duplicated.len(),
        findings.unanswered,
        findings.unanswered_stored
    );
    findings.assert_whole();
    assert!(findings.acknowledged > 10 * rounds as usize, "hardly anything was written: {findings:?}");

    let sums = server.api().sql(SUMS).await;
    assert_eq!(sums.len() as u64, 2 * ROWS_PER_REQUEST, "{sums:?}");
    for sum in &sums {
        assert_eq!(sum[2].as_f64(), sum[3].as_f64(), "a running total counts every point once: {sum:?}");
    }

    // Everything is in the tables after an orderly end, and other readers find the same rows.
    server.stop().await;
    let tables = read_from_outside(&server, &ledger).await;
    let refused_but_once = 2;
    let stored =
        (findings.acknowledged + findings.unanswered_stored) as u64 * ROWS_PER_REQUEST + refused_but_once;
    let rows = |table: &str| {
        let count = |what: &str| tables[table][what].as_u64().unwrap_or_default();
        count("rows") - count("duplicates")
    };
    assert_eq!(rows("metric_samples") + rows("logs") + rows("events"), stored, "{tables}");
    assert_eq!(not_met_yet(&server), [""; 0], "what the kills should have met");
}

/// Which work in the background has not been done in any table by now.
fn not_met_yet(server: &Server) -> Vec<&'static str> {
    let has_log = |table: &str, ending: &str, holds: &str| {
        let files = std::fs::read_dir(server.table_dir(table).join("_delta_log")).into_iter().flatten();
        let mut paths = files.filter_map(Result::ok).map(|file| file.path());
        paths.any(|path| {
            let content = || std::fs::read(&path).unwrap_or_default();
            path.to_string_lossy().ends_with(ending) && String::from_utf8_lossy(&content()).contains(holds)
        })
    };
    let work = [
        ("a merge", has_log("metric_samples", ".json", "\"OPTIMIZE\"")),
        ("retention", has_log("ingest_rejections", ".json", "\"DELETE\"")),
        ("a checkpoint", has_log("logs", ".checkpoint.parquet", "PAR1")),
    ];
    work.into_iter().filter(|(_, met)| !met).map(|(name, _)| name).collect()
}

/// What the running totals came to, and of how many points.
const SUMS: &str = "SELECT labels['writer'], labels['row'], max(value), count(*) FROM metrics
                    WHERE metric LIKE 'crash_deltas%' GROUP BY 1, 2";
