//! From settings and files to jobs, with every fault named by file and line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use telemetry::Defect;

use super::config::{FilePattern, PrometheusFile, ScrapeSettings, unsupported};
use super::discovery::{matching_files, read_bounded};
use super::job::{self, Job, Place};

/// A configuration file that is larger is a mistake in the path.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// The texts that jobs are made of; equal texts make equal jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// By path as it was given; what could not be read is an error's text.
    files: BTreeMap<PathBuf, Result<String, String>>,
}

/// What configuration comes to.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    pub jobs: Vec<Arc<Job>>,
    /// Sorted; with an error among them the jobs are not to be used.
    pub defects: Vec<Defect>,
}

impl Loaded {
    pub fn has_errors(&self) -> bool {
        self.defects.iter().any(Defect::is_error)
    }
}

/// Where the settings themselves stand.
#[derive(Clone, Debug, Default)]
pub struct SettingsPlace {
    /// `evenkeel.yaml` as it was given; `None` when there is no such file.
    pub file: Option<PathBuf>,
}

impl SettingsPlace {
    fn dir(&self) -> &Path {
        self.file.as_deref().map_or(Path::new(""), dir_of)
    }
}

fn dir_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// Reads the files that the settings name, and those that these name.
pub fn read(settings: &ScrapeSettings, place: &SettingsPlace) -> Texts {
    let mut texts = Texts::default();
    for path in &settings.config_files {
        let path = place.dir().join(path);
        let text = read_bounded(&path, FILE_BYTES_MAX);
        // A second pass reports what is wrong; here it only matters which files to read.
        let more = text.as_ref().ok().and_then(|text| parse::<PrometheusFile>(text).ok()).unwrap_or_default();
        for pattern in &more.scrape_config_files {
            for path in included(&pattern.value, dir_of(&path)) {
                texts.files.insert(path.clone(), read_bounded(&path, FILE_BYTES_MAX));
            }
        }
        texts.files.insert(path, text);
    }
    texts
}

fn included(pattern: &str, dir: &Path) -> Vec<PathBuf> {
    match FilePattern::try_from(pattern.to_owned()) {
        Ok(FilePattern(path)) => matching_files(&dir.join(path)),
        Err(_) => Vec::new(),
    }
}

/// Makes jobs of the settings and of the files that were read.
pub fn jobs(settings: &ScrapeSettings, place: &SettingsPlace, texts: &Texts) -> Loaded {
    let mut loading = Loading { settings, texts, names: BTreeSet::new(), loaded: Loaded::default() };
    let file = place.file.as_deref().map_or("the settings".to_owned(), |path| path.display().to_string());
    loading.warn_of(&file, "scrape.global", settings.global.unused());
    let own = Place { file: &file, dir: place.dir() };
    loading.check(&settings.scrape_configs, &settings.global, own);
    for path in &settings.config_files {
        loading.file(&place.dir().join(path));
    }
    loading.loaded.defects.sort();
    loading.loaded.defects.dedup();
    loading.loaded
}

struct Loading<'a> {
    settings: &'a ScrapeSettings,
    texts: &'a Texts,
    names: BTreeSet<String>,
    loaded: Loaded,
}

impl Loading<'_> {
    fn file(&mut self, path: &Path) {
        let name = path.display().to_string();
        let Some(file) = self.parsed(path) else { return };
        self.warn_of(&name, "", file.unused());
        self.warn_of(&name, "global", file.global.unused());
        let dir = dir_of(path);
        self.check(&file.scrape_configs, &file.global, Place { file: &name, dir });
        for pattern in &file.scrape_config_files {
            let line = Some(pattern.referenced.line());
            if let Err(message) = FilePattern::try_from(pattern.value.clone()) {
                self.loaded.defects.push(Defect::error(
                    &name,
                    line,
                    format!("scrape_config_files: {message}"),
                ));
            }
            for path in included(&pattern.value, dir) {
                let name = path.display().to_string();
                let Some(more) = self.parsed(&path) else { continue };
                let place = Place { file: &name, dir: dir_of(&path) };
                self.check(&more.scrape_configs, &file.global, place);
            }
        }
    }

    fn parsed(&mut self, path: &Path) -> Option<PrometheusFile> {
        let name = path.display().to_string();
        let unread = Err("cannot be read".to_owned());
        let parsed = match self.texts.files.get(path).unwrap_or(&unread) {
            Ok(text) => parse(text).map_err(|(line, message)| Defect::error(&name, line, message)),
            Err(reason) => Err(Defect::error(&name, None, reason.as_str())),
        };
        parsed.map_err(|defect| self.loaded.defects.push(defect)).ok()
    }

    fn check(
        &mut self,
        configs: &[super::JobConfig],
        global: &super::config::GlobalConfig,
        place: Place<'_>,
    ) {
        match job::check(configs, global, &self.settings.limits, place, &mut self.names) {
            Ok(jobs) => {
                for job in &jobs {
                    for path in job.secret_files().into_iter().filter(|path| !path.exists()) {
                        let message = format!("job {:?}: {} does not exist", job.name, path.display());
                        self.loaded.defects.push(Defect::warning(place.file, None, message));
                    }
                }
                self.loaded.jobs.extend(jobs.into_iter().map(Arc::new));
            }
            Err(defects) => self.loaded.defects.extend(defects),
        }
    }

    fn warn_of(&mut self, file: &str, section: &str, unused: Vec<(&'static str, u64)>) {
        for (key, line) in unused {
            let key = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
            let message = format!("{key} is not used: only what is about scraping is");
            self.loaded.defects.push(Defect::warning(file, Some(line), message));
        }
    }
}

/// A document, or the line and text of what is wrong.
fn parse<T: DeserializeOwned + Default>(text: &str) -> Result<T, (Option<u64>, String)> {
    let says_something = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    if !text.lines().any(says_something) {
        return Ok(T::default());
    }
    serde_saphyr::from_str(text)
        .map_err(|error| (error.location().map(|place| place.line()), explain(&error)))
}

/// What is wrong with a YAML text, without its place. Names what only Prometheus has.
pub fn explain(error: &serde_saphyr::Error) -> String {
    let error = error.without_snippet();
    if let serde_saphyr::Error::SerdeUnknownField { field, expected, .. } = error {
        return unsupported(field).unwrap_or_else(|| {
            format!("unknown setting {field:?}, expected one of {}", expected.join(", "))
        });
    }
    error.to_string()
}

#[cfg(test)]
mod tests;
