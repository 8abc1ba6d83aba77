//! Every file of `tests/openslo/{good,bad}` is read leniently and strictly; what is found stands in
//! the `.expect` file beside it. `UPDATE_EXPECT=1` writes those files.

use std::path::{Path, PathBuf};

use expect_test::expect_file;
use proptest::prelude::*;
use slo::openslo::Mode;
use slo::{catalog, openslo};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openslo").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "yaml" || ext == "json"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// The verdict in words, and the number of errors.
fn verdict(path: &Path, mode: Mode) -> (String, usize) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let (documents, mut defects) = openslo::parse_documents(name, &text, mode);
    let (slos, more) = catalog::resolve(documents);
    defects.extend(more);
    defects.sort();
    let mut lines: Vec<String> = defects.iter().map(ToString::to_string).collect();
    for slo in &slos {
        for objective in &slo.objectives {
            lines.push(format!(
                "SLO {} of {}: {} over {} by {}, {} alert tiers",
                slo.slo_id(objective),
                slo.service,
                objective.target,
                slo.window.text(),
                slo.method.name(),
                objective.tiers.len()
            ));
        }
    }
    (lines.join("\n"), defects.iter().filter(|defect| defect.is_error()).count())
}

fn check(path: &Path) -> (usize, usize) {
    let (lenient, lenient_errors) = verdict(path, Mode::Lenient);
    let (strict, strict_errors) = verdict(path, Mode::Strict);
    let found = format!("lenient:\n{lenient}\nstrict:\n{strict}\n");
    expect_file![path.with_extension("expect")].assert_eq(&found);
    (lenient_errors, strict_errors)
}

#[test]
fn good_documents_have_no_errors() {
    for path in files("good") {
        assert_eq!(check(&path).0, 0, "{}", path.display());
    }
}

#[test]
fn bad_documents_are_errors_with_a_line() {
    for path in files("bad") {
        let (lenient, strict) = check(&path);
        assert!(lenient.max(strict) > 0, "{}", path.display());
    }
}

proptest! {
    /// Whatever is done to a file, reading it ends in documents and defects.
    #[test]
    fn damaged_documents_never_panic(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40, "[\\[\\]{}:,\"'\\-#&*|>!%@` \n\té日0-9a-z]{0,6}"), 1..6),
    ) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openslo/good/everything.yaml");
        let mut text: Vec<char> = std::fs::read_to_string(path).unwrap().chars().collect();
        for (at, length, inserted) in cuts {
            let start = at.index(text.len().max(1)).min(text.len());
            let end = (start + length).min(text.len());
            text.splice(start..end, inserted.chars());
        }
        let text: String = text.into_iter().collect();
        let (documents, _) = openslo::parse_documents("damaged.yaml", &text, Mode::Lenient);
        catalog::resolve(documents);
    }
}
