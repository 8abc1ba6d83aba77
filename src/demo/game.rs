//! A simulated game backend: four services in three regions with players who sleep at night.
//!
//! Everything it says is a function of time, so that the history that is backfilled and the live
//! telemetry that follows it are one curve: [`Game::count_between`] integrates traffic and errors
//! over any span. Nothing here is real, and each of its series carries `simulated="true"`.

use std::time::Duration;

use telemetry::Timestamp;

/// A service of the game and how much it has to do.
#[derive(Clone, Copy, Debug)]
pub struct GameService {
    pub name: &'static str,
    /// Requests per second and region at the day's mean.
    requests_per_sec: f64,
    /// Of all requests on a good day, this fraction fails.
    errors_normally: f64,
    /// Seconds in which half of the requests are answered.
    latency_median_secs: f64,
}

pub const SERVICES: [GameService; 4] = [
    GameService {
        name: "matchmaking",
        requests_per_sec: 40.0,
        errors_normally: 0.000_25,
        latency_median_secs: 0.120,
    },
    GameService {
        name: "sessions",
        requests_per_sec: 90.0,
        errors_normally: 0.000_10,
        latency_median_secs: 0.030,
    },
    GameService {
        name: "inventory",
        requests_per_sec: 60.0,
        errors_normally: 0.000_30,
        latency_median_secs: 0.045,
    },
    GameService {
        name: "chat",
        requests_per_sec: 120.0,
        errors_normally: 0.000_60,
        latency_median_secs: 0.015,
    },
];

/// A region and by how many hours its evening is away from UTC's.
#[derive(Clone, Copy, Debug)]
pub struct Region {
    pub name: &'static str,
    hours_ahead: f64,
    share: f64,
}

pub const REGIONS: [Region; 3] = [
    Region { name: "eu-west", hours_ahead: 1.0, share: 1.2 },
    Region { name: "us-east", hours_ahead: -5.0, share: 1.0 },
    Region { name: "ap-south", hours_ahead: 5.5, share: 0.8 },
];

/// Upper bounds of the latency histogram, in seconds.
pub const LATENCY_BOUNDS_SECS: [f64; 8] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// Some time in which a service failed.
#[derive(Clone, Debug)]
pub struct Outage {
    pub service: &'static str,
    /// `None` for all of them.
    pub region: Option<&'static str>,
    pub from: Timestamp,
    /// `None` while it lasts.
    pub to: Option<Timestamp>,
    /// Of the requests meanwhile, this fraction fails.
    pub errors: f64,
    /// What people wrote about it afterwards.
    pub title: &'static str,
    /// The version whose deploy was the cause, if one was.
    pub version: Option<&'static str>,
}

/// Requests of one service in one region over some time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Count {
    pub ok: f64,
    pub failed: f64,
}

/// The world: what has gone wrong in it so far.
#[derive(Clone, Debug, Default)]
pub struct Game {
    pub outages: Vec<Outage>,
}

/// Traffic is taken as even over this long: short against the day's curve.
const STEP: Duration = Duration::from_secs(30);

impl Game {
    /// A few weeks that went mostly well, ending at `now`.
    pub fn with_history(now: Timestamp) -> Game {
        let ago = |hours: u64, minutes: u64| now.minus(Duration::from_secs(hours * 3_600 + minutes * 60));
        let outage =
            |service, region, (hours, minutes): (u64, u64), lasted_min: u64, errors, title, version| Outage {
                service,
                region,
                from: ago(hours, minutes),
                to: Some(ago(hours, minutes).plus(Duration::from_secs(lasted_min * 60))),
                errors,
                title,
                version,
            };
        let history = vec![
            outage("inventory", None, (17 * 24, 12), 26, 0.22, "Inventory database failed over", None),
            outage(
                "chat",
                Some("us-east"),
                (12 * 24 + 7, 3),
                48,
                0.18,
                "Chat rejects messages in us-east",
                Some("v3.11.0"),
            ),
            outage(
                "sessions",
                Some("ap-south"),
                (9 * 24 + 2, 40),
                14,
                0.12,
                "Logins time out in ap-south",
                None,
            ),
            outage(
                "matchmaking",
                Some("eu-west"),
                (7 * 24 + 5, 15),
                55,
                0.35,
                "No matches in eu-west",
                Some("v2.3.1"),
            ),
            outage(
                "chat",
                None,
                (5 * 24 + 15, 20),
                35,
                0.30,
                "Chat gateway out of connections",
                Some("v3.12.1"),
            ),
            outage(
                "inventory",
                Some("eu-west"),
                (2 * 24 + 4, 8),
                11,
                0.15,
                "Purchases fail in eu-west",
                Some("v7.4.2"),
            ),
        ];
        Game { outages: history }
    }

    /// Requests in `[from, to)`.
    pub fn count_between(
        &self,
        service: &GameService,
        region: &Region,
        from: Timestamp,
        to: Timestamp,
    ) -> Count {
        let mut count = Count::default();
        let mut start = from;
        while start < to {
            let end = start.floor_to(STEP).plus(STEP).min(to);
            let requests =
                requests_per_sec(service, region, start.floor_to(STEP)) * end.since(start).as_secs_f64();
            let failed = requests * self.errors_at(service, region, start);
            count.failed += failed;
            count.ok += requests - failed;
            start = end;
        }
        count
    }

    /// The fraction of requests that fails at some time.
    fn errors_at(&self, service: &GameService, region: &Region, at: Timestamp) -> f64 {
        let hits = |outage: &&Outage| {
            outage.service == service.name
                && outage.region.is_none_or(|name| name == region.name)
                && outage.from <= at
                && outage.to.is_none_or(|to| at < to)
        };
        let normally = service.errors_normally * (0.6 + 0.8 * noise(service.name, region.name, at));
        self.outages.iter().filter(hits).map(|outage| outage.errors).fold(normally, f64::max)
    }

    /// Ends what goes on in a service; says whether anything did.
    pub fn end_outages(&mut self, service: &str, now: Timestamp) -> bool {
        let mut ended = false;
        for outage in
            self.outages.iter_mut().filter(|outage| outage.service == service && outage.to.is_none())
        {
            outage.to = Some(now);
            ended = true;
        }
        ended
    }

    pub fn has_open_outage(&self, service: &str) -> bool {
        self.outages.iter().any(|outage| outage.service == service && outage.to.is_none())
    }
}

/// Players who are in a match or the lobby.
pub fn players_online(region: &Region, at: Timestamp) -> f64 {
    (120_000.0 * region.share * evening(region, at) * (0.97 + 0.06 * noise("players", region.name, at)))
        .round()
}

/// Of `requests`, how many are answered within each of [`LATENCY_BOUNDS_SECS`], cumulatively. The
/// answers follow a log-normal curve around the service's median.
pub fn answered_within(service: &GameService, requests: f64) -> [f64; LATENCY_BOUNDS_SECS.len()] {
    const SPREAD: f64 = 0.6;
    LATENCY_BOUNDS_SECS.map(|bound| {
        let deviations = (bound / service.latency_median_secs).ln() / SPREAD;
        // The logistic curve with this slope is within 1 % of the normal one.
        requests / (1.0 + (-1.702 * deviations).exp())
    })
}

fn requests_per_sec(service: &GameService, region: &Region, at: Timestamp) -> f64 {
    let weekend = if matches!((at.days() + 3).rem_euclid(7), 5 | 6) { 1.25 } else { 1.0 };
    let jitter = 0.95 + 0.1 * noise(service.name, region.name, at);
    service.requests_per_sec * region.share * evening(region, at) * weekend * jitter
}

/// The day's curve: 0.35 in the early morning, 1.65 at nine in the evening.
fn evening(region: &Region, at: Timestamp) -> f64 {
    let local_hour = (at.secs_f64() / 3_600.0 + region.hours_ahead).rem_euclid(24.0);
    1.0 + 0.65 * ((local_hour - 21.0) / 24.0 * std::f64::consts::TAU).cos()
}

/// A number in 0..1 that looks random and is the same each time: FNV-1a of its place and step.
fn noise(service: &str, region: &str, at: Timestamp) -> f64 {
    let step = at.floor_to(STEP).secs().to_le_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in service.bytes().chain(region.bytes()).chain(step) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    #[test]
    fn counting_in_pieces_gives_the_same_as_counting_at_once() {
        let game = Game::with_history(NOW);
        let (service, region) = (&SERVICES[3], &REGIONS[1]);
        let from = NOW.minus(Duration::from_secs(3_600));
        let whole = game.count_between(service, region, from, NOW);
        let mut pieces = Count::default();
        let mut start = from;
        while start < NOW {
            let end = start.plus(Duration::from_secs(7)).min(NOW);
            let piece = game.count_between(service, region, start, end);
            pieces = Count { ok: pieces.ok + piece.ok, failed: pieces.failed + piece.failed };
            start = end;
        }
        assert!((whole.ok - pieces.ok).abs() < 1e-6 * whole.ok);
        assert!((whole.failed - pieces.failed).abs() < 0.01 * whole.failed);
    }

    #[test]
    fn an_outage_shows_until_it_is_ended() {
        let mut game = Game::default();
        let service = &SERVICES[0];
        game.outages.push(Outage {
            service: service.name,
            region: None,
            from: NOW,
            to: None,
            errors: 0.9,
            title: "",
            version: None,
        });
        let later = NOW.plus(Duration::from_secs(600));
        let ratio = |game: &Game, from: Timestamp| {
            let count = game.count_between(service, &REGIONS[0], from, from.plus(Duration::from_secs(60)));
            count.failed / (count.ok + count.failed)
        };
        assert!((ratio(&game, NOW) - 0.9).abs() < 1e-9);
        assert!(game.end_outages(service.name, later) && !game.has_open_outage(service.name));
        assert!(ratio(&game, later) < 0.001);
    }

    #[test]
    fn latency_counts_are_cumulative() {
        let counts = answered_within(&SERVICES[0], 100.0);
        assert!(counts.windows(2).all(|pair| pair[0] <= pair[1]));
        let [_, _, _, below_median, above_median, ..] = counts;
        assert!(below_median < 50.0 && above_median > 50.0, "half within the median of 0.12 s: {counts:?}");
    }
}
