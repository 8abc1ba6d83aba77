//! The body of a runbook: headings, prose and the fenced blocks that are steps.

use std::ops::Range;
use std::time::Duration;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use telemetry::Defect;

use super::{HttpRequest, Step, StepKind, head};
use crate::markdown;

/// A runbook with more steps is several runbooks.
const STEPS_MAX: usize = 100;

/// The intro and the steps, in the order of the file.
pub(super) fn parse(
    file: &str,
    body: &str,
    body_line: u64,
    default_timeout: Duration,
    defects: &mut Vec<Defect>,
) -> (String, Vec<Step>) {
    let mut steps: Vec<Step> = Vec::new();
    let mut intro_end = None;
    let mut heading: Option<Heading> = None;
    // Where the prose of the next step starts.
    let mut prose_start = 0;

    for block in blocks(body) {
        match block {
            Block::Heading(found) => {
                prose_start = found.range.end;
                heading = Some(found);
            }
            Block::Fence { info, text, range } => {
                let line = body_line + body[..range.start].matches('\n').count() as u64;
                let Some((language, attributes)) = step_attributes(&info) else { continue };
                let title_start = heading.as_ref().map_or(range.start, |heading| heading.range.start);
                intro_end.get_or_insert(title_start);
                let mut refuse = |message: String| defects.push(Defect::error(file, Some(line), message));
                let step = Attributes::parse(attributes, default_timeout).and_then(|attributes| {
                    let kind = kind_of(language, &text)?;
                    Ok(Step {
                        title: heading.take().map_or_else(|| attributes.name.clone(), |heading| heading.text),
                        text: body[prose_start..range.start].trim().to_owned(),
                        name: attributes.name,
                        kind,
                        timeout: attributes.timeout,
                        confirm: attributes.confirm,
                        line,
                    })
                });
                prose_start = range.end;
                match step {
                    Ok(step) if steps.iter().any(|other| other.name == step.name) => {
                        refuse(format!("step {:?} is there twice", step.name));
                    }
                    Ok(_) if steps.len() == STEPS_MAX => refuse(format!("more than {STEPS_MAX} steps")),
                    Ok(step) => steps.push(step),
                    Err(message) => refuse(message),
                }
            }
        }
    }
    let intro = body[..intro_end.unwrap_or(body.len())].trim().to_owned();
    (intro, steps)
}

struct Heading {
    text: String,
    range: Range<usize>,
}

enum Block {
    Heading(Heading),
    Fence { info: String, text: String, range: Range<usize> },
}

/// The headings and fenced blocks of a document, in order.
fn blocks(body: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut heading: Option<String> = None;
    let mut fence: Option<(String, String)> = None;
    for (event, range) in Parser::new_ext(body, markdown::options()).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let text = heading.take().unwrap_or_default();
                blocks.push(Block::Heading(Heading { text, range }));
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                fence = Some((info.into_string(), String::new()));
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((info, text)) = fence.take() {
                    blocks.push(Block::Fence { info, text, range });
                }
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, code)) = &mut fence {
                    code.push_str(&text);
                } else if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            _ => {}
        }
    }
    blocks
}

/// Splits `sh {step=x timeout=5s}`; `None` for a block that is no step.
fn step_attributes(info: &str) -> Option<(&str, &str)> {
    let (language, rest) = info.split_once('{')?;
    let attributes = rest.strip_suffix('}')?.trim();
    attributes
        .split_whitespace()
        .any(|word| word.starts_with("step="))
        .then_some((language.trim(), attributes))
}

struct Attributes {
    name: String,
    timeout: Duration,
    confirm: bool,
}

impl Attributes {
    fn parse(text: &str, default_timeout: Duration) -> Result<Attributes, String> {
        let mut attributes = Attributes { name: String::new(), timeout: default_timeout, confirm: false };
        for word in text.split_whitespace() {
            match word.split_once('=') {
                Some(("step", name)) => attributes.name = name.to_owned(),
                Some(("timeout", text)) => attributes.timeout = head::timeout(text)?,
                None if word == "confirm" => attributes.confirm = true,
                _ => return Err(format!("{word:?} is not one of step=NAME, timeout=DURATION, confirm")),
            }
        }
        let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if attributes.name.is_empty() || !is_name(&attributes.name) {
            return Err(format!("step name {:?} may hold letters, digits, - and _ only", attributes.name));
        }
        Ok(attributes)
    }
}

fn kind_of(language: &str, text: &str) -> Result<StepKind, String> {
    match language {
        "sh" | "shell" | "bash" => Ok(StepKind::Command { script: text.trim_end().to_owned() }),
        "http" => HttpRequest::parse(text).map(StepKind::Http),
        "manual" | "text" | "" => Ok(StepKind::Manual { instructions: text.trim_end().to_owned() }),
        other => Err(format!("a step in {other:?} is not known: use sh, http or manual")),
    }
}
