//! Target groups from files (`file_sd_configs`): found, read, and read again when they change.
//!
//! A file that cannot be read keeps the targets it had; a file that is gone has none.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use telemetry::{Defect, Timestamp};

use super::ScrapeLimits;
use super::config::{FileDiscovery, FilePattern, TargetGroup};
use super::load::explain;

/// The label that tells where a target was found.
const FILE_LABEL: &str = "__meta_filepath";

/// One `file_sd_configs` entry at work.
#[derive(Debug)]
pub struct FileWatch {
    discovery: FileDiscovery,
    files: BTreeMap<PathBuf, KnownFile>,
    too_many: Option<Defect>,
}

#[derive(Debug, Default)]
struct KnownFile {
    seen: Option<Signature>,
    read_at: Timestamp,
    /// Of the last version that could be read.
    groups: Vec<TargetGroup>,
    defect: Option<Defect>,
}

/// Tells a changed file from an unchanged one without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Signature {
    modified: Option<SystemTime>,
    bytes: u64,
}

impl FileWatch {
    pub fn new(discovery: FileDiscovery) -> FileWatch {
        FileWatch { discovery, files: BTreeMap::new(), too_many: None }
    }

    pub fn discovery(&self) -> &FileDiscovery {
        &self.discovery
    }

    /// Looks at the files; reads those that changed and those not read for `refresh_interval`. Whether
    /// the groups may be others now.
    pub fn refresh(&mut self, now: Timestamp, limits: &ScrapeLimits) -> bool {
        let mut found = Vec::new();
        for FilePattern(pattern) in &self.discovery.files {
            found.extend(matching_files(pattern));
        }
        found.sort();
        found.dedup();
        self.too_many = found.get(limits.discovery_files_max).map(|first| {
            let message = format!(
                "not read: {} files are found and {} are read (discovery_files_max)",
                found.len(),
                limits.discovery_files_max
            );
            Defect::error(&first.display().to_string(), None, message)
        });
        found.truncate(limits.discovery_files_max);
        let count_before = self.files.len();
        self.files.retain(|path, _| found.contains(path));
        let mut changed = self.files.len() != count_before;
        for path in found {
            let known = self.files.entry(path.clone()).or_default();
            let seen = signature(&path);
            let is_fresh = now.since(known.read_at) < self.discovery.refresh_interval.0;
            if known.seen.is_some() && known.seen == seen && is_fresh {
                continue;
            }
            (known.seen, known.read_at) = (seen, now);
            match read_groups(&path, limits.discovery_file_bytes_max) {
                Ok(groups) => {
                    changed |= known.groups != groups;
                    (known.groups, known.defect) = (groups, None);
                }
                Err(defect) => known.defect = Some(defect),
            }
        }
        changed
    }

    pub fn groups(&self) -> impl Iterator<Item = &TargetGroup> {
        self.files.values().flat_map(|file| &file.groups)
    }

    pub fn defects(&self) -> impl Iterator<Item = &Defect> {
        self.files.values().filter_map(|file| file.defect.as_ref()).chain(&self.too_many)
    }
}

fn signature(path: &Path) -> Option<Signature> {
    let metadata = fs::metadata(path).ok()?;
    Some(Signature { modified: metadata.modified().ok(), bytes: metadata.len() })
}

fn read_groups(path: &Path, bytes_max: u64) -> Result<Vec<TargetGroup>, Defect> {
    let file = path.display().to_string();
    let text = read_bounded(path, bytes_max).map_err(|reason| Defect::error(&file, None, reason))?;
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let mut groups: Vec<TargetGroup> = if is_json {
        serde_json::from_str(&text)
            .map_err(|error| Defect::error(&file, Some(error.line() as u64), error.to_string()))?
    } else if text.trim().is_empty() {
        Vec::new()
    } else {
        serde_saphyr::from_str(&text).map_err(|error| {
            Defect::error(&file, error.location().map(|place| place.line()), explain(&error))
        })?
    };
    for group in &mut groups {
        group.labels.insert(FILE_LABEL.to_owned(), file.clone());
    }
    Ok(groups)
}

/// A file's text, or why there is none.
pub(super) fn read_bounded(path: &Path, bytes_max: u64) -> Result<String, String> {
    let mut text = String::new();
    fs::File::open(path)
        .and_then(|file| file.take(bytes_max + 1).read_to_string(&mut text))
        .map_err(|error| format!("cannot be read: {error}"))?;
    if text.len() as u64 > bytes_max { Err(format!("longer than {bytes_max} bytes")) } else { Ok(text) }
}

/// The files that a path with at most one `*` in its last part stands for, sorted. A path without one
/// stands for itself, whether it is there or not.
pub(super) fn matching_files(pattern: &Path) -> Vec<PathBuf> {
    let last = pattern.file_name().unwrap_or_default().to_string_lossy();
    let Some((before, after)) = last.split_once('*') else { return vec![pattern.to_owned()] };
    let dir = pattern.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let matches = |name: &str| {
        name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
    };
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .filter(|entry| matches(&entry.file_name().to_string_lossy()))
        .map(|entry| pattern.with_file_name(entry.file_name()))
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::scrape::config::Span;

    struct Files {
        dir: tempfile::TempDir,
        watch: FileWatch,
        now: Timestamp,
    }

    impl Files {
        fn new(pattern: &str) -> Files {
            let dir = tempfile::tempdir().unwrap();
            let files = vec![FilePattern(dir.path().join(pattern))];
            let refresh_interval = Span(Duration::from_secs(300));
            let watch = FileWatch::new(FileDiscovery { files, refresh_interval });
            Files { dir, watch, now: Timestamp::from_secs(1_000) }
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.dir.path().join(name), text).unwrap();
        }

        /// The targets and the first defect.
        fn look(&mut self) -> (Vec<String>, String) {
            self.now = self.now.plus(Duration::from_secs(5));
            self.watch.refresh(self.now, &ScrapeLimits::default());
            let targets = self.watch.groups().flat_map(|group| &group.targets).map(|it| it.0.clone());
            let place = format!("{}/", self.dir.path().display());
            let defect = self.watch.defects().next().map(Defect::to_string).unwrap_or_default();
            (targets.collect(), defect.replace(&place, ""))
        }
    }

    #[test]
    fn files_come_change_break_and_go() {
        let mut files = Files::new("*.json");
        assert_eq!(files.look(), (vec![], String::new()));
        files.write("b.json", r#"[{"targets": ["b:1", "b:2"], "labels": {"env": "prod"}}]"#);
        files.write("a.json", r#"[{"targets": ["a:1"]}]"#);
        files.write("a.yaml", "- targets: [c:1]");
        assert_eq!(files.look().0, ["a:1", "b:1", "b:2"]);
        let group = files.watch.groups().nth(1).unwrap();
        let shown: Vec<_> = group.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let path = files.dir.path().join("b.json");
        assert_eq!(shown, [format!("__meta_filepath={}", path.display()), "env=prod".to_owned()]);

        files.write("a.json", "[{\n\"targets\": [\"a:1\", \"http://a:2/\"]}]");
        let (targets, defect) = files.look();
        assert_eq!(targets, ["a:1", "b:1", "b:2"], "the last good version stays");
        assert!(
            defect.starts_with("a.json:2: \"http://a:2/\" is not a target such as HOST:PORT"),
            "{defect}"
        );

        files.write("a.json", r#"[{"targets": ["a:1", "a:2"]}]"#);
        fs::remove_file(files.dir.path().join("b.json")).unwrap();
        assert_eq!(files.look(), (vec!["a:1".to_owned(), "a:2".to_owned()], String::new()));
    }

    #[test]
    fn yaml_is_read_as_well_and_a_missing_file_is_said_to_be() {
        let mut files = Files::new("targets.yml");
        let (targets, defect) = files.look();
        assert!(targets.is_empty() && defect.starts_with("targets.yml: cannot be read"), "{defect}");
        files.write("targets.yml", "- targets:\n  - a:1\n  labels:\n    env: prod\n- targets: [b:1]\n");
        assert_eq!(files.look(), (vec!["a:1".to_owned(), "b:1".to_owned()], String::new()));
        files.write("targets.yml", "- targets: [a:1]\n  label: {}\n");
        assert!(files.look().1.starts_with("targets.yml:2: unknown setting \"label\""));
        files.write("targets.yml", "");
        assert_eq!(files.look(), (vec![], String::new()));
    }
}
