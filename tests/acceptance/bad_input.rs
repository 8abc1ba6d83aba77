//! Bad input is answered by name and place, costs nobody else anything, and ends nothing.

mod bodies;
mod configuration;
mod connections;
mod values;
