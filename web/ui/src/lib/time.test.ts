import { describe, expect, it } from "vitest";
import {
  iso,
  isRelative,
  parseDuration,
  parseInstant,
  parseRange,
  shiftRange,
  stepFor,
  zoomOut,
} from "./time.ts";

const NOW = Date.parse("2026-11-23T14:30:00Z");

describe("parseDuration", () => {
  it.each([
    ["90s", 90],
    ["6h", 21_600],
    ["1h30m", 5400],
    ["30d", 2_592_000],
    ["1.5d", 129_600],
    [" 2w ", 1_209_600],
  ])("%s is %d seconds", (text, secs) => expect(parseDuration(text)).toBe(secs));

  it.each(["", "h", "6", "6 h", "6x", "-6h", "now-6h"])("%j is none", (text) =>
    expect(parseDuration(text)).toBeNull(),
  );
});

describe("parseInstant", () => {
  it.each([
    ["now", "2026-11-23T14:30:00Z"],
    ["now-6h", "2026-11-23T08:30:00Z"],
    ["now + 1d", "2026-11-24T14:30:00Z"],
    ["2h", "2026-11-23T12:30:00Z"],
    ["today", "2026-11-23T00:00:00Z"],
    ["Yesterday", "2026-11-22T00:00:00Z"],
    ["2026-11-20", "2026-11-20T00:00:00Z"],
    ["2026-11-20 14:05", "2026-11-20T14:05:00Z"],
    ["2026-11-20T14:05:09Z", "2026-11-20T14:05:09Z"],
    ["2026-11-20 14:05 UTC", "2026-11-20T14:05:00Z"],
    ["2026-11-20T14:05:00+01:00", "2026-11-20T13:05:00Z"],
    ["1795444200000", "2026-11-23T14:30:00Z"],
    ["1795444200", "2026-11-23T14:30:00Z"],
  ])("%s", (text, expected) => {
    const at = parseInstant(text, NOW);
    expect(at === null ? null : iso(at)).toBe(expected);
  });

  it.each(["", "soon", "now-", "now-6", "2026-02-31", "2026-13-01", "14:05", "<script>"])(
    "%j means nothing",
    (text) => expect(parseInstant(text, NOW)).toBeNull(),
  );
});

describe("parseRange", () => {
  it("names the field at fault", () => {
    expect(parseRange("now-1h", "now", NOW)).toEqual({ ok: true, range: { from: NOW - 3_600_000, to: NOW } });
    expect(parseRange("nonsense", "now", NOW)).toMatchObject({ ok: false, field: "from" });
    expect(parseRange("now-1h", "nonsense", NOW)).toMatchObject({ ok: false, field: "to" });
    expect(parseRange("now", "now-1h", NOW)).toMatchObject({ ok: false, field: "from" });
  });
});

it("knows which ranges move with the clock", () => {
  expect(["now-6h", "2h", "today", "now"].every(isRelative)).toBe(true);
  expect(["2026-11-20", "1795444200000"].some(isRelative)).toBe(false);
});

it("moves by half and widens around the middle", () => {
  expect(shiftRange({ from: 0, to: 100 }, -1)).toEqual({ from: -50, to: 50 });
  expect(shiftRange({ from: 0, to: 100 }, 1)).toEqual({ from: 50, to: 150 });
  expect(zoomOut({ from: 0, to: 100 })).toEqual({ from: -50, to: 150 });
});

it("chooses round steps that keep within the points", () => {
  expect(stepFor({ from: 0, to: 3_600_000 }, 400)).toBe(10);
  expect(stepFor({ from: 0, to: 30 * 86_400_000 }, 400)).toBe(7200);
  for (const hours of [1, 7, 50, 1000, 20_000]) {
    const range = { from: 0, to: hours * 3_600_000 };
    expect(range.to / 1000 / stepFor(range, 400)).toBeLessThanOrEqual(400);
  }
});
