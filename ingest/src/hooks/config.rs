//! The section `hooks` of the server settings, and the hooks that it makes.
//!
//! ```yaml
//! hooks:
//!   - name: shop
//!     provider: github
//!     secret_file: /etc/evenkeel/shop-hook
//!     service: checkout             # the repository's name unless told
//!     environments: {production: prod}
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A shorter secret can be guessed over a network.
pub(crate) const SECRET_BYTES_MIN: usize = 16;
/// A name is a segment of the hook's URL.
const NAME_BYTES_MAX: usize = 63;

/// Whose webhooks a hook takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    Github,
    Gitlab,
}

impl Provider {
    pub fn as_str(self) -> &'static str {
        match self {
            Provider::Github => "github",
            Provider::Gitlab => "gitlab",
        }
    }
}

/// A hook as it is configured.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookConfig {
    /// The end of its URL: `/hooks/PROVIDER/NAME`.
    pub name: String,
    pub provider: Provider,
    /// What the provider signs with; `secret_file` keeps it out of the settings. Never shown again.
    #[serde(skip_serializing)]
    pub secret: Option<String>,
    /// Read once, at start.
    pub secret_file: Option<PathBuf>,
    /// What is deployed; the repository's name unless told.
    pub service: Option<String>,
    /// The provider's names of environments, and what they are called here. Others keep their name.
    #[serde(default)]
    pub environments: BTreeMap<String, String>,
}

/// Without the secret.
impl fmt::Debug for HookConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HookConfig({}/{})", self.provider.as_str(), self.name)
    }
}

/// A hook that takes requests.
pub struct Hook {
    pub name: String,
    pub provider: Provider,
    pub(crate) secret: Vec<u8>,
    pub(crate) service: Option<String>,
    environments: BTreeMap<String, String>,
}

impl Hook {
    /// What an environment is called here.
    pub(crate) fn environment(&self, named: &str) -> String {
        self.environments.get(named).map_or(named, String::as_str).to_owned()
    }
}

/// Every configured hook.
#[derive(Default)]
pub struct Hooks(BTreeMap<(Provider, String), Arc<Hook>>);

/// Why the section `hooks` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    #[error("hooks: name {0:?}: use 1 to {NAME_BYTES_MAX} letters, digits, '-', '_' or '.'")]
    Name(String),
    #[error("hooks: there are two {provider} hooks named {name:?}")]
    Twice { provider: &'static str, name: String },
    #[error("hooks: {0:?} has no secret: set secret_file or secret")]
    NoSecret(String),
    #[error("hooks: {0:?} has both secret and secret_file: one of them is meant")]
    TwoSecrets(String),
    #[error("hooks: {name:?}: secret_file {path} cannot be read", path = path.display())]
    SecretFile { name: String, path: PathBuf, source: std::io::Error },
    #[error("hooks: {name:?}: the secret has {bytes} bytes, at least {SECRET_BYTES_MIN} are needed")]
    ShortSecret { name: String, bytes: usize },
    #[error("hooks: {0:?}: the secret begins with whsec_ and holds no base64 after it")]
    SigningToken(String),
}

impl Hooks {
    /// Reads the secrets.
    pub fn from_config(configs: &[HookConfig]) -> Result<Hooks, HookError> {
        let mut hooks = Hooks::default();
        for config in configs {
            let hook = Hook {
                secret: secret_of(config)?,
                name: config.name.clone(),
                provider: config.provider,
                service: config.service.clone(),
                environments: config.environments.clone(),
            };
            let key = (config.provider, config.name.clone());
            if hooks.0.insert(key, Arc::new(hook)).is_some() {
                let (provider, name) = (config.provider.as_str(), config.name.clone());
                return Err(HookError::Twice { provider, name });
            }
        }
        Ok(hooks)
    }

    pub fn get(&self, provider: Provider, name: &str) -> Option<Arc<Hook>> {
        self.0.get(&(provider, name.to_owned())).cloned()
    }
}

fn secret_of(config: &HookConfig) -> Result<Vec<u8>, HookError> {
    let name = &config.name;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(allowed) {
        return Err(HookError::Name(name.clone()));
    }
    let secret = match (&config.secret, &config.secret_file) {
        (None, None) => return Err(HookError::NoSecret(name.clone())),
        (Some(_), Some(_)) => return Err(HookError::TwoSecrets(name.clone())),
        (Some(secret), None) => secret.clone(),
        (None, Some(path)) => std::fs::read_to_string(path).map_err(|source| HookError::SecretFile {
            name: name.clone(),
            path: path.clone(),
            source,
        })?,
    };
    // A file ends with a line break, a secret does not.
    let secret = secret.trim();
    if secret.len() < SECRET_BYTES_MIN {
        return Err(HookError::ShortSecret { name: name.clone(), bytes: secret.len() });
    }
    if config.provider == Provider::Gitlab && !super::proof::is_usable(secret.as_bytes()) {
        return Err(HookError::SigningToken(name.clone()));
    }
    Ok(secret.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(name: &str) -> HookConfig {
        HookConfig {
            name: name.into(),
            provider: Provider::Github,
            secret: Some("0123456789abcdef".into()),
            secret_file: None,
            service: None,
            environments: BTreeMap::new(),
        }
    }

    fn error(configs: &[HookConfig]) -> String {
        Hooks::from_config(configs).err().expect("the hooks are refused").to_string()
    }

    #[test]
    fn a_hook_has_a_name_and_one_secret() {
        let hooks = Hooks::from_config(&[config("shop")]).unwrap();
        assert!(hooks.get(Provider::Github, "shop").is_some());
        assert!(hooks.get(Provider::Gitlab, "shop").is_none());
        assert!(error(&[config("a/b")]).contains("letters, digits"));
        assert_eq!(error(&[config("a"), config("a")]), "hooks: there are two github hooks named \"a\"");
        let none = HookConfig { secret: None, ..config("a") };
        assert_eq!(error(&[none]), "hooks: \"a\" has no secret: set secret_file or secret");
        let both = HookConfig { secret_file: Some("x".into()), ..config("a") };
        assert!(error(&[both]).contains("both secret and secret_file"));
        let short = HookConfig { secret: Some("guessable".into()), ..config("a") };
        assert_eq!(error(&[short]), "hooks: \"a\": the secret has 9 bytes, at least 16 are needed");
        let missing = HookConfig { secret: None, secret_file: Some("no/such/file".into()), ..config("a") };
        assert_eq!(error(&[missing]), "hooks: \"a\": secret_file no/such/file cannot be read");
        let broken = HookConfig {
            provider: Provider::Gitlab,
            secret: Some("whsec_not base64 at all".into()),
            ..config("a")
        };
        assert!(error(&[broken]).contains("no base64"));
    }

    #[test]
    fn a_secret_in_a_file_ends_before_its_line_break_and_is_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "0123456789abcdef\n").unwrap();
        let file = HookConfig { secret: None, secret_file: Some(path), ..config("a") };
        let hooks = Hooks::from_config(std::slice::from_ref(&file)).unwrap();
        assert_eq!(hooks.get(Provider::Github, "a").unwrap().secret, b"0123456789abcdef");
        assert_eq!(format!("{:?}", config("a")), "HookConfig(github/a)");
    }
}
