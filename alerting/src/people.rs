//! Who can be reached, and how: users with their contacts, teams, receivers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A name used in one object that another object has to define, with the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub name: String,
    pub line: u64,
}

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    Email,
    Webhook,
}

impl ChannelKind {
    pub fn as_str(self) -> &'static str {
        match self {
            ChannelKind::Email => "email",
            ChannelKind::Webhook => "webhook",
        }
    }

    pub fn parse(text: &str) -> Option<ChannelKind> {
        [ChannelKind::Email, ChannelKind::Webhook].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One way to reach somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    pub channel: ChannelKind,
    /// A mail address or a URL.
    pub address: String,
    /// How long after the step this contact is tried, if nobody has acknowledged by then.
    pub delay: Duration,
}

#[derive(Clone, Debug)]
pub struct User {
    pub name: String,
    pub display_name: String,
    pub email: Option<String>,
    pub timezone: Option<jiff::tz::TimeZone>,
    /// Never empty for a user with a mail address: without contacts that is the one.
    pub contacts: Vec<Contact>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    pub name: String,
    pub display_name: String,
    pub members: Vec<Reference>,
}

/// A mailbox or an endpoint that is not a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    pub name: String,
    pub contacts: Vec<Contact>,
    /// Where the key that signs webhook bodies is read from at each sending.
    pub secret_file: Option<String>,
}

/// A part of the system that somebody is responsible for.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    pub name: String,
    pub display_name: String,
    pub description: Option<String>,
    pub team: Option<Reference>,
    pub escalation_policy: Option<Reference>,
    pub labels: telemetry::Labels,
    pub depends_on: Vec<Reference>,
}
