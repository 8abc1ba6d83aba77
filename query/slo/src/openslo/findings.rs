//! Where defects of one file are put down.

use telemetry::Defect;

use super::Mode;

pub(crate) struct Findings<'a> {
    pub file: &'a str,
    pub mode: Mode,
    pub defects: &'a mut Vec<Defect>,
}

impl Findings<'_> {
    pub fn error(&mut self, line: u64, message: impl Into<String>) {
        self.defects.push(Defect::error(self.file, Some(line), message));
    }

    pub fn warning(&mut self, line: u64, message: impl Into<String>) {
        self.defects.push(Defect::warning(self.file, Some(line), message));
    }

    /// What the official validator rejects: an error in strict mode, a warning in lenient mode.
    pub fn unofficial(&mut self, line: u64, message: impl Into<String>) {
        match self.mode {
            Mode::Strict => self.error(line, message),
            Mode::Lenient => self.warning(line, message),
        }
    }
}
