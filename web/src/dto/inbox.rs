//! The demo's inbox: the mails that its own SMTP server took.

use serde::Serialize;
use utoipa::ToSchema;

use super::Time;
use crate::state::InboxMail;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MailList {
    pub mails: Vec<Mail>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Mail {
    pub id: String,
    pub to: String,
    pub from: String,
    pub subject: String,
    pub received_at: Time,
    pub text: String,
    #[schema(required)]
    pub html: Option<String>,
    /// The links in the text, in order.
    pub links: Vec<String>,
}

impl From<InboxMail> for Mail {
    fn from(mail: InboxMail) -> Mail {
        Mail {
            id: mail.id,
            to: mail.to,
            from: mail.from,
            subject: mail.subject,
            received_at: mail.received_at.into(),
            text: mail.text,
            html: mail.html,
            links: mail.links,
        }
    }
}
