// The time range: typed text <-> instants. Relative ranges stay relative in the URL (`now-6h`); absolute ones
// are ISO 8601 UTC, epoch milliseconds are accepted.

export const UNIT_SECS: Record<string, number> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
};

export interface Range {
  from: number;
  to: number;
}

/** Seconds of a duration such as `6h`, `1h30m` or `30d`; null when it is none. */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim();
  if (!/^(\d+(\.\d+)?[smhdw])+$/.test(trimmed)) return null;
  let secs = 0;
  for (const [, amount, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)([smhdw])/g)) {
    secs += Number(amount) * (UNIT_SECS[unit ?? ""] ?? Number.NaN);
  }
  return secs;
}

const DAY_MS = 86_400_000;

/**
 * The instant (epoch ms) that `text` means at `now`: `now`, `now-6h`, `now+1d`, a bare duration (`2h` is two
 * hours ago), `today`, `yesterday`, an ISO date or time (UTC unless it names an offset), epoch seconds or
 * milliseconds. Null when it means nothing.
 */
export function parseInstant(text: string, now: number): number | null {
  const trimmed = text.trim();
  const lower = trimmed.toLowerCase();
  if (lower === "now") return now;
  if (lower === "today") return Math.floor(now / DAY_MS) * DAY_MS;
  if (lower === "yesterday") return (Math.floor(now / DAY_MS) - 1) * DAY_MS;
  const relative = /^now\s*([+-])\s*(.+)$/.exec(lower);
  if (relative) {
    const secs = parseDuration(relative[2] ?? "");
    if (secs === null) return null;
    return now + (relative[1] === "-" ? -secs : secs) * 1000;
  }
  const ago = parseDuration(lower);
  if (ago !== null) return now - ago * 1000;
  if (/^\d{12,14}$/.test(trimmed)) return Number(trimmed);
  if (/^\d{9,11}$/.test(trimmed)) return Number(trimmed) * 1000;
  const iso =
    /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?))?\s*(Z|UTC|[+-]\d{2}:\d{2})?$/i.exec(
      trimmed,
    );
  if (!iso) return null;
  const [, date, clock = "00:00", zone = "Z"] = iso;
  const parsed = Date.parse(`${date}T${clock}${/^utc$/i.test(zone) ? "Z" : zone.toUpperCase()}`);
  // Date.parse rolls 31 February over; a date that does not print back as typed does not exist.
  if (Number.isNaN(parsed)) return null;
  const midnight = Date.parse(`${date}T00:00:00Z`);
  return new Date(midnight).toISOString().startsWith(date ?? "") ? parsed : null;
}

export type RangeResult = { ok: true; range: Range } | { ok: false; field: "from" | "to"; message: string };

export function parseRange(from: string, to: string, now: number): RangeResult {
  const start = parseInstant(from, now);
  if (start === null) return { ok: false, field: "from", message: `"${from}" is not a time` };
  const end = parseInstant(to, now);
  if (end === null) return { ok: false, field: "to", message: `"${to}" is not a time` };
  if (start >= end) return { ok: false, field: "from", message: "The start must be before the end" };
  return { ok: true, range: { from: start, to: end } };
}

/** A range moves with the clock when its end is relative. */
export const isRelative = (text: string): boolean => {
  const lower = text.trim().toLowerCase();
  return (
    lower.startsWith("now") || lower === "today" || lower === "yesterday" || parseDuration(lower) !== null
  );
};

export const PRESETS = [
  { from: "now-15m", label: "Last 15 minutes" },
  { from: "now-1h", label: "Last hour" },
  { from: "now-6h", label: "Last 6 hours" },
  { from: "now-24h", label: "Last 24 hours" },
  { from: "now-7d", label: "Last 7 days" },
  { from: "now-30d", label: "Last 30 days" },
  { from: "now-90d", label: "Last 90 days" },
] as const;

/** The range moved by half its width to the past (-1) or the future (1), absolute. */
export function shiftRange(range: Range, direction: -1 | 1): Range {
  const half = ((range.to - range.from) / 2) * direction;
  return { from: range.from + half, to: range.to + half };
}

/** The range twice as wide around its middle. */
export function zoomOut(range: Range): Range {
  const half = (range.to - range.from) / 2;
  return { from: range.from - half, to: range.to + half };
}

export const iso = (ms: number): string => new Date(Math.round(ms)).toISOString().replace(/\.000Z$/, "Z");

const STEPS_SECS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400,
];

/** A round step (seconds) that gives at most `points` points over the range. */
export function stepFor(range: Range, points: number): number {
  const ideal = (range.to - range.from) / 1000 / points;
  return STEPS_SECS.find((step) => step >= ideal) ?? Math.ceil(ideal / 86_400) * 86_400;
}
