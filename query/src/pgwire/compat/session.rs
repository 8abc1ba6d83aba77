//! Functions about the connection: who asks, and what its settings are.

use std::hash::{Hash, Hasher};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use crate::pgwire::login::ConnectionRole;
use crate::pgwire::settings::Settings;

pub(super) fn functions(settings: &Settings, role: &ConnectionRole) -> Vec<ScalarUDF> {
    [About::CurrentSetting, About::SetConfig, About::SessionUser]
        .into_iter()
        .map(|about| {
            let signature = Signature::one_of(about.signatures(), Volatility::Volatile);
            let (settings, role) = (settings.clone(), role.clone());
            ScalarUDF::from(OfConnection { about, signature, settings, role })
        })
        .collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum About {
    /// `current_setting(name [, missing_ok])`
    CurrentSetting,
    /// `set_config(name, value, is_local)`
    SetConfig,
    /// `session_user`, and `current_user` and `user`, which the library makes that of.
    SessionUser,
}

impl About {
    fn name(self) -> &'static str {
        match self {
            About::CurrentSetting => "current_setting",
            About::SetConfig => "set_config",
            About::SessionUser => "session_user",
        }
    }

    fn signatures(self) -> Vec<TypeSignature> {
        let exact = |types: &[DataType]| TypeSignature::Exact(types.to_vec());
        match self {
            About::CurrentSetting => {
                vec![exact(&[DataType::Utf8]), exact(&[DataType::Utf8, DataType::Boolean])]
            }
            About::SetConfig => vec![exact(&[DataType::Utf8, DataType::Utf8, DataType::Boolean])],
            About::SessionUser => vec![TypeSignature::Nullary],
        }
    }
}

#[derive(Debug)]
struct OfConnection {
    about: About,
    signature: Signature,
    settings: Settings,
    role: ConnectionRole,
}

/// One connection has one of each.
impl PartialEq for OfConnection {
    fn eq(&self, other: &Self) -> bool {
        self.about == other.about && self.settings.is(&other.settings)
    }
}

impl Eq for OfConnection {}

impl Hash for OfConnection {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.about.hash(state);
    }
}

impl ScalarUDFImpl for OfConnection {
    fn name(&self) -> &str {
        self.about.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let answer = match (self.about, arguments.args.as_slice()) {
            (About::SessionUser, _) => self.role.get().map(|(user, _)| user.to_string()),
            (About::CurrentSetting, [name, rest @ ..]) => {
                let (name, may_miss) = (text_of(name)?, rest.first().is_some_and(is_true));
                match self.settings.get(&name.unwrap_or_default()) {
                    Ok(value) => Some(value),
                    Err(_unknown) if may_miss => None,
                    Err(unknown) => return Err(DataFusionError::Execution(unknown.to_string())),
                }
            }
            (About::SetConfig, [name, value, is_local]) => {
                let (name, value) = (text_of(name)?.unwrap_or_default(), text_of(value)?);
                let set = self.settings.set(&name, value, is_true(is_local));
                set.map_err(|refused| DataFusionError::Execution(refused.to_string()))?;
                self.settings.get(&name).ok()
            }
            _ => None,
        };
        Ok(ColumnarValue::Scalar(ScalarValue::Utf8(answer)))
    }
}

fn text_of(value: &ColumnarValue) -> Result<Option<String>> {
    match value {
        ColumnarValue::Scalar(ScalarValue::Utf8(text)) => Ok(text.clone()),
        _ => Err(DataFusionError::Execution("the name of a setting is a literal".to_owned())),
    }
}

fn is_true(value: &ColumnarValue) -> bool {
    matches!(value, ColumnarValue::Scalar(ScalarValue::Boolean(Some(true))))
}
