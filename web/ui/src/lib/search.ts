// The state that every page shares through the URL: `?from=now-6h&to=now&tz=UTC&refresh=30s`. What is
// absent has its default; what is nonsense is dropped, never an error page.
import { parseDuration, parseInstant } from "./time.ts";

export interface SharedSearch {
  from?: string;
  to?: string;
  tz?: string;
  refresh?: string;
}

export const REFRESH_CHOICES = ["off", "5s", "15s", "30s", "1m", "5m"] as const;

export function validateShared(raw: Record<string, unknown>): SharedSearch {
  const out: SharedSearch = {};
  const from = instantText(raw.from);
  const to = instantText(raw.to);
  if (from) out.from = from;
  if (to) out.to = to;
  if (typeof raw.tz === "string" && isZone(raw.tz)) out.tz = raw.tz;
  if (typeof raw.refresh === "string" && refreshMs(raw.refresh) !== null) out.refresh = raw.refresh;
  return out;
}

/** Epoch milliseconds arrive as numbers, everything else as text. */
function instantText(value: unknown): string | undefined {
  const text = typeof value === "number" ? String(value) : value;
  return typeof text === "string" && parseInstant(text, 0) !== null ? text : undefined;
}

export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en-GB", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** Milliseconds between refreshes; `false` is off, null is not a refresh interval at all. */
export function refreshMs(text: string): number | false | null {
  if (text === "off") return false;
  const secs = parseDuration(text);
  return secs !== null && secs >= 1 ? secs * 1000 : null;
}

/** Every value is plain text: what a person types into the address bar is what the page gets. */
export function parseSearch(text: string): Record<string, unknown> {
  return Object.fromEntries(new URLSearchParams(text));
}

export function stringifySearch(search: Record<string, unknown>): string {
  const pairs = Object.entries(search).filter(
    ([, value]) => value !== undefined && value !== null && value !== "",
  );
  const text = new URLSearchParams(pairs.map(([key, value]) => [key, String(value)])).toString();
  return text === "" ? "" : `?${text}`;
}

export const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

export function oneOf<T extends string>(value: unknown, choices: readonly T[]): T | undefined {
  return choices.find((choice) => choice === value);
}
