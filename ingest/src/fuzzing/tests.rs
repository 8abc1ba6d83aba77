//! Every body that fuzzers found worth keeping, again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

fn fuzz_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn names_in(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn every_body_of_the_corpus_keeps_its_promises() {
    for (name, check) in TARGETS {
        let dir = fuzz_dir().join("corpus").join(name);
        let bodies = names_in(&dir);
        assert!(!bodies.is_empty(), "{name} has no corpus");
        for body in bodies {
            let bytes = fs::read(dir.join(&body)).unwrap();
            if std::panic::catch_unwind(|| check(&bytes)).is_err() {
                panic!("fuzz/corpus/{name}/{body}: see above");
            }
        }
    }
}

#[test]
fn every_decoder_has_a_target_and_a_corpus() {
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut corpora = names_in(&fuzz_dir().join("corpus"));
    corpora.remove(".gitattributes");
    assert_eq!(corpora, names);
    let targets: BTreeSet<String> = names_in(&fuzz_dir().join("targets"))
        .iter()
        .map(|file| file.strip_suffix(".rs").expect("a Rust file").to_owned())
        .collect();
    assert_eq!(targets, names);
}
