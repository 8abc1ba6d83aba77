//! `User`, `Team`, `Receiver`, `Service`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;
use telemetry::Labels;

use super::{DurationText, Manifest, Reader, Spec, reference};
use crate::people::{ChannelKind, Contact, Receiver, Service, Team, User};

/// Contacts of one user or receiver; more are a mistake, and each costs a page per step.
const CONTACTS_MAX: usize = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserSpec {
    email: Option<Spanned<String>>,
    timezone: Option<Spanned<String>>,
    #[serde(default)]
    contacts: Vec<Spanned<ContactSpec>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContactSpec {
    channel: Spanned<String>,
    address: Option<Spanned<String>>,
    delay: Option<DurationText>,
}

pub(super) fn user(reader: &mut Reader<'_>, manifest: Manifest<UserSpec>) -> Option<Spec> {
    let (metadata, spec) = (manifest.metadata, manifest.spec);
    let line = metadata.name.referenced.line();
    let timezone = match &spec.timezone {
        Some(name) => Some(super::schedule::zone(reader, name)?),
        None => None,
    };
    if let Some(email) = &spec.email {
        check_address(reader, ChannelKind::Email, email)?;
    }
    let mut contacts = Vec::new();
    for contact in &spec.contacts {
        contacts.push(read_contact(reader, &contact.value, contact.referenced.line(), spec.email.as_ref())?);
    }
    if contacts.len() > CONTACTS_MAX {
        reader.error(line, format!("{} contacts are more than the {CONTACTS_MAX} allowed", contacts.len()));
        return None;
    }
    if contacts.is_empty() {
        match &spec.email {
            Some(email) => contacts.push(Contact {
                channel: ChannelKind::Email,
                address: email.value.clone(),
                delay: std::time::Duration::ZERO,
            }),
            None => reader.warning(line, "the user has neither email nor contacts and cannot be paged"),
        }
    }
    Some(Spec::User(User {
        display_name: metadata.display_name(),
        name: metadata.name.value,
        email: spec.email.map(|email| email.value),
        timezone,
        contacts,
    }))
}

fn read_contact(
    reader: &mut Reader<'_>,
    spec: &ContactSpec,
    line: u64,
    email: Option<&Spanned<String>>,
) -> Option<Contact> {
    let Some(channel) = ChannelKind::parse(&spec.channel.value) else {
        let message = format!("channel {:?} is not known, email and webhook are", spec.channel.value);
        reader.error(spec.channel.referenced.line(), message);
        return None;
    };
    let own_address = spec.address.as_ref();
    let Some(address) = own_address.or(email.filter(|_| channel == ChannelKind::Email)) else {
        reader.error(line, "the contact has no address");
        return None;
    };
    check_address(reader, channel, address)?;
    let delay = DurationText::read_or_zero(&spec.delay, reader)?;
    Some(Contact { channel, address: address.value.clone(), delay })
}

fn check_address(reader: &mut Reader<'_>, channel: ChannelKind, address: &Spanned<String>) -> Option<()> {
    let is_right = match channel {
        ChannelKind::Email => address.value.parse::<lettre::Address>().is_ok(),
        ChannelKind::Webhook => {
            url::Url::parse(&address.value).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
        }
    };
    if is_right {
        return Some(());
    }
    let wanted = match channel {
        ChannelKind::Email => "mail address",
        ChannelKind::Webhook => "http or https URL",
    };
    reader.error(address.referenced.line(), format!("{:?} is not a {wanted}", address.value));
    None
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TeamSpec {
    #[serde(default)]
    members: Vec<Spanned<String>>,
}

pub(super) fn team(_: &mut Reader<'_>, manifest: Manifest<TeamSpec>) -> Option<Spec> {
    Some(Spec::Team(Team {
        display_name: manifest.metadata.display_name(),
        name: manifest.metadata.name.value,
        members: manifest.spec.members.iter().map(reference).collect(),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiverSpec {
    email: Option<EmailSpec>,
    webhook: Option<WebhookSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EmailSpec {
    to: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WebhookSpec {
    url: Spanned<String>,
    secret_file: Option<String>,
}

pub(super) fn receiver(reader: &mut Reader<'_>, manifest: Manifest<ReceiverSpec>) -> Option<Spec> {
    let line = manifest.metadata.name.referenced.line();
    let mut contacts = Vec::new();
    let mut add = |reader: &mut Reader<'_>, channel, address: &Spanned<String>| {
        check_address(reader, channel, address)?;
        let delay = std::time::Duration::ZERO;
        contacts.push(Contact { channel, address: address.value.clone(), delay });
        Some(())
    };
    for address in manifest.spec.email.iter().flat_map(|email| &email.to) {
        add(reader, ChannelKind::Email, address)?;
    }
    if let Some(webhook) = &manifest.spec.webhook {
        add(reader, ChannelKind::Webhook, &webhook.url)?;
    }
    if contacts.is_empty() || contacts.len() > CONTACTS_MAX {
        reader.error(
            line,
            format!("a receiver has between 1 and {CONTACTS_MAX} addresses (email.to, webhook.url)"),
        );
        return None;
    }
    Some(Spec::Receiver(Receiver {
        name: manifest.metadata.name.value,
        contacts,
        secret_file: manifest.spec.webhook.and_then(|webhook| webhook.secret_file),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct ServiceSpec {
    description: Option<String>,
    team: Option<Spanned<String>>,
    escalation_policy: Option<Spanned<String>>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    depends_on: Vec<Spanned<String>>,
}

pub(super) fn service(reader: &mut Reader<'_>, manifest: Manifest<ServiceSpec>) -> Option<Spec> {
    let (metadata, spec) = (manifest.metadata, manifest.spec);
    let labels = match Labels::new(spec.labels) {
        Ok(labels) => labels,
        Err(error) => {
            reader.error(metadata.name.referenced.line(), error.to_string());
            return None;
        }
    };
    Some(Spec::Service(Service {
        display_name: metadata.display_name(),
        name: metadata.name.value,
        description: spec.description,
        team: spec.team.as_ref().map(reference),
        escalation_policy: spec.escalation_policy.as_ref().map(reference),
        labels,
        depends_on: spec.depends_on.iter().map(reference).collect(),
    }))
}
