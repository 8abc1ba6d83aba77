//! The text files in `tests/sql`, each run over the same rows in every state that rows can be in:
//! buffered, flushed, half and half, compacted. The answers must not differ.
//!
//! The files are in the format of sqllogictest ([`script`]). `UPDATE_SLT=1` writes what came out into
//! them; read the difference before you keep it.

mod data;
mod delivery;
mod manuals;
mod reports;
mod script;
mod shop;

use std::path::{Path, PathBuf};

use crate::testing::{Bench, at, run};
use script::Script;

/// The files of the workspace's `tests/sql`.
fn scripts() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sql");
    let mut files: Vec<_> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "slt"));
    files.sort();
    assert!(!files.is_empty());
    files
}

async fn check_all(bench: &Bench, state: &str) {
    for file in scripts() {
        Script::read(&file).check(bench, state).await;
    }
}

#[test]
fn text_files_give_the_same_answers_in_every_state() {
    run(async {
        let bench = Bench::new().await;
        data::fill_first_half(&bench).await;
        data::fill_second_half(&bench).await;
        if std::env::var_os("UPDATE_SLT").is_some() {
            for file in scripts() {
                let updated = Script::read(&file).updated(&bench).await;
                std::fs::write(&file, updated).unwrap();
            }
            return;
        }
        check_all(&bench, "buffered").await;
        bench.lake.flush().await.unwrap();
        check_all(&bench, "flushed").await;

        let bench = Bench::new().await;
        data::fill_first_half(&bench).await;
        bench.lake.flush().await.unwrap();
        data::fill_second_half(&bench).await;
        check_all(&bench, "half flushed").await;
        bench.lake.flush().await.unwrap();
        check_all(&bench, "flushed twice").await;
        bench.clock.set(at("2026-11-25T13:00:00Z"));
        bench.lake.compact().await.unwrap();
        check_all(&bench, "compacted from two").await;
    });
}
