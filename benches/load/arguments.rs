//! What a benchmark was told on its command line: `--name value`.

use std::str::FromStr;

/// The word after `name`.
pub fn argument(name: &str) -> Option<String> {
    let mut args = std::env::args();
    args.find(|arg| arg == name).and_then(|_| args.next())
}

/// The number after `name`.
pub fn number<N: FromStr>(name: &str, default: N) -> N {
    let parse = |text: String| text.parse().unwrap_or_else(|_| panic!("{name} {text}: not a number"));
    argument(name).map_or(default, parse)
}
