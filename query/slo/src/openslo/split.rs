//! A file into its objects, each padded so that line and column stay those of the file.
//!
//! Anchors work within one object, not across the items of a list.

use serde_saphyr::granit_parser::{Event, Parser};

use super::Mistake;

/// One object of a file.
pub(super) struct Piece {
    /// Line the object begins on, from 1.
    pub line: u64,
    /// Newlines and spaces up to the object, then its text.
    pub padded: String,
    range: std::ops::Range<usize>,
}

impl Piece {
    /// The object's own text, its indentation kept for the first line too.
    pub fn shown(&self, file_text: &str) -> String {
        let line_start = file_text[..self.range.start].rfind('\n').map_or(0, |newline| newline + 1);
        // The dash of a list item is no part of the object.
        let lead: String =
            file_text[line_start..self.range.start].chars().map(|c| if c == '-' { ' ' } else { c }).collect();
        format!("{lead}{}\n", file_text[self.range.clone()].trim_end())
    }
}

/// The objects up to the first syntax error, and that error.
pub(super) fn pieces(text: &str) -> (Vec<Piece>, Option<Mistake>) {
    let mut pieces = Vec::new();
    // Depth at which an object begins: 0 in a document, 1 in a list of objects.
    let (mut depth, mut object_depth) = (0_usize, 0_usize);
    let mut open: Option<(usize, u64, usize)> = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let line = error.marker().line() as u64;
                return (
                    pieces,
                    Some(Mistake {
                        line: Some(line),
                        message: format!("this is not YAML: {}", error.kind()),
                    }),
                );
            }
        };
        let (start, end) = (span.start.byte_offset(), span.end.byte_offset());
        let (Some(start), Some(end)) = (start, end) else { continue };
        let line = span.start.line() as u64;
        match event {
            Event::DocumentStart(..) => object_depth = 0,
            Event::SequenceStart(..) if depth == 0 => {
                object_depth = 1;
                depth += 1;
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if depth == object_depth {
                    open = Some((start, line, span.start.col()));
                }
                depth += 1;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                depth = depth.saturating_sub(1);
                if depth == object_depth
                    && let Some((start, line, column)) = open.take()
                {
                    pieces.push(piece(text, start..end.max(start), line, column));
                }
            }
            // A text or a number where an object should be; an empty document is none.
            Event::Scalar(ref value, ..) if depth == object_depth && !is_empty_scalar(value) => {
                pieces.push(piece(text, start..end, line, span.start.col()));
            }
            _ => {}
        }
    }
    (pieces, None)
}

fn is_empty_scalar(value: &str) -> bool {
    matches!(value, "" | "~" | "null")
}

fn piece(text: &str, range: std::ops::Range<usize>, line: u64, column: usize) -> Piece {
    let newlines = "\n".repeat(line.saturating_sub(1) as usize);
    let padded = format!("{newlines}{}{}", " ".repeat(column), &text[range.clone()]);
    Piece { line, padded, range }
}
