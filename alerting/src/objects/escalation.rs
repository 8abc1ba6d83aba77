//! `EscalationPolicy`.

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{DurationText, Manifest, Reader, Spec};
use crate::escalation::{EscalationPolicy, Plan, Step, Target};
use crate::people::Reference;

const STEPS_MAX: usize = 50;
const REPEAT_MAX: i64 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicySpec {
    #[serde(default)]
    repeat: i64,
    steps: Vec<Spanned<StepSpec>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepSpec {
    delay: Option<DurationText>,
    targets: Vec<Spanned<TargetSpec>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetSpec {
    user: Option<String>,
    schedule: Option<String>,
    receiver: Option<String>,
}

pub(super) fn policy(reader: &mut Reader<'_>, manifest: Manifest<PolicySpec>) -> Option<Spec> {
    let (metadata, spec) = (manifest.metadata, manifest.spec);
    let line = metadata.name.referenced.line();
    if spec.steps.is_empty() || spec.steps.len() > STEPS_MAX {
        reader.error(line, format!("a policy has between 1 and {STEPS_MAX} steps"));
        return None;
    }
    if !(-1..=REPEAT_MAX).contains(&spec.repeat) {
        let message = format!("repeat {} is not between 0 and {REPEAT_MAX}, nor -1 (for ever)", spec.repeat);
        reader.error(line, message);
        return None;
    }
    let (mut steps, mut references) = (Vec::new(), Vec::new());
    for step in &spec.steps {
        let delay = DurationText::read_or_zero(&step.value.delay, reader)?;
        if step.value.targets.is_empty() {
            reader.error(step.referenced.line(), "the step has no targets");
            return None;
        }
        let mut targets = Vec::new();
        for target in &step.value.targets {
            let line = target.referenced.line();
            let Some(target) = target.value.target() else {
                reader.error(line, "a target is exactly one of user, schedule, receiver");
                return None;
            };
            references.push((target.clone(), Reference { name: target.name().to_owned(), line }));
            targets.push(target);
        }
        steps.push(Step { delay, targets });
    }
    Some(Spec::EscalationPolicy(EscalationPolicy {
        display_name: metadata.display_name(),
        name: metadata.name.value,
        plan: Plan { steps, repeat: spec.repeat },
        references,
    }))
}

impl TargetSpec {
    fn target(&self) -> Option<Target> {
        match (&self.user, &self.schedule, &self.receiver) {
            (Some(name), None, None) => Some(Target::User(name.clone())),
            (None, Some(name), None) => Some(Target::Schedule(name.clone())),
            (None, None, Some(name)) => Some(Target::Receiver(name.clone())),
            _ => None,
        }
    }
}
