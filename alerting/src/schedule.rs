//! Who is on call: rotations over a schedule's layers.
//!
//! One function, [`Schedule::on_call_at`], answers for the pager, the UI, the API and the CLI. A
//! shift is a place on the wall clock of the schedule's zone, never a number of seconds: it may
//! last 23 or 25 hours. See [`rotation`] for what happens where the clock jumps.

pub mod restriction;
pub mod rotation;

use jiff::tz::TimeZone;
use telemetry::Timestamp;

use crate::people::Reference;
pub use restriction::Restriction;
pub use rotation::{Rotation, Turn};

/// Handoffs looked at in one search. An hourly rotation makes 8 784 in a leap year.
const BOUNDARIES_MAX: usize = 10_000;
/// How far ahead the end of a shift is looked for.
const HORIZON: std::time::Duration = std::time::Duration::from_secs(400 * 86_400);

#[derive(Clone, Debug)]
pub struct Schedule {
    pub name: String,
    pub display_name: String,
    pub timezone: TimeZone,
    /// A later layer wins over an earlier one while it has somebody on call.
    pub layers: Vec<Layer>,
}

/// People taking turns.
#[derive(Clone, Debug)]
pub struct Layer {
    pub name: Option<String>,
    pub rotation: Rotation,
    pub users: Vec<Reference>,
    /// When the layer is on duty at all; empty means always.
    pub restrictions: Vec<Restriction>,
}

/// A stretch of time with one person on call, or with nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    pub from: Timestamp,
    pub to: Timestamp,
    pub user: Option<String>,
}

/// Who is on call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnCall {
    pub user: String,
    /// When somebody else (or nobody) takes over; `None` when that is more than a year away.
    pub until: Option<Timestamp>,
}

impl Schedule {
    /// The user on call at a time.
    pub fn user_at(&self, at: Timestamp) -> Option<&str> {
        self.layers.iter().rev().find_map(|layer| layer.user_at(at, &self.timezone))
    }

    /// The user on call at a time, and until when.
    pub fn on_call_at(&self, at: Timestamp) -> Option<OnCall> {
        let user = self.user_at(at)?;
        Some(OnCall { user: user.to_owned(), until: self.change_after(at).map(|(when, _)| when) })
    }

    /// When the person on call changes next, and to whom.
    pub fn change_after(&self, at: Timestamp) -> Option<(Timestamp, Option<String>)> {
        let now = self.user_at(at);
        let end = at.plus(HORIZON);
        let mut boundary = at;
        for _ in 0..BOUNDARIES_MAX {
            boundary = self.boundary_after(boundary).filter(|next| *next <= end)?;
            let then = self.user_at(boundary);
            if then != now {
                return Some((boundary, then.map(str::to_owned)));
            }
        }
        None
    }

    /// The final schedule over a range: without gaps between the entries, one entry per person.
    pub fn shifts(&self, from: Timestamp, to: Timestamp) -> Vec<Shift> {
        let mut shifts: Vec<Shift> = Vec::new();
        let mut at = from;
        for _ in 0..BOUNDARIES_MAX {
            if at >= to {
                break;
            }
            let user = self.user_at(at).map(str::to_owned);
            let next = self.boundary_after(at).map_or(to, |boundary| boundary.min(to));
            match shifts.last_mut() {
                Some(last) if last.user == user => last.to = next,
                _ => shifts.push(Shift { from: at, to: next, user }),
            }
            at = next;
        }
        shifts
    }

    /// The stretches of a range in which nobody is on call.
    pub fn gaps(&self, from: Timestamp, to: Timestamp) -> Vec<Shift> {
        self.shifts(from, to).into_iter().filter(|shift| shift.user.is_none()).collect()
    }

    /// The next time at which something may change.
    fn boundary_after(&self, at: Timestamp) -> Option<Timestamp> {
        self.layers.iter().filter_map(|layer| layer.boundary_after(at, &self.timezone)).min()
    }
}

impl Layer {
    fn user_at(&self, at: Timestamp, zone: &TimeZone) -> Option<&str> {
        let turn = self.rotation.turn_at(at, zone)?;
        let on_duty = self.restrictions.is_empty()
            || self.restrictions.iter().any(|restriction| restriction.covers(at, zone));
        if !on_duty || self.users.is_empty() {
            return None;
        }
        let place = turn.number.rem_euclid(self.users.len() as i64) as usize;
        Some(&self.users[place].name)
    }

    fn boundary_after(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let handoff = self.rotation.handoff_after(at, zone);
        let edges = self.restrictions.iter().filter_map(|restriction| restriction.edge_after(at, zone));
        edges.chain(handoff).min()
    }
}

#[cfg(test)]
mod tests;
