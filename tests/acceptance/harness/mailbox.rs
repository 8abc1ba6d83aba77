//! A mail server (aiosmtpd) and what it received.

use std::time::Duration;

use serde::Deserialize;

use super::{Process, eventually, start_peer};

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    pub subject: String,
    pub message_id: String,
    pub text: String,
    pub html: String,
}

impl Mail {
    pub fn is_to(&self, address: &str) -> bool {
        self.to.iter().any(|to| to == address)
    }

    /// The path of the link that acknowledges.
    pub fn acknowledge_path(&self) -> String {
        let link = self.text.split_whitespace().find(|word| word.contains("/p/"));
        let link = link.unwrap_or_else(|| panic!("no acknowledge link in {:?}", self.text));
        let from = link.find("/p/").expect("it was looked for");
        link[from..].trim_end_matches(['>', ')', '.', ',']).to_owned()
    }
}

pub struct Mailbox {
    process: Process,
    port: u16,
}

impl Mailbox {
    pub async fn start() -> Mailbox {
        Mailbox::start_on(0).await
    }

    /// Listens on a port that was chosen before; 0 chooses one.
    pub async fn start_on(port: u16) -> Mailbox {
        let mut process = start_peer("mailbox.py", &[&port.to_string()]);
        let line = process.line("listening ", Duration::from_secs(30)).await;
        let port = line.trim_start_matches("listening ").parse().expect("a port");
        Mailbox { process, port }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// What came so far, the oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        let lines = self.process.lines();
        let mails = lines.iter().filter_map(|line| line.strip_prefix("mail "));
        mails.map(|line| serde_json::from_str(line).expect("a mail is JSON")).collect()
    }

    /// Waits for the first mail to somebody about something.
    pub async fn mail(&self, to: &str, about: &str, within: Duration) -> Mail {
        eventually(within, &format!("a mail to {to} about {about:?}"), async || {
            let mails = self.mails();
            let fits = |mail: &&Mail| mail.is_to(to) && mail.subject.contains(about);
            mails.iter().find(fits).cloned().ok_or_else(|| {
                let seen: Vec<_> = mails.iter().map(|mail| (&mail.to, &mail.subject)).collect();
                format!("there are {seen:?}")
            })
        })
        .await
    }
}
