//! Data-driven checks of the numbers and of the OpenSLO reader: one binary, the cases are files.

#[path = "golden/causes.rs"]
mod causes;
#[path = "golden/definitions.rs"]
mod definitions;
#[path = "golden/exclusions.rs"]
mod exclusions;
#[path = "golden/openslo.rs"]
mod openslo;
#[path = "golden/vectors.rs"]
mod vectors;
