//! Data-driven checks of the numbers and of the OpenSLO reader: one binary, the cases are files.

#[path = "golden/openslo.rs"]
mod openslo;
#[path = "golden/vectors.rs"]
mod vectors;
