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
    lines.extend(slos.iter().flat_map(slo::describe::describe));
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

/// What is written reads back as the same objectives, whatever format they came in.
#[test]
fn documents_survive_a_round_trip() {
    for path in files("good") {
        let text = std::fs::read_to_string(&path).unwrap();
        let (documents, _) = openslo::parse_documents("before.yaml", &text, Mode::Lenient);
        let written = openslo::write::documents(&documents).unwrap();
        let (again, defects) = openslo::parse_documents("after.yaml", &written, Mode::Lenient);
        let place = path.display();
        assert!(!defects.iter().any(|defect| defect.is_error()), "{place}: {defects:?}\n{written}");
        assert_eq!(openslo::write::documents(&again).unwrap(), written, "{place}");
        let objectives = |documents| -> Vec<(String, Vec<i64>, Vec<String>)> {
            let (slos, _) = catalog::resolve(documents);
            let generations = |slo: &slo::Slo| slo.objectives.iter().map(|o| o.generation).collect();
            slos.iter()
                .map(|slo| (slo.name.clone(), generations(slo), slo::describe::describe(slo)))
                .collect()
        };
        assert_eq!(objectives(documents), objectives(again), "{place}");
    }
}

#[test]
fn the_guide_shows_documents_that_work() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/slo.md");
    let text = std::fs::read_to_string(guide).unwrap();
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let documents: Vec<&str> = blocks.filter(|block| block.starts_with("apiVersion: openslo/")).collect();
    assert!(!documents.is_empty());
    for document in documents {
        let (parsed, mut defects) = openslo::parse_documents("guide.yaml", document, Mode::Strict);
        let (slos, more) =
            catalog::resolve_with(parsed, &catalog::Known { services: ["shop".to_owned()].into() });
        defects.extend(more);
        assert!(defects.is_empty() && !slos.is_empty(), "{defects:?}\n{document}");
    }
}

proptest! {
    /// Whatever is done to a file, reading it ends in documents and defects.
    #[test]
    fn damaged_documents_never_panic(
        file in prop::sample::select(vec!["everything", "indicators", "composites", "sloth", "pyrra"]),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40, "[\\[\\]{}:,\"'\\-#&*|>!%@` \n\té日0-9a-z]{0,6}"), 1..6),
    ) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openslo/good").join(format!("{file}.yaml"));
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
