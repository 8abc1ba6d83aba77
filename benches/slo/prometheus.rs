//! The same SLO by Prometheus: the recording rules that Sloth writes, evaluated over the same counters,
//! and the number that its burn-down shows beside the exact one.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use telemetry::Timestamp;

use super::history::{END, counter, evaluate, exact, labels};
use super::{Failure, Figures, Options};

const STEP_SECS: i64 = 15;
const DAY_SECS: i64 = 86_400;
const ADDRESS: &str = "127.0.0.1:19291";
const READY_SECS_MAX: u64 = 120;

/// As `sloth generate` writes them for an objective over 30 days, evaluated every half minute like slices.
const RULES: &str = r#"groups:
- name: sloth-slo-sli-recordings-shop-requests
  interval: 30s
  rules:
WINDOWS"#;
const WINDOWS: [&str; 7] = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"];

/// Ends when it goes out of scope.
struct Prometheus(Child);

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Prometheus {
    async fn start(dir: &Path) -> Result<Prometheus, Failure> {
        let config = dir.join("prometheus.yml");
        std::fs::write(&config, "{}\n")?;
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", dir.join("data").display()))
            .arg("--storage.tsdb.retention.time=100y")
            .arg(format!("--web.listen-address={ADDRESS}"))
            .arg("--log.level=error")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let prometheus = Prometheus(child);
        let began = Instant::now();
        while query("vector(1)", 0).is_err() {
            if began.elapsed() > Duration::from_secs(READY_SECS_MAX) {
                return Err("Prometheus does not answer".into());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(prometheus)
    }
}

pub async fn measure(options: &Options, figures: &mut Figures) -> Result<(), Failure> {
    let (dir, series) = (tempfile::tempdir()?, options.prometheus_series);
    let end = Timestamp::parse_rfc3339(END)?.secs();
    let start = end - options.prometheus_days * DAY_SECS;
    let text = dir.path().join("counters.txt");
    write_counters(&text, series, start, end)?;
    let data = dir.path().join("data");
    promtool(&["tsdb", "create-blocks-from", "openmetrics", path(&text)?, path(&data)?])?;
    std::fs::remove_file(&text)?;
    let rules = dir.path().join("rules.yml");
    std::fs::write(&rules, rules_text())?;
    let taken = {
        let _running = Prometheus::start(dir.path()).await?;
        let url = format!("--url=http://{ADDRESS}");
        let (from, to) = (format!("--start={start}"), format!("--end={end}"));
        let output = format!("--output-dir={}", data.display());
        let began = Instant::now();
        let arguments = ["tsdb", "create-blocks-from", "rules", &url, &from, &to, &output, path(&rules)?];
        promtool(&arguments)?;
        began.elapsed()
    };
    let days = options.prometheus_days;
    figures.time(&format!("prometheus: Sloth's rules over {days} d of {series} series"), taken, None);
    // New blocks are read by a new process.
    let _running = Prometheus::start(dir.path()).await?;
    let of_period = format!(
        "sum_over_time(slo:sli_error:ratio_rate5m[{days}d]) / count_over_time(slo:sli_error:ratio_rate5m[{days}d])"
    );
    let sloth = query(&of_period, end)?;
    let (bad, total) = exact(series, start, end - STEP_SECS);
    let lake = tempfile::tempdir()?;
    let evaluated = evaluate(lake.path().to_owned(), series, days).await?;
    figures.time(&format!("prometheus: the same {days} d by Evenkeel"), evaluated.taken, None);
    let own = evaluated.bad / evaluated.total;
    figures.value("prometheus: error ratio of the period by Sloth", sloth, "");
    figures.value("prometheus: error ratio of the period by Evenkeel", own, "");
    figures.value("prometheus: error ratio of the period, exact", bad / total, "");
    figures.value(
        "prometheus: Sloth's difference from the exact one",
        (sloth / (bad / total) - 1.0) * 100.0,
        "%",
    );
    figures.value("prometheus: Evenkeel's difference", (own / (bad / total) - 1.0) * 100.0, "%");
    Ok(())
}

fn rules_text() -> String {
    let rule = |window: &&str| {
        format!(
            "  - record: slo:sli_error:ratio_rate{window}\n    expr: (sum(rate(http_requests_total{{code=~\"5..\"}}[{window}]))) / (sum(rate(http_requests_total[{window}])))\n"
        )
    };
    RULES.replace("WINDOWS", &WINDOWS.iter().map(rule).collect::<String>())
}

fn write_counters(file: &Path, series: usize, start: i64, end: i64) -> Result<(), Failure> {
    let mut out = BufWriter::new(std::fs::File::create(file)?);
    writeln!(out, "# TYPE http_requests counter")?;
    for index in 0..series {
        let [(_, name), (pod, pod_value), (code, code_value)] = labels(index);
        for ts in (start..end).step_by(STEP_SECS as usize) {
            let value = counter(index, ts);
            writeln!(out, "{name}{{{pod}=\"{pod_value}\",{code}=\"{code_value}\"}} {value} {ts}")?;
        }
    }
    writeln!(out, "# EOF")?;
    Ok(out.flush()?)
}

fn promtool(arguments: &[&str]) -> Result<String, Failure> {
    let output = Command::new("promtool").args(arguments).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("promtool {}: {said}", arguments.join(" ")).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The one value of an expression at a time; any time for 0.
fn query(expression: &str, at: i64) -> Result<f64, Failure> {
    let time = format!("--time={at}");
    let url = format!("http://{ADDRESS}");
    let answer = promtool(&["query", "instant", &time, &url, expression])?;
    // `{labels} => 0.0123 @[1763856000]`
    let value = answer.split("=> ").nth(1).and_then(|rest| rest.split(' ').next());
    Ok(value.ok_or_else(|| format!("{expression} has no value: {answer}"))?.parse()?)
}

fn path(path: &Path) -> Result<&str, Failure> {
    path.to_str().ok_or_else(|| format!("{} is no text", path.display()).into())
}
