//! Memory over time, with what the server did meanwhile: a line a minute, and a verdict on its slope.

use serde_json::{Value, json};

/// A minute, or less of a short run.
#[derive(Clone, Debug, Default)]
pub struct Slice {
    pub ends_secs: u64,
    /// One figure a second, in MiB.
    pub rss_mib: Vec<f64>,
    pub samples_per_sec: f64,
    pub ack_p50_ms: f64,
    pub ack_p99_ms: f64,
    pub ack_max_ms: f64,
    pub refused: u64,
    pub server_cores: f64,
    pub sender_cores: f64,
    pub wal_mib: f64,
    pub buffered_mib: f64,
    pub files: usize,
    /// Of them those that no merge has seen.
    pub flush_files: usize,
    /// Of them those that a merge could take by now.
    pub unmerged_files: f64,
    pub bytes_per_sample: f64,
    pub disk_mib: f64,
    /// Since the start.
    pub merges: f64,
    pub merged_files: f64,
    pub expired_files: f64,
    pub vacuumed_files: f64,
}

impl Slice {
    fn rss(&self) -> [f64; 3] {
        let min = self.rss_mib.iter().copied().fold(f64::INFINITY, f64::min);
        let max = self.rss_mib.iter().copied().fold(0.0, f64::max);
        [min, self.rss_mib.iter().sum::<f64>() / self.rss_mib.len().max(1) as f64, max]
    }

    pub fn print_head() {
        println!(
            "{:>6}{:>21}{:>11}{:>22}{:>8}{:>12}{:>8}{:>8}{:>18}{:>6}{:>9}{:>18}",
            "s",
            "RSS MiB min/mean/max",
            "samples/s",
            "ack ms p50/p99/max",
            "refused",
            "cores us/it",
            "WAL MiB",
            "buffer",
            "files/flush/due",
            "B/row",
            "disk MiB",
            "merges/exp./vac."
        );
    }

    pub fn print(&self) {
        let [min, mean, max] = self.rss();
        println!(
            "{:>6}{:>21}{:>11.0}{:>22}{:>8}{:>12}{:>8.0}{:>8.0}{:>18}{:>6.2}{:>9.0}{:>18}",
            self.ends_secs,
            format!("{min:.0}/{mean:.0}/{max:.0}"),
            self.samples_per_sec,
            format!("{:.1}/{:.1}/{:.0}", self.ack_p50_ms, self.ack_p99_ms, self.ack_max_ms),
            self.refused,
            format!("{:.2}/{:.2}", self.sender_cores, self.server_cores),
            self.wal_mib,
            self.buffered_mib,
            format!("{}/{}/{}", self.files, self.flush_files, self.unmerged_files),
            self.bytes_per_sample,
            self.disk_mib,
            format!("{}/{}/{}", self.merges, self.expired_files, self.vacuumed_files),
        );
    }

    fn json(&self) -> Value {
        let [min, mean, max] = self.rss();
        json!({
            "ends_secs": self.ends_secs,
            "rss_mib": {"min": min.round(), "mean": mean.round(), "max": max.round()},
            "samples_per_sec": self.samples_per_sec.round(),
            "ack_ms": {"p50": self.ack_p50_ms, "p99": self.ack_p99_ms, "max": self.ack_max_ms},
            "refused_requests": self.refused,
            "cores": {"server": self.server_cores, "sender": self.sender_cores},
            "wal_mib": self.wal_mib.round(),
            "buffered_mib": self.buffered_mib.round(),
            "active_files": self.files,
            "flush_files": self.flush_files,
            "unmerged_files": self.unmerged_files,
            "bytes_per_sample": self.bytes_per_sample,
            "disk_mib": self.disk_mib.round(),
            "merges": self.merges,
            "merged_files": self.merged_files,
            "expired_files": self.expired_files,
            "vacuumed_files": self.vacuumed_files,
        })
    }
}

/// How memory moved in the second half.
pub struct Trend {
    pub mean_mib: f64,
    /// Of the line that fits best.
    pub slope_mib_per_minute: f64,
    /// What the line gains from the middle to the end.
    pub gain_mib: f64,
}

/// A gain below this part of the mean is taken for the noise of an allocator.
const NOISE: f64 = 0.05;

impl Trend {
    /// Of one figure a second.
    fn of(rss_mib: &[f64]) -> Trend {
        let half = &rss_mib[rss_mib.len() / 2..];
        let count = half.len().max(1) as f64;
        let (mean_at, mean) = ((count - 1.0) / 2.0, half.iter().sum::<f64>() / count);
        let (mut together, mut alone) = (0.0, 0.0);
        for (at, rss) in half.iter().enumerate() {
            let distance = at as f64 - mean_at;
            together += distance * (rss - mean);
            alone += distance * distance;
        }
        let slope = if alone > 0.0 { together / alone } else { 0.0 };
        Trend { mean_mib: mean, slope_mib_per_minute: slope * 60.0, gain_mib: slope * count }
    }

    pub fn verdict(&self) -> &'static str {
        if self.gain_mib < NOISE * self.mean_mib { "bounded" } else { "growing" }
    }
}

/// The result: the curve, its trend, and the whole run in one line.
pub fn summarise(slices: &[Slice]) -> Value {
    let rss: Vec<f64> = slices.iter().flat_map(|slice| slice.rss_mib.iter().copied()).collect();
    let trend = Trend::of(&rss);
    let mean = |of: fn(&Slice) -> f64| slices.iter().map(of).sum::<f64>() / slices.len().max(1) as f64;
    let peak = rss.iter().copied().fold(0.0, f64::max);
    println!(
        "\n{:.0} samples/s on average; RSS at most {peak:.0} MiB; in the second half {:.0} MiB on average, slope {:+.2} \
         MiB a minute, {:+.0} MiB in all: {}",
        mean(|slice| slice.samples_per_sec),
        trend.mean_mib,
        trend.slope_mib_per_minute,
        trend.gain_mib,
        trend.verdict()
    );
    json!({
        "samples_per_sec": mean(|slice| slice.samples_per_sec).round(),
        "cores": {"server": mean(|slice| slice.server_cores), "sender": mean(|slice| slice.sender_cores)},
        "peak_rss_mib": peak.round(),
        "second_half": {
            "mean_rss_mib": trend.mean_mib.round(),
            "slope_mib_per_minute": trend.slope_mib_per_minute,
            "gain_mib": trend.gain_mib,
            "verdict": trend.verdict(),
        },
        "curve": slices.iter().map(Slice::json).collect::<Vec<_>>(),
    })
}
