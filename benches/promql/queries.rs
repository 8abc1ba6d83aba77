//! What is asked: TSBS' devops set, and what dashboards send.

mod dashboards;
mod tsbs;

pub use dashboards::PANELS;

use crate::draw::Draw;
use crate::request::Request;

pub struct Query {
    pub name: &'static str,
    pub agreement: Agreement,
    pub make: fn(&mut Draw<'_>) -> Request,
}

/// How close answers have to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// But for the order in which numbers were added.
    Exact,
    /// VictoriaMetrics takes the sample before a window as its first and does not extrapolate.
    Rates,
}

pub fn all() -> impl Iterator<Item = &'static Query> {
    tsbs::QUERIES.iter().chain(&PANELS).chain(&dashboards::OTHERS)
}
