//! Watches a configuration directory: a reconciler that compares texts and builds when they differ.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use telemetry::Defect;

use super::{Objects, Texts, build, read};

/// What was read last, and the last good text of each file.
#[derive(Debug)]
pub struct Watch {
    dir: PathBuf,
    read: Option<Texts>,
    good: Texts,
}

impl Watch {
    pub fn new(dir: PathBuf) -> Watch {
        Watch { dir, read: None, good: Texts::new() }
    }

    /// The objects, if the directory has changed since the last call (or this is the first). A file
    /// in which an error was found is used as it was when it had none.
    pub fn changed(&mut self) -> Option<Objects> {
        let (texts, read_defects) = read(&self.dir);
        if self.read.as_ref() == Some(&texts) {
            return None;
        }
        let objects = build(&texts, read_defects);
        let broken: BTreeSet<String> = objects
            .defects
            .iter()
            .filter(|defect| defect.is_error())
            .map(|defect| defect.file.clone())
            .collect();
        let is_broken = |path: &Path| broken.contains(&path.display().to_string());

        let mut in_use = texts.clone();
        let mut defects = Vec::new();
        for (path, good) in self.good.iter().filter(|(path, _)| is_broken(path)) {
            in_use.insert(path.clone(), good.clone());
            let message = "the last good version of this file stays in use";
            defects.push(Defect::warning(&path.display().to_string(), None, message));
        }
        self.good.retain(|path, _| texts.contains_key(path) || is_broken(path));
        self.good.extend(
            texts.iter().filter(|(path, _)| !is_broken(path)).map(|(p, text)| (p.clone(), text.clone())),
        );
        self.read = Some(texts);
        if defects.is_empty() {
            return Some(objects);
        }
        let mut mended = build(&in_use, Vec::new());
        mended.defects = objects.defects;
        mended.defects.append(&mut defects);
        mended.defects.sort();
        Some(mended)
    }
}
