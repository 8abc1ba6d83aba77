//! What is wrong in a file that somebody wrote: configuration, objectives, rules, runbooks.

use std::fmt;

use serde::Serialize;

/// Whether a file can be used all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DefectSeverity {
    /// The object is not used; the last good version stays.
    Error,
    /// The object is used; somebody should look.
    Warning,
}

/// One finding, with the place to look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Defect {
    /// The path as the user gave it.
    pub file: String,
    /// Counted from 1; `None` when the finding is about the whole file.
    pub line: Option<u64>,
    pub severity: DefectSeverity,
    /// What is wrong and, where it helps, what would be right.
    pub message: String,
}

impl Defect {
    pub fn error(file: &str, line: Option<u64>, message: impl Into<String>) -> Defect {
        Defect { file: file.to_owned(), line, severity: DefectSeverity::Error, message: message.into() }
    }

    pub fn warning(file: &str, line: Option<u64>, message: impl Into<String>) -> Defect {
        Defect { file: file.to_owned(), line, severity: DefectSeverity::Warning, message: message.into() }
    }

    pub fn is_error(&self) -> bool {
        self.severity == DefectSeverity::Error
    }
}

/// `slo.yaml:12: message`, as compilers write it.
impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        let kind = match self.severity {
            DefectSeverity::Error => "",
            DefectSeverity::Warning => "warning: ",
        };
        write!(f, ": {kind}{}", self.message)
    }
}
