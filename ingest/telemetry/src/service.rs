//! Which service, environment and target a label set speaks of.

use crate::Labels;
use crate::labels::METRIC_NAME;

/// What a label set says of who it is about, read in one go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The metric's name, or `""`.
    pub metric: &'a str,
    /// Label `service`, else `service_name`, else `job` (the part after `/`).
    pub service: Option<&'a str>,
    /// Label `env`, else `deployment_environment_name`.
    pub environment: Option<&'a str>,
    pub instance: Option<&'a str>,
    pub job: Option<&'a str>,
}

impl<'a> Identity<'a> {
    pub fn of(labels: &'a Labels) -> Identity<'a> {
        let mut found = Identity::default();
        let (mut service_name, mut environment_name) = (None, None);
        for (name, value) in labels.iter() {
            match name {
                METRIC_NAME => found.metric = value,
                "service" => found.service = Some(value),
                "service_name" => service_name = Some(value),
                "env" => found.environment = Some(value),
                "deployment_environment_name" => environment_name = Some(value),
                "instance" => found.instance = Some(value),
                "job" => found.job = Some(value),
                _ => {}
            }
        }
        let of_job = |job: &'a str| job.rsplit_once('/').map_or(job, |(_namespace, name)| name);
        found.service = found.service.or(service_name).or(found.job.map(of_job));
        found.environment = found.environment.or(environment_name);
        found
    }
}

/// [`Identity::service`] of a label set.
pub fn service_of(labels: &Labels) -> Option<&str> {
    Identity::of(labels).service
}

/// [`Identity::environment`] of a label set.
pub fn environment_of(labels: &Labels) -> Option<&str> {
    Identity::of(labels).environment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_specific_label_names_the_service() {
        let job = Labels::new([("job", "shop/checkout")]).unwrap();
        assert_eq!(service_of(&job), Some("checkout"));
        assert_eq!(service_of(&job.with("service_name", "cart")), Some("cart"));
        assert_eq!(service_of(&job.with("service_name", "cart").with("service", "pay")), Some("pay"));
        assert_eq!(service_of(&Labels::empty()), None);
    }

    #[test]
    fn an_identity_is_read_in_one_go() {
        let labels = Labels::new([
            ("__name__", "up"),
            ("deployment_environment_name", "staging"),
            ("instance", "host:9100"),
            ("job", "shop/node"),
        ])
        .unwrap();
        let expected = Identity {
            metric: "up",
            service: Some("node"),
            environment: Some("staging"),
            instance: Some("host:9100"),
            job: Some("shop/node"),
        };
        assert_eq!(Identity::of(&labels), expected);
        assert_eq!(environment_of(&labels.with("env", "prod")), Some("prod"));
        assert_eq!(Identity::of(&Labels::empty()), Identity::default());
    }
}
