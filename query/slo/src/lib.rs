//! Pure SLO maths: OpenSLO documents to objectives, windows, budgets and burn rates.
//!
//! Text and slices go in, numbers come out: no I/O, no async, no clock (`now` is a parameter), no
//! query engine. `query` computes the slices that an [`Indicator`] asks for and keeps one
//! [`SliceSeries`] per objective; [`report::status`] turns that into the numbers that the CLI, the
//! API and SQL show. Decisions are exact (integers and cross-multiplied fractions); `f64` appears
//! only in what is displayed.

pub mod budget;
pub mod burn;
pub mod catalog;
pub mod causes;
pub mod composite;
pub mod decimal;
pub mod describe;
pub mod dora;
mod error;
pub mod exclusions;
pub mod forecast;
pub mod gate;
pub mod grouping;
pub mod impact;
mod import;
pub mod indicator;
pub mod maintenance;
pub mod notices;
pub mod objective;
pub mod openslo;
pub mod projection;
mod pyrra;
pub mod recovery;
pub mod report;
pub mod series;
mod sloth;
pub mod spending;
pub mod statistics;
pub mod timeslices;
pub mod window;

pub use composite::{Composite, CompositeKind};
pub use decimal::{Decimal, Fraction, Ratio};
pub use error::SloError;
pub use grouping::Grouping;
pub use indicator::{Indicator, Query, QueryForm, QueryLanguage};
pub use maintenance::Maintenance;
pub use objective::{BudgetingMethod, Objective, Slo};
pub use report::{SloState, SloStatus};
pub use series::SliceSeries;
pub use window::Window;
