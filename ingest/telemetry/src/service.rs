//! Which service and environment a label set speaks of.

use crate::Labels;

/// The service: label `service`, else `service_name`, else `job` (the part after `/`).
pub fn service_of(labels: &Labels) -> Option<&str> {
    labels.get("service").or_else(|| labels.get("service_name")).or_else(|| {
        let job = labels.get("job")?;
        Some(job.rsplit_once('/').map_or(job, |(_namespace, name)| name))
    })
}

/// The environment: label `env`, else `deployment_environment_name`.
pub fn environment_of(labels: &Labels) -> Option<&str> {
    labels.get("env").or_else(|| labels.get("deployment_environment_name"))
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
}
