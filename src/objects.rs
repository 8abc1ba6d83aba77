//! Configuration as code: a directory of YAML and Markdown, loaded, linted and watched.
//!
//! Each YAML document goes to the crate that owns its kind: objectives (OpenSLO, Sloth, Pyrra) to
//! `slo`, `evenkeel/v1` and Prometheus rule files to `alerting`; Markdown goes to `runbooks`. A broken file never takes down
//! what is running: its last good version stays in use, and its defects are shown.

mod expressions;
mod texts;
mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alerting::Catalog;
use runbooks::Library;
use slo::Slo;
use slo::openslo::Mode;
use telemetry::Defect;
use walkdir::WalkDir;

pub use texts::ObjectFiles;
pub use watch::Watch;

/// A configuration directory with more files is a mistake in the path.
const FILES_MAX: usize = 10_000;
/// Sloth's files begin with a `version` of this group instead of an `apiVersion`.
const SLOTH_GROUP: &str = "prometheus/";
/// Of one file.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Everything that a directory configures.
#[derive(Debug)]
pub struct Objects {
    pub slos: Vec<Slo>,
    pub catalog: Catalog,
    pub library: Library,
    pub files: usize,
    /// Sorted by file and line.
    pub defects: Vec<Defect>,
}

impl Objects {
    /// What is there without a directory: the runbooks that ship.
    pub fn none() -> Objects {
        build(&BTreeMap::new(), Vec::new())
    }
}

/// The texts of a directory as they are now, by file relative to it: what leaves the process says
/// nothing about the machine.
pub(crate) type Texts = BTreeMap<PathBuf, String>;

/// Reads and lints a directory.
pub fn load(dir: &Path) -> Objects {
    load_as(dir, Mode::Lenient)
}

/// [`load`], with objectives read as strictly as `mode` says.
pub fn load_as(dir: &Path, mode: Mode) -> Objects {
    let (texts, defects) = read(dir);
    build_as(&texts, defects, mode)
}

/// Reads the files of a directory, symbolic links followed (Kubernetes mounts configuration so).
fn read(dir: &Path) -> (Texts, Vec<Defect>) {
    let mut texts = Texts::new();
    let mut defects = Vec::new();
    for entry in WalkDir::new(dir).follow_links(true).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let place = name_in(dir, error.path().unwrap_or(dir)).display().to_string();
                defects.push(Defect::error(&place, None, format!("cannot be read: {error}")));
                continue;
            }
        };
        let path = entry.path();
        let is_hidden = entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.');
        if !entry.file_type().is_file() || is_hidden || kind_of(path).is_none() {
            continue;
        }
        let name = name_in(dir, path);
        let place = name.display().to_string();
        if texts.len() == FILES_MAX {
            defects.push(Defect::error(
                &place,
                None,
                format!("more than {FILES_MAX} files: the rest is not read"),
            ));
            break;
        }
        match entry.metadata().map(|metadata| metadata.len()) {
            Ok(bytes) if bytes > FILE_BYTES_MAX => {
                defects.push(Defect::error(
                    &place,
                    None,
                    format!("{bytes} bytes: at most {FILE_BYTES_MAX} are read"),
                ));
            }
            _ => match std::fs::read_to_string(path) {
                Ok(text) => {
                    texts.insert(name, text);
                }
                Err(error) => defects.push(Defect::error(&place, None, format!("cannot be read: {error}"))),
            },
        }
    }
    (texts, defects)
}

/// A file's path below the directory; the name of a file that stands for the directory.
fn name_in(dir: &Path, path: &Path) -> PathBuf {
    match path.strip_prefix(dir) {
        Ok(below) if !below.as_os_str().is_empty() => below.to_owned(),
        _ => path.file_name().map_or_else(|| path.to_owned(), PathBuf::from),
    }
}

/// A file's path as the one who typed `dir` would type it.
pub fn path_in(dir: &Path, name: &str) -> PathBuf {
    if dir.is_file() { dir.to_owned() } else { dir.join(name) }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FileKind {
    Yaml,
    Json,
    Markdown,
}

fn kind_of(path: &Path) -> Option<FileKind> {
    match path.extension()?.to_str()? {
        "yaml" | "yml" => Some(FileKind::Yaml),
        "json" => Some(FileKind::Json),
        // A README explains the directory, it is no runbook.
        "md" if path.file_stem().is_some_and(|stem| stem.eq_ignore_ascii_case("readme")) => None,
        "md" => Some(FileKind::Markdown),
        _ => None,
    }
}

/// What one file holds.
#[derive(Debug, Default)]
struct Parsed {
    openslo: Vec<slo::openslo::Document>,
    objects: Vec<alerting::objects::Object>,
    runbooks: Vec<runbooks::Runbook>,
    defects: Vec<Defect>,
}

fn parse(path: &Path, text: &str, mode: Mode) -> Parsed {
    let file = path.display().to_string();
    let mut parsed = Parsed::default();
    if kind_of(path) == Some(FileKind::Markdown) {
        match runbooks::document::parse(&file, text) {
            Ok(runbook) => parsed.runbooks.push(runbook),
            Err(mut defects) => parsed.defects.append(&mut defects),
        }
        return parsed;
    }
    if kind_of(path) == Some(FileKind::Json) {
        parse_json(&file, text, mode, &mut parsed);
        return parsed;
    }
    for document in documents(text) {
        match owner_of(&document) {
            Some(Owner::Slo) => {
                let (mut documents, mut defects) = slo::openslo::parse_documents(&file, &document, mode);
                parsed.openslo.append(&mut documents);
                parsed.defects.append(&mut defects);
            }
            Some(Owner::Alerting) => {
                let (mut objects, mut defects) = alerting::objects::parse(&file, &document);
                parsed.objects.append(&mut objects);
                parsed.defects.append(&mut defects);
            }
            None => {
                let line =
                    document.lines().position(|line| !line.trim().is_empty()).map(|line| line as u64 + 1);
                let found = document
                    .lines()
                    .find_map(api_version)
                    .map_or_else(String::new, |version| format!(" (apiVersion `{version}`)"));
                let message = format!(
                    "not a kind that is known{found}: expected apiVersion openslo/v1 or evenkeel/v1, an objective of Sloth or Pyrra, or a Prometheus rule file with groups"
                );
                parsed.defects.push(Defect::error(&file, line, message));
            }
        }
    }
    parsed
}

/// JSON is YAML but for its tabs; a string has none. Other tools keep JSON in such directories too, so what
/// is no object of ours is passed over with a warning.
fn parse_json(file: &str, text: &str, mode: Mode, parsed: &mut Parsed) {
    let value: serde_json::Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => {
            let line = u64::try_from(error.line()).ok();
            parsed.defects.push(Defect::error(file, line, format!("not JSON: {error}")));
            return;
        }
    };
    let text = text.replace('\t', " ");
    let first = value.get(0).unwrap_or(&value);
    let version = |name: &str| first[name].as_str().unwrap_or_default();
    match owner_of_version(version("apiVersion")) {
        Some(Owner::Alerting) => {
            let (mut objects, mut defects) = alerting::objects::parse(file, &text);
            parsed.objects.append(&mut objects);
            parsed.defects.append(&mut defects);
        }
        None if !version("version").starts_with(SLOTH_GROUP) => {
            let message = "ignored: no object, which has apiVersion openslo/v1 or evenkeel/v1";
            parsed.defects.push(Defect::warning(file, Some(1), message));
        }
        Some(Owner::Slo) | None => {
            let (mut documents, mut defects) = slo::openslo::parse_documents(file, &text, mode);
            parsed.openslo.append(&mut documents);
            parsed.defects.append(&mut defects);
        }
    }
}

/// Which crate owns a document's kind.
enum Owner {
    Slo,
    Alerting,
}

fn owner_of(document: &str) -> Option<Owner> {
    document.lines().find_map(|line| {
        if let Some(version) = api_version(line) {
            return owner_of_version(version);
        }
        if value_of("version", line).is_some_and(|version| version.starts_with(SLOTH_GROUP)) {
            return Some(Owner::Slo);
        }
        line.starts_with("groups:").then_some(Owner::Alerting)
    })
}

fn owner_of_version(version: &str) -> Option<Owner> {
    match version.split('/').next() {
        // Nobl9's are not read, but told apart from what nobody knows.
        Some("openslo" | "openslo.com" | "n9" | "sloth.slok.dev" | "pyrra.dev") => Some(Owner::Slo),
        Some("evenkeel") => Some(Owner::Alerting),
        _ => None,
    }
}

/// The `apiVersion` that a line says; an object may be an item of a list, or JSON.
fn api_version(line: &str) -> Option<&str> {
    value_of("apiVersion", line.trim_start_matches(['-', ' ', '{', '[', '"', '\'']))
}

/// The value behind `key` at the start of `text`, without quotes.
fn value_of<'t>(key: &str, text: &'t str) -> Option<&'t str> {
    let value = text.strip_prefix(key)?.trim_start_matches(['"', '\'']).trim_start().strip_prefix(':')?;
    let value = value.trim_start().trim_start_matches(['"', '\'']);
    value.split(['"', '\'', ',', ' ', '#', '}']).next()
}

/// The documents of a YAML stream, each moved down by empty lines so that its line numbers are
/// those of the file. Documents that hold nothing but comments are left out.
fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for (number, line) in text.lines().enumerate() {
        if line == "---" || line.starts_with("--- ") {
            documents.push("\n".repeat(number + 1));
        } else if let Some(document) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    let says_something = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    documents.retain(|document| document.lines().any(says_something));
    documents
}

/// Parses and resolves texts; `defects` are those found while reading them.
fn build(texts: &Texts, defects: Vec<Defect>) -> Objects {
    build_as(texts, defects, Mode::Lenient)
}

fn build_as(texts: &Texts, mut defects: Vec<Defect>, mode: Mode) -> Objects {
    let mut all = Parsed::default();
    for (path, text) in texts {
        let mut parsed = parse(path, text, mode);
        all.openslo.append(&mut parsed.openslo);
        all.objects.append(&mut parsed.objects);
        all.runbooks.append(&mut parsed.runbooks);
        defects.append(&mut parsed.defects);
    }
    let (catalog, mut catalog_defects) = Catalog::build(all.objects);
    let known = slo::catalog::Known { services: catalog.services.keys().cloned().collect() };
    let (slos, mut slo_defects) = slo::catalog::resolve_with(all.openslo, &known);
    let (library, mut library_defects) = Library::build(all.runbooks);
    expressions::lint(&slos, &catalog, &mut defects);
    lint_maintenance(&slos, &catalog, &mut defects);
    defects.append(&mut slo_defects);
    defects.append(&mut catalog_defects);
    defects.append(&mut library_defects);
    defects.sort();
    defects.dedup();
    Objects { slos, catalog, library, files: texts.len(), defects }
}

/// Maintenance that no objective knows of is a mistake in a name, most likely.
fn lint_maintenance(slos: &[Slo], catalog: &Catalog, defects: &mut Vec<Defect>) {
    for (name, maintenance) in &catalog.maintenance {
        let concerns = |slo: &Slo| {
            maintenance.services.contains(&slo.service)
                || maintenance.slos.contains(&slo.name)
                || slo.exclusions.contains(name)
        };
        if !slos.iter().any(concerns)
            && let Some(origin) = catalog.origin("Maintenance", name)
        {
            let message =
                format!("maintenance {name:?} concerns no objective: none is of its services or slos");
            defects.push(Defect::warning(&origin.file, Some(origin.line), message));
        }
    }
}

#[cfg(test)]
mod tests;
