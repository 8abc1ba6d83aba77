import { describe, expect, it } from "vitest";
import * as format from "./format.ts";

describe("unknown is a dash, never zero", () => {
  it.each([
    format.count,
    format.sli,
    format.target,
    format.budget,
    format.burn,
    format.threshold,
    format.compact,
    format.duration,
    format.span,
  ])("%o", (write) => {
    expect(write(null)).toBe("—");
    expect(write(undefined)).toBe("—");
    expect(write(Number.NaN)).toBe("—");
  });

  it("times too", () => {
    expect(format.time(null, "UTC")).toBe("—");
    expect(format.time("not a time", "UTC")).toBe("—");
    expect(format.zoned(undefined, "UTC")).toBe("—");
    expect(format.ago(null, 0)).toBe("—");
  });
});

describe("ratios", () => {
  it("keeps three digits of an SLI", () => {
    expect(format.sli(0.99921)).toBe("99.921%");
    expect(format.sli(0.9998)).toBe("99.980%");
    expect(format.sli(0)).toBe("0.000%");
  });

  it("never rounds an SLI up to perfect", () => {
    expect(format.sli(0.9999997)).toBe("99.99997%");
    expect(format.sli(0.999999999)).not.toBe("100%");
    expect(format.sli(1)).toBe("100%");
  });

  it("writes a target as it was chosen", () => {
    expect(format.target(0.999)).toBe("99.9%");
    expect(format.target(0.95)).toBe("95%");
    expect(format.target(0.9995)).toBe("99.95%");
  });

  it("tells overspent from spent", () => {
    expect(format.budget(0.204)).toBe("20.4%");
    expect(format.budget(0)).toBe("0%");
    expect(format.budget(-0.38)).toBe("−38%");
    expect(format.budget(-0.0004)).toBe("−0.04%");
    expect(format.budget(-14.2)).toBe("−1,420%");
  });

  it("writes burn rates", () => {
    expect(format.burn(8.4)).toBe("8.4×");
    expect(format.burn(1)).toBe("1.0×");
    expect(format.burn(0)).toBe("0×");
    expect(format.burn(0.034)).toBe("0.03×");
    expect(format.burn(1234)).toBe("1,234×");
    expect(format.threshold(6)).toBe("6×");
    expect(format.threshold(14.4)).toBe("14.4×");
  });
});

describe("amounts", () => {
  it("groups thousands", () => {
    expect(format.count(61_204)).toBe("61,204");
    expect(format.count(0)).toBe("0");
    expect(format.count(2.5)).toBe("2.5");
  });

  it("shortens axis values", () => {
    expect(format.compact(0)).toBe("0");
    expect(format.compact(12_345)).toBe("12.3 k");
    expect(format.compact(-2_000_000)).toBe("−2 M");
    expect(format.compact(0.00012)).toBe("1.2e-4");
    expect(format.compact(Number.POSITIVE_INFINITY)).toBe("+Inf");
  });
});

describe("durations", () => {
  it("writes the two largest units", () => {
    expect(format.duration(528)).toBe("8 min 48 s");
    expect(format.duration(207_360)).toBe("2 d 9 h");
    expect(format.duration(3600)).toBe("1 h");
    expect(format.duration(86_460)).toBe("1 d");
    expect(format.duration(0)).toBe("0 s");
    expect(format.duration(0.25)).toBe("250 ms");
    expect(format.duration(-60)).toBe("−1 min");
  });

  it("writes one unit for key numbers", () => {
    expect(format.span(207_360)).toBe("2.4 days");
    expect(format.span(86_400)).toBe("1 day");
    expect(format.span(7200)).toBe("2 hours");
    expect(format.span(90)).toBe("2 min");
    expect(format.span(400 * 86_400)).toBe("over a year");
  });

  it("reads windows aloud", () => {
    expect(format.windowText("30d")).toBe("30 days");
    expect(format.windowText("1d")).toBe("1 day");
    expect(format.windowText("5m")).toBe("5 min");
    expect(format.windowText("calendar month")).toBe("calendar month");
  });

  it("counts from one instant to another, never backwards", () => {
    expect(format.since("2026-11-23T00:00:00Z", "2026-11-23T00:01:30Z")).toBe(90);
    expect(format.since("2026-11-23T00:00:10Z", "2026-11-23T00:00:00Z")).toBe(0);
    expect(format.since("2026-11-23T00:00:00Z", null)).toBeNull();
  });
});

describe("times", () => {
  const at = "2026-09-22T14:03:05Z";

  it("is 24 h and in the zone", () => {
    expect(format.time(at, "UTC")).toBe("22 Sep 14:03");
    expect(format.time(at, "Europe/Paris", "second")).toBe("22 Sep 16:03:05");
    expect(format.time("2026-09-22T00:00:00Z", "UTC", "clock")).toBe("00:00:00");
    expect(format.zoned(at, "UTC", "full")).toBe("22 Sep 2026 14:03:05 UTC");
    expect(format.zoned(at, "Asia/Tokyo")).toBe("22 Sep 23:03 Asia/Tokyo");
  });

  it("says how long ago, in steps that do not tick", () => {
    const now = Date.parse(at);
    expect(format.ago("2026-09-22T14:03:03Z", now)).toBe("just now");
    expect(format.ago("2026-09-22T13:50:40Z", now)).toBe("12 min ago");
    expect(format.ago("2026-09-22T16:03:05Z", now)).toBe("in 2 h");
  });
});

it("writes cells of any shape", () => {
  expect(format.cell(null)).toBe("—");
  expect(format.cell({ a: 1 })).toBe('{"a":1}');
  expect(format.cell(false)).toBe("false");
});
