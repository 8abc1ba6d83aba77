//! Mail by SMTP. The Message-ID is computed from the page, so that a repeated attempt is the same
//! mail; all mails of an incident are one thread.

use std::time::SystemTime;

use async_trait::async_trait;
use lettre::message::{Mailbox, MultiPart, header};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use telemetry::Timestamp;

use super::{Channel, Notice, SendError, template};
use crate::AlertingError;
use crate::config::{SmtpConfig, SmtpTls};

/// The port on which TLS begins at once.
const SMTPS: u16 = 465;

/// A mail server to hand pages to.
pub struct Email {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Email {
    /// Reads the password; does not connect yet.
    pub fn new(config: &SmtpConfig) -> Result<Email, AlertingError> {
        let bad = |setting, message: String| AlertingError::Config { setting, message };
        let no_address = || bad("smtp.address", format!("{:?} is not host:port", config.address));
        let (host, port) = config.address.rsplit_once(':').ok_or_else(no_address)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port: u16 = port.parse().map_err(|_| no_address())?;
        let from = config.from.parse().map_err(|_| {
            bad(
                "smtp.from",
                format!("{:?} is not a sender such as Evenkeel <pager@example.com>", config.from),
            )
        })?;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host).port(port);
        builder = builder.tls(tls(config.tls, host, port)?);
        if let Some(username) = &config.username {
            let password = match &config.password_file {
                Some(file) => std::fs::read_to_string(file)
                    .map_err(|error| bad("smtp.password_file", format!("{}: {error}", file.display())))?,
                None => String::new(),
            };
            let password = password.trim_end_matches(['\r', '\n']).to_owned();
            builder = builder.credentials(Credentials::new(username.clone(), password));
        }
        Ok(Email { transport: builder.build(), from })
    }
}

fn tls(wanted: SmtpTls, host: &str, port: u16) -> Result<Tls, AlertingError> {
    let parameters = || {
        TlsParameters::new(host.to_owned())
            .map_err(|error| AlertingError::Config { setting: "smtp.tls", message: error.to_string() })
    };
    Ok(match wanted {
        SmtpTls::Required if port == SMTPS => Tls::Wrapper(parameters()?),
        SmtpTls::Required => Tls::Required(parameters()?),
        SmtpTls::Opportunistic => Tls::Opportunistic(parameters()?),
        SmtpTls::Off => {
            let is_loopback =
                host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
            if !is_loopback {
                tracing::warn!(host, "pages travel to the mail server in clear (smtp.tls: off)");
            }
            Tls::None
        }
    })
}

#[async_trait]
impl Channel for Email {
    async fn send(&self, notice: &Notice) -> Result<(), SendError> {
        let message = compose(notice, &self.from)?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => Err(judge(&error)),
        }
    }
}

/// The mail for a page.
pub fn compose(notice: &Notice, from: &Mailbox) -> Result<Message, SendError> {
    let unusable =
        |error: &dyn std::fmt::Display| SendError::Permanent(format!("cannot compose the mail: {error}"));
    let address =
        notice.page.address.parse().map_err(|error: lettre::address::AddressError| unusable(&error))?;
    let thread = format!("<{}@{}>", notice.incident.id.to_string().to_lowercase(), notice.host);
    let text = template::text(notice).map_err(|error| unusable(&error))?;
    let html = template::html(notice).map_err(|error| unusable(&error))?;
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(Some(notice.recipient_name.clone()), address))
        .subject(template::subject(notice))
        .date(system_time(notice.now))
        .message_id(Some(format!("<{}@{}>", notice.page.id, notice.host)))
        .in_reply_to(thread.clone())
        .references(thread)
        // Out-of-office replies to a pager help nobody.
        .raw_header(header::HeaderValue::new(
            header::HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ))
        .multipart(MultiPart::alternative_plain_html(text, html))
        .map_err(|error| unusable(&error))
}

fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + at.since(Timestamp::EPOCH)
}

/// What an error says about the mail's fate.
fn judge(error: &lettre::transport::smtp::Error) -> SendError {
    let text = describe(error);
    if error.is_permanent() {
        return SendError::Permanent(text);
    }
    // 4xx, or no connection in the first place: the mail was certainly not taken.
    if error.is_transient() || error.is_client() || error.is_tls() || was_not_reached(error) {
        return SendError::Temporary(text);
    }
    SendError::Ambiguous(text)
}

fn was_not_reached(error: &(dyn std::error::Error + 'static)) -> bool {
    use std::io::ErrorKind::{
        AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable, NotFound,
    };
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            let kinds = [AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable, NotFound];
            return kinds.contains(&error.kind());
        }
        cause = error.source();
    }
    false
}

/// The error with its causes, in one line.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text = format!("{text}: {part}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
pub(crate) mod tests;
