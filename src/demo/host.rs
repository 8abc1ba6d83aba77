//! This machine's own CPU, memory, disks and network, with the names of OpenTelemetry's semantic
//! conventions. Real numbers, unlike the game's.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use sysinfo::{Disks, Networks, System};
use telemetry::Timestamp;

use super::otlp;

/// Reads the machine; keeps what the next reading is compared with.
#[derive(Debug)]
pub struct Host {
    system: System,
    disks: Disks,
    networks: Networks,
    started: Timestamp,
    name: String,
}

impl Host {
    pub fn new(now: Timestamp) -> Host {
        Host {
            system: System::new(),
            disks: Disks::new_with_refreshed_list(),
            networks: Networks::new_with_refreshed_list(),
            started: now,
            name: System::host_name().unwrap_or_else(|| "localhost".to_owned()),
        }
    }

    /// The machine as it is now.
    pub fn read(&mut self, now: Timestamp) -> ExportMetricsServiceRequest {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        self.disks.refresh(false);
        self.networks.refresh(false);
        let gauge = |pairs: &[(&str, &str)], value: f64| otlp::number(pairs, None, now, value);
        let counter =
            |pairs: &[(&str, &str)], value: u64| otlp::number(pairs, Some(self.started), now, value as f64);

        let cpu = self.system.cpus().iter().enumerate().map(|(number, cpu)| {
            gauge(&[("cpu.logical_number", &number.to_string())], f64::from(cpu.cpu_usage()) / 100.0)
        });
        let used = self.system.used_memory();
        let free = self.system.total_memory().saturating_sub(used);
        let memory =
            [("used", used), ("free", free)].map(|(state, bytes)| gauge(&[("state", state)], bytes as f64));
        let disks = self.disks.iter().flat_map(|disk| {
            let mountpoint = disk.mount_point().to_string_lossy().into_owned();
            let free = disk.available_space();
            let used = disk.total_space().saturating_sub(free);
            [("used", used), ("free", free)]
                .map(|(state, bytes)| gauge(&[("mountpoint", &mountpoint), ("state", state)], bytes as f64))
        });
        let network = self.networks.iter().flat_map(|(device, data)| {
            [("receive", data.total_received()), ("transmit", data.total_transmitted())].map(
                |(direction, bytes)| {
                    counter(&[("network.interface.name", device), ("network.io.direction", direction)], bytes)
                },
            )
        });
        let load = System::load_average();
        let metrics = vec![
            otlp::gauge("system.cpu.utilization", "1", cpu.collect()),
            otlp::gauge("system.memory.usage", "By", memory.into()),
            otlp::gauge("system.filesystem.usage", "By", disks.collect()),
            otlp::counter("system.network.io", "By", network.collect()),
            otlp::gauge("system.load.1m", "1", vec![gauge(&[], load.one)]),
        ];
        let resource = [
            ("service.name", "host"),
            ("service.instance.id", self.name.as_str()),
            ("host.name", self.name.as_str()),
        ];
        otlp::metrics_request(vec![otlp::resource_metrics(&resource, "evenkeel.demo.host", metrics)])
    }
}
