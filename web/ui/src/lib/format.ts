// Every number and time on the screen is written here. Unknown is a dash, never zero; clocks are 24 h; the
// zone is always explicit.

export const UNKNOWN = "—";
const MINUS = "\u2212";

type Maybe = number | null | undefined;

const known = (value: Maybe): value is number => typeof value === "number" && Number.isFinite(value);

const signed = (text: string): string => text.replace(/^-/, MINUS);

function fixed(value: number, digits: number): string {
  return signed(
    new Intl.NumberFormat("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(
      value,
    ),
  );
}

/** 61204 -> "61,204"; fractions only where they carry information. */
export function count(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  return signed(
    new Intl.NumberFormat("en-GB", { maximumFractionDigits: Math.abs(value) < 10 ? 2 : 0 }).format(value),
  );
}

/** A measured ratio: 0.99921 -> "99.921%". Never rounds up to a perfect 100%. */
export function sli(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  const percent = value * 100;
  for (let digits = value === 1 ? 0 : 3; digits < 8; digits++) {
    if (percent >= 100 || Number(percent.toFixed(digits)) < 100) return `${fixed(percent, digits)}%`;
  }
  return `${percent}%`;
}

/** A target as it was written: 0.999 -> "99.9%". */
export function target(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  return `${signed(String(Number((value * 100).toFixed(8))))}%`;
}

/** A share of the budget: 0.204 -> "20.4%", -0.38 -> "−38%". */
export function budget(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  const percent = value * 100;
  const digits = Math.abs(percent) >= 100 ? 0 : Math.abs(percent) < 1 && percent !== 0 ? 2 : 1;
  return `${trimZeros(fixed(percent, digits), 0)}%`.replace(/^\u22120%$/, "0%");
}

/** A burn rate: 8.4 -> "8.4×". */
export function burn(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  if (value === 0) return "0×";
  const magnitude = Math.abs(value);
  const digits = magnitude >= 100 ? 0 : magnitude >= 0.1 ? 1 : 2;
  return `${fixed(value, digits)}×`;
}

/** A burn rate somebody chose: 6 -> "6×", 14.4 -> "14.4×". */
export function threshold(value: Maybe): string {
  return known(value) ? `${trimZeros(fixed(value, 2), 0)}×` : UNKNOWN;
}

/** Drops trailing zeros of a fraction, keeping at least `keep` digits after the point. */
function trimZeros(text: string, keep: number): string {
  const point = text.indexOf(".");
  if (point < 0) return text;
  let end = text.length;
  while (end > point + 1 + keep && text[end - 1] === "0") end--;
  return text.slice(0, text[end - 1] === "." ? end - 1 : end);
}

const SI = ["", " k", " M", " G", " T", " P"];

/** An axis or legend value: 12345 -> "12.3 k", 0.00012 -> "1.2e-4". */
export function compact(value: Maybe): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "−Inf";
  if (!known(value)) return UNKNOWN;
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && magnitude < 0.001) return signed(value.toExponential(1));
  if (magnitude < 1000) return signed(String(Number(value.toPrecision(magnitude < 1 ? 3 : 4))));
  const power = Math.min(Math.floor(Math.log10(magnitude) / 3), SI.length - 1);
  return signed(`${Number((value / 1000 ** power).toPrecision(3))}${SI[power]}`);
}

const UNITS: [string, number][] = [
  ["d", 86_400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
];

/** The two largest units: 528 -> "8 min 48 s", 207360 -> "2 d 9 h". */
export function duration(secs: Maybe): string {
  if (!known(secs)) return UNKNOWN;
  if (secs < 0) return `${MINUS}${duration(-secs)}`;
  if (secs < 1) return secs === 0 ? "0 s" : `${Math.round(secs * 1000)} ms`;
  let rest = Math.round(secs);
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    if (parts.length === 0 && rest < size) continue;
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    if (amount > 0) parts.push(`${amount} ${unit}`);
    if (parts.length === 2 || (parts.length === 1 && amount === 0)) break;
  }
  return parts.join(" ");
}

/** One unit, for key numbers: 207360 -> "2.4 days". */
export function span(secs: Maybe): string {
  if (!known(secs)) return UNKNOWN;
  const days = secs / 86_400;
  if (days >= 365) return "over a year";
  if (days >= 1) return plural(days, "day");
  if (secs >= 3600) return plural(secs / 3600, "hour");
  if (secs >= 60) return `${Math.round(secs / 60)} min`;
  return `${Math.round(secs)} s`;
}

function plural(amount: number, noun: string): string {
  const text = trimZeros(fixed(amount, amount < 10 ? 1 : 0), 0);
  return `${text} ${noun}${text === "1" ? "" : "s"}`;
}

const WORDS: Record<string, [string, string]> = {
  s: ["s", "s"],
  m: ["min", "min"],
  h: ["h", "h"],
  d: ["day", "days"],
  w: ["week", "weeks"],
};

/** A window as people read it: "30d" -> "30 days", "5m" -> "5 min"; anything else unchanged. */
export function windowText(text: string): string {
  const match = /^(\d+)([smhdw])$/.exec(text);
  if (!match) return text;
  const [one, many] = WORDS[match[2] ?? ""] ?? ["", ""];
  return `${match[1]} ${match[1] === "1" ? one : many}`;
}

/** Seconds of a window such as "30d", for the time a budget stands for; null for calendar windows. */
export function budgetSecs(windowSecs: number | null, objective: number): number | null {
  return windowSecs === null ? null : windowSecs * (1 - objective);
}

export type TimeStyle = "minute" | "second" | "date" | "full" | "clock";

const STYLES: Record<TimeStyle, Intl.DateTimeFormatOptions> = {
  minute: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
  second: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" },
  date: { day: "numeric", month: "short", year: "numeric" },
  full: {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  },
  clock: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
};

const formatters = new Map<string, Intl.DateTimeFormat>();

export function formatter(style: TimeStyle, zone: string): Intl.DateTimeFormat {
  const key = `${style} ${zone}`;
  let made = formatters.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat("en-GB", { ...STYLES[style], timeZone: zone, hourCycle: "h23" });
    formatters.set(key, made);
  }
  return made;
}

/** An instant in the zone: "22 Sept, 14:03". The zone itself is printed by the caller or with `zoned`. */
export function time(
  at: string | number | null | undefined,
  zone: string,
  style: TimeStyle = "minute",
): string {
  if (at === null || at === undefined) return UNKNOWN;
  const ms = typeof at === "number" ? at : Date.parse(at);
  if (Number.isNaN(ms)) return UNKNOWN;
  return formatter(style, zone).format(ms).replace(",", "").replace("Sept", "Sep");
}

export function zoned(
  at: string | number | null | undefined,
  zone: string,
  style: TimeStyle = "minute",
): string {
  const text = time(at, zone, style);
  return text === UNKNOWN ? text : `${text} ${zoneName(zone)}`;
}

export const zoneName = (zone: string): string => (zone === "UTC" ? "UTC" : zone);

/** How long ago, in words: "12 min ago", "just now", "in 3 h". */
export function ago(at: string | null | undefined, now: number): string {
  if (!at) return UNKNOWN;
  const secs = (now - Date.parse(at)) / 1000;
  if (Number.isNaN(secs)) return UNKNOWN;
  if (Math.abs(secs) < 5) return "just now";
  const coarse = Math.abs(secs) < 3600 ? duration(floorTo(Math.abs(secs))) : duration(Math.abs(secs));
  return secs < 0 ? `in ${coarse}` : `${coarse} ago`;
}

/** Whole minutes from one minute on, so that a list does not tick every second. */
const floorTo = (secs: number): number => (secs < 60 ? Math.floor(secs) : Math.floor(secs / 60) * 60);

export function since(
  from: string | null | undefined,
  to: string | number | null | undefined,
): number | null {
  if (!from || to === null || to === undefined) return null;
  const end = typeof to === "number" ? to : Date.parse(to);
  const secs = (end - Date.parse(from)) / 1000;
  return Number.isFinite(secs) ? Math.max(0, secs) : null;
}

/** Any cell of a table of unknown shape (SQL answers). */
export function cell(value: unknown): string {
  if (value === null || value === undefined) return UNKNOWN;
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}

export const capital = (text: string): string =>
  text.charAt(0).toUpperCase() + text.slice(1).replaceAll("_", " ");
