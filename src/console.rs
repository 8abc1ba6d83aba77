//! Lines for whoever started the server. That nobody reads them any more ends nothing.

use std::fmt::Arguments;
use std::io::Write;

/// As `println!`, which panics when the standard output is closed.
macro_rules! tell {
    ($($text:tt)*) => { $crate::console::line(format_args!($($text)*)) };
}

pub(crate) use tell;

pub fn line(text: Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
