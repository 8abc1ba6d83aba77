//! Where defects of one document are put down.

use telemetry::Defect;

use super::Mode;

pub(crate) struct Findings<'a> {
    pub file: &'a str,
    pub mode: Mode,
    pub defects: &'a mut Vec<Defect>,
    /// Where the defects of this document begin.
    start: usize,
}

impl<'a> Findings<'a> {
    pub fn new(file: &'a str, mode: Mode, defects: &'a mut Vec<Defect>) -> Findings<'a> {
        let start = defects.len();
        Findings { file, mode, defects, start }
    }

    pub fn error(&mut self, line: u64, message: impl Into<String>) {
        self.defects.push(Defect::error(self.file, Some(line), message));
    }

    pub fn warning(&mut self, line: u64, message: impl Into<String>) {
        self.defects.push(Defect::warning(self.file, Some(line), message));
    }

    /// An error whose cause is outside of the document, told where the document first runs into it.
    pub fn error_once(&mut self, line: u64, message: String) {
        if !self.defects[self.start..].iter().any(|defect| defect.message == message) {
            self.error(line, message);
        }
    }

    /// A warning whose cause is outside of the document, told where the file first runs into it.
    pub fn warning_once(&mut self, line: u64, message: String) {
        if !self.defects.iter().any(|defect| defect.file == self.file && defect.message == message) {
            self.warning(line, message);
        }
    }

    /// What the official validator rejects: an error in strict mode, a warning in lenient mode.
    pub fn unofficial(&mut self, line: u64, message: impl Into<String>) {
        match self.mode {
            Mode::Strict => self.error(line, message),
            Mode::Lenient => self.warning(line, message),
        }
    }

    /// What the official validator rejects and changes nothing here, or is told elsewhere: an error in
    /// strict mode only.
    pub fn strict_error(&mut self, line: u64, message: impl Into<String>) {
        if self.mode == Mode::Strict {
            self.error(line, message);
        }
    }
}
