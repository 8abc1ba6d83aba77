//! Ids of the things that alerting keeps.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use telemetry::{Labels, Timestamp};

/// A text that is no incident id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an incident id such as INC-7")]
pub struct BadIncidentId(String);

/// An incident's number; people read and write it as `INC-7`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IncidentId(i64);

impl IncidentId {
    pub const fn from_number(number: i64) -> IncidentId {
        IncidentId(number)
    }

    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "INC-{}", self.0)
    }
}

impl fmt::Debug for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for IncidentId {
    type Err = BadIncidentId;

    fn from_str(text: &str) -> Result<IncidentId, BadIncidentId> {
        let number: Option<i64> = text.strip_prefix("INC-").and_then(|digits| digits.parse().ok());
        match number {
            Some(number) if number > 0 => Ok(IncidentId(number)),
            _ => Err(BadIncidentId(text.to_owned())),
        }
    }
}

impl Serialize for IncidentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IncidentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<IncidentId, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// An id that was stored or sent before.
            pub fn from_stored(id: impl Into<String>) -> $name {
                $name(id.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// One occurrence of an alert: the same labels firing again later are another one.
    AlertId
);
text_id!(
    /// One message to one recipient over one channel, however often it has to be tried.
    PageId
);

impl AlertId {
    /// Computed from what makes the occurrence, so that deciding twice gives one alert.
    pub fn of(source: &str, labels: &Labels, active_at: Timestamp) -> AlertId {
        let parts = [source, &labels.to_string(), &active_at.micros().to_string()];
        AlertId(format!("a{}", short_hash(&parts)))
    }
}

impl PageId {
    /// Computed from incident, run and place in the escalation, recipient and contact: one decision
    /// makes one page, and its Message-ID is the same in every attempt.
    pub fn of(incident: IncidentId, place: PagePlace, recipient: &str, contact: usize) -> PageId {
        let place = format!("{}/{}/{}", place.run, place.round, place.step);
        let parts = [&incident.to_string(), &place, recipient, &contact.to_string()];
        PageId(format!("p{}", short_hash(&parts)))
    }
}

/// Where in an incident's escalations a page belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PagePlace {
    /// Counts from 1; each start of the escalation is another run.
    pub run: i64,
    /// Counts from 0; each pass over the steps is another round.
    pub round: i64,
    /// Index of the step, from 0.
    pub step: i64,
}

fn short_hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        // 0xFF cannot occur in UTF-8, so no two lists feed the same bytes.
        hasher.update([0xff]);
    }
    hex::encode(&hasher.finalize()[..10])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incident_ids_are_read_as_they_are_written() {
        assert_eq!("INC-7".parse(), Ok(IncidentId(7)));
        assert_eq!(IncidentId(7).to_string(), "INC-7");
        for bad in ["7", "INC-", "INC-0", "INC--1", "inc-1", "INC-1x"] {
            assert_eq!(bad.parse::<IncidentId>(), Err(BadIncidentId(bad.into())));
        }
    }
}
