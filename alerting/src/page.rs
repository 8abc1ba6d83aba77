//! A page: one message to one recipient over one contact, until its fate is known.

use serde::{Deserialize, Serialize};
use telemetry::Timestamp;

use crate::ids::{IncidentId, PageId, PagePlace};
use crate::people::ChannelKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PageState {
    /// Waits for its time, or for another attempt.
    Queued,
    /// An attempt is under way, or was when the process died.
    Sending,
    /// The other side took it.
    Sent,
    /// It arrived, as the other side says.
    Delivered,
    /// Given up.
    Failed,
    /// Not needed any more before it was sent.
    Cancelled,
    /// Sent, and what it asked for has happened.
    Acknowledged,
}

impl PageState {
    pub const ALL: [PageState; 7] = [
        PageState::Queued,
        PageState::Sending,
        PageState::Sent,
        PageState::Delivered,
        PageState::Failed,
        PageState::Cancelled,
        PageState::Acknowledged,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            PageState::Queued => "queued",
            PageState::Sending => "sending",
            PageState::Sent => "sent",
            PageState::Delivered => "delivered",
            PageState::Failed => "failed",
            PageState::Cancelled => "cancelled",
            PageState::Acknowledged => "acknowledged",
        }
    }

    pub fn parse(text: &str) -> Option<PageState> {
        PageState::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// It may still go out.
    pub fn is_waiting(self) -> bool {
        matches!(self, PageState::Queued | PageState::Sending)
    }

    /// It went out.
    pub fn is_out(self) -> bool {
        matches!(self, PageState::Sent | PageState::Delivered | PageState::Acknowledged)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub id: PageId,
    pub incident: IncidentId,
    /// Name of the alert that opened or joined the incident; the title of one declared by hand.
    pub alert: String,
    /// A user's or receiver's name.
    pub recipient: String,
    pub channel: ChannelKind,
    pub address: String,
    pub place: PagePlace,
    pub state: PageState,
    pub queued_at: Timestamp,
    /// Not sent before this.
    pub due_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub acknowledged_at: Option<Timestamp>,
    /// Attempts begun.
    pub attempts: i64,
    /// An attempt ended without a definite answer: the recipient may get it twice.
    pub may_repeat: bool,
    /// Why the last attempt failed.
    pub error: Option<String>,
}
