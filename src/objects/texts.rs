//! The text of one object, for pages that show a definition beside its numbers.

use std::path::{Component, Path, PathBuf};

use super::{FILE_BYTES_MAX, documents};

/// Finds documents in the files of the configuration directory as they are now.
#[derive(Debug)]
pub struct ObjectFiles {
    /// Files outside of it are never read.
    pub dir: Option<PathBuf>,
}

impl web::ObjectTexts for ObjectFiles {
    fn document(&self, file: &str, line: u64) -> Option<String> {
        let is_below = Path::new(file).components().all(|part| matches!(part, Component::Normal(_)));
        let path = super::path_in(self.dir.as_ref()?, file);
        if !is_below || path.metadata().ok()?.len() > FILE_BYTES_MAX {
            return None;
        }
        let text = std::fs::read_to_string(path).ok()?;
        let line = usize::try_from(line).ok()?;
        // Documents keep their place by the empty lines in front of them.
        let document = documents(&text).into_iter().rev().find(|document| {
            let first = document.lines().take_while(|line| line.is_empty()).count() + 1;
            first <= line
        })?;
        Some(document.trim_start_matches('\n').to_owned())
    }
}
