//! What became of a request, in numbers and for people.

use std::time::Duration;

use telemetry::Rejection;

use crate::{Fault, IngestError, Stored};

/// What became of a request.
pub type Outcome = Result<Receipt, IngestError>;

/// The request was acknowledged, maybe not all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// As [`Decoded::rows`].
    pub rows: u64,
    pub stored: Stored,
    /// Details of what the decoder refused, bounded.
    pub faults: Vec<Fault>,
    /// Everything that was refused, by the decoder and by the lake, one entry per reason.
    pub refused: Vec<Rejection>,
    /// As [`Decoded::notice`].
    pub notice: Option<String>,
    /// From the head of the request to the answer.
    pub took: Duration,
}

impl Receipt {
    pub fn stored_rows(&self) -> u64 {
        self.stored.samples + self.stored.histograms + self.stored.logs + self.stored.events
    }

    /// Refused rows in the dialect's unit.
    pub fn rejected_rows(&self) -> u64 {
        self.refused.iter().map(|refused| refused.count).sum::<u64>().min(self.rows)
    }

    /// What was refused and why, in one line for people; `None` when all is well.
    pub fn complaint(&self) -> Option<String> {
        let reasons: Vec<String> = self
            .refused
            .iter()
            .map(|refused| format!("{} ({}): {}", refused.reason.as_str(), refused.count, refused.sample))
            .collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// The complaint with how many of the rows it is about. `rows` is what the dialect calls them.
    pub(crate) fn complaint_about(&self, rows: &str) -> Option<String> {
        let complaint = self.complaint()?;
        Some(match (self.rejected_rows(), self.rows) {
            (refused, all) if refused < all => {
                format!("{refused} of {all} {rows} were not stored, the others were. {complaint}")
            }
            (_, all) => format!("none of {all} {rows} was stored. {complaint}"),
        })
    }
}
