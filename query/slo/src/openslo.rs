//! OpenSLO v1: text to typed documents, every mistake with its file and line.
//!
//! Objects of Sloth and Pyrra are read as the OpenSLO documents they amount to, with their own lines.
//!
//! A file may hold several documents (`---`), a YAML list or JSON. A document with a mistake is left
//! out and reported; the others stand. Shapes, names and versions are checked here; values and
//! references in [`crate::catalog`], which sees all files together. This module converts nothing and
//! looks nothing up.

pub(crate) mod check;
pub(crate) mod findings;
pub mod kinds;
pub mod shorthand;
mod split;
mod versions;
pub(crate) mod wording;
pub mod write;

use serde::de::DeserializeOwned;
use telemetry::Defect;

use findings::Findings;
use kinds::{
    AlertConditionSpec, AlertPolicySpec, At, DataSourceSpec, NotificationTargetSpec, Object, ServiceSpec,
    SliSpec, SloSpec,
};

use crate::{pyrra, sloth};

/// Larger files are refused: the largest known collections of objectives are a tenth of this.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;
/// More documents in one file are refused; reading one costs the whole file before it.
pub const DOCUMENTS_MAX: usize = 500;
/// OpenSLO's limit for `description`, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 1_050;

/// How documents are read that the official validator rejects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Rejected as there.
    Strict,
    /// Accepted with a warning where the meaning is clear: `op` beside a ratio SLI, a missing
    /// `timeWindow`, bare names in `alertPolicies`, an over-long description. Both modes accept what
    /// the validator accepts unless nothing could be evaluated.
    #[default]
    Lenient,
}

/// One object of a file.
#[derive(Clone, Debug)]
pub struct Document {
    pub file: String,
    /// Where the object begins.
    pub line: u64,
    pub mode: Mode,
    pub kind: Kind,
    /// The text of this object alone, for showing it.
    pub text: String,
}

/// The object by its `kind`.
#[derive(Clone, Debug)]
pub enum Kind {
    Service(Object<ServiceSpec>),
    DataSource(Object<DataSourceSpec>),
    Sli(Box<Object<SliSpec>>),
    Slo(Box<Object<SloSpec>>),
    AlertPolicy(Object<AlertPolicySpec>),
    AlertCondition(Object<AlertConditionSpec>),
    AlertNotificationTarget(Object<NotificationTargetSpec>),
}

impl Kind {
    pub fn kind_name(&self) -> &'static str {
        match self {
            Kind::Service(_) => "Service",
            Kind::DataSource(_) => "DataSource",
            Kind::Sli(_) => "SLI",
            Kind::Slo(_) => "SLO",
            Kind::AlertPolicy(_) => "AlertPolicy",
            Kind::AlertCondition(_) => "AlertCondition",
            Kind::AlertNotificationTarget(_) => "AlertNotificationTarget",
        }
    }

    pub fn metadata(&self) -> &kinds::Metadata {
        match self {
            Kind::Service(object) => &object.metadata,
            Kind::DataSource(object) => &object.metadata,
            Kind::Sli(object) => &object.metadata,
            Kind::Slo(object) => &object.metadata,
            Kind::AlertPolicy(object) => &object.metadata,
            Kind::AlertCondition(object) => &object.metadata,
            Kind::AlertNotificationTarget(object) => &object.metadata,
        }
    }
}

/// Reads every OpenSLO document of `text`. Documents of the `evenkeel/` group are passed over: they
/// may share a file, and `alerting` reads them.
pub fn parse_documents(file: &str, text: &str, mode: Mode) -> (Vec<Document>, Vec<Defect>) {
    if text.len() > FILE_BYTES_MAX {
        let message = format!("the file has {} bytes, more than {FILE_BYTES_MAX}", text.len());
        return (Vec::new(), vec![Defect::error(file, None, message)]);
    }
    let (pieces, broken) = split::pieces(text);
    let (mut documents, mut defects) = (Vec::new(), Vec::new());
    if pieces.len() > DOCUMENTS_MAX {
        let message = format!("the file has {} documents, more than {DOCUMENTS_MAX}", pieces.len());
        return (Vec::new(), vec![Defect::error(file, None, message)]);
    }
    for piece in &pieces {
        let mut findings = Findings::new(file, mode, &mut defects);
        match read_piece(piece, &mut findings) {
            Ok(Read { kinds, is_imported }) => {
                for (kind, line) in kinds {
                    let before = defects.len();
                    let document =
                        Document { file: file.to_owned(), line, mode, kind, text: piece.shown(text) };
                    check::document(&document, is_imported, &mut defects);
                    if !defects[before..].iter().any(Defect::is_error) {
                        documents.push(document);
                    }
                }
            }
            Err(mistake) => defects.push(Defect::error(file, mistake.line, mistake.message)),
        }
    }
    if let Some(mistake) = broken {
        defects.push(Defect::error(file, mistake.line, mistake.message));
    }
    for defect in &mut defects {
        wording::name_placeholder(defect, text);
    }
    // What several imported SLOs share is wrong in each of them.
    defects.sort();
    defects.dedup();
    (documents, defects)
}

/// A mistake before the file's name is known.
struct Mistake {
    line: Option<u64>,
    message: String,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    api_version: Option<At<String>>,
    kind: Option<At<String>>,
    /// Sloth's, instead of `apiVersion` and `kind`.
    version: Option<At<String>>,
}

const KINDS: [&str; 7] =
    ["Service", "DataSource", "SLI", "SLO", "AlertPolicy", "AlertCondition", "AlertNotificationTarget"];

/// The documents that one object of a file is.
struct Read {
    /// With their lines.
    kinds: Vec<(Kind, u64)>,
    /// From an object of another tool.
    is_imported: bool,
}

impl Read {
    fn imported(kinds: Vec<(Kind, u64)>) -> Read {
        Read { kinds, is_imported: true }
    }
}

/// No documents for an object of another group.
fn read_piece(piece: &split::Piece, findings: &mut Findings<'_>) -> Result<Read, Mistake> {
    let header: Header = read(piece)?;
    let missing = |key: &str| Mistake {
        line: Some(piece.line),
        message: format!("`{key}` is missing; an OpenSLO document has apiVersion, kind, metadata and spec"),
    };
    if let (None, Some(version)) = (&header.api_version, &header.version) {
        if version.value == sloth::VERSION {
            return Ok(Read::imported(sloth::documents(read(piece)?, findings)));
        }
        let message =
            format!("version `{}` is not supported; this reads {} of Sloth", version.value, sloth::VERSION);
        return Err(Mistake { line: Some(version.line), message });
    }
    let version = header.api_version.ok_or_else(|| missing("apiVersion"))?;
    if version.value.starts_with("evenkeel/") {
        return Ok(Read::imported(Vec::new()));
    }
    let kind = header.kind.ok_or_else(|| missing("kind"))?;
    let document = match (version.value.as_str(), kind.value.as_str()) {
        (sloth::API_VERSION, sloth::KIND | sloth::KIND_MANAGED) => {
            let resource: sloth::Resource = read(piece)?;
            return Ok(Read::imported(sloth::documents(resource.spec, findings)));
        }
        (pyrra::API_VERSION, pyrra::KIND) => {
            let document = pyrra::document(read(piece)?, findings);
            return Ok(Read::imported(document.map(|kind| (kind, piece.line)).into_iter().collect()));
        }
        ("openslo/v1", "Service") => Kind::Service(read(piece)?),
        ("openslo/v1", "DataSource") => Kind::DataSource(read(piece)?),
        ("openslo/v1", "SLI") => Kind::Sli(Box::new(read(piece)?)),
        ("openslo/v1", "SLO") => Kind::Slo(Box::new(read(piece)?)),
        ("openslo/v1", "AlertPolicy") => Kind::AlertPolicy(read(piece)?),
        ("openslo/v1", "AlertCondition") => Kind::AlertCondition(read(piece)?),
        ("openslo/v1", "AlertNotificationTarget") => Kind::AlertNotificationTarget(read(piece)?),
        ("openslo/v1", other) => {
            let message = format!(
                "kind `{other}` is unknown{}; OpenSLO has {}",
                wording::did_you_mean(other, &KINDS),
                KINDS.join(", ")
            );
            return Err(Mistake { line: Some(kind.line), message });
        }
        (sloth::API_VERSION | pyrra::API_VERSION, other) => {
            let known = if version.value == sloth::API_VERSION { sloth::KIND } else { pyrra::KIND };
            let hint = if other == sloth::KIND_WINDOWS { sloth::WINDOWS_HINT } else { "" };
            let message = format!("kind `{other}` of {} is not read here, only {known}{hint}", version.value);
            return Err(Mistake { line: Some(kind.line), message });
        }
        (other, _) => {
            let message = versions::of_unread(other, &kind.value);
            return Err(Mistake { line: Some(version.line), message });
        }
    };
    Ok(Read { kinds: vec![(document, piece.line)], is_imported: false })
}

fn read<T: DeserializeOwned>(piece: &split::Piece) -> Result<T, Mistake> {
    serde_saphyr::from_str(&piece.padded).map_err(|error| Mistake {
        line: error.location().map(|place| place.line()).or(Some(piece.line)),
        message: wording::of_yaml_error(&error),
    })
}
