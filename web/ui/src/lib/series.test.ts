import { describe, expect, it } from "vitest";
import type { PromData } from "../api/types.ts";
import { promNumber, seriesName, seriesTable, shortNames, statistics, topSeries } from "./series.ts";
import { sqlSeries } from "./sqlChart.ts";

const matrix: PromData = {
  resultType: "matrix",
  result: [
    {
      metric: { __name__: "up", job: "a" },
      values: [
        [1, "1"],
        [3, "NaN"],
      ],
    },
    {
      metric: { __name__: "up", job: "b" },
      values: [
        [2, "4"],
        [3, "+Inf"],
      ],
    },
  ],
};

describe("Prometheus answers", () => {
  it("align on one time axis, what cannot be drawn is a gap", () => {
    const table = seriesTable(matrix);
    expect(table.at).toEqual([1, 2, 3]);
    expect(table.series.map(({ values }) => values)).toEqual([
      [1, null, null],
      [null, 4, null],
    ]);
    expect(table.samples).toBe(4);
    expect(table.series.map(({ name }) => name)).toEqual(["a", "b"]);
  });

  it("take instant vectors and scalars", () => {
    expect(
      seriesTable({ resultType: "vector", result: [{ metric: {}, value: [5, "7"] }] }).series[0]?.last,
    ).toBe(7);
    expect(seriesTable({ resultType: "scalar", result: [5, "7"] }).at).toEqual([5]);
  });

  it("read their special numbers", () => {
    expect(promNumber("-Inf")).toBe(Number.NEGATIVE_INFINITY);
    expect(promNumber("NaN")).toBeNaN();
    expect(promNumber("1e3")).toBe(1000);
  });
});

it("names series", () => {
  expect(seriesName({ __name__: "up" })).toBe("up");
  expect(seriesName({ __name__: "up", b: "2", a: 'x"' })).toBe('up{a="x\\"", b="2"}');
  expect(seriesName({})).toBe("{}");
  expect(shortNames([{ a: "1", s: "x" }, { s: "x" }])).toEqual(["1", "(empty)"]);
});

it("computes the legend over what is known", () => {
  expect(statistics([null, 2, 4, null])).toEqual({ last: 4, min: 2, max: 4, avg: 3 });
  expect(statistics([null])).toEqual({ last: null, min: null, max: null, avg: null });
});

it("draws the highest peaks when there are too many", () => {
  const list = [1, 9, 5].map((max) => ({
    name: `${max}`,
    labels: {},
    values: [],
    last: 0,
    min: 0,
    max,
    avg: 0,
  }));
  expect(topSeries(list, 2).map(({ name }) => name)).toEqual(["9", "5"]);
  expect(topSeries(list, 3)).toBe(list);
});

describe("SQL answers", () => {
  const columns = [
    { name: "at", type: 'Timestamp(Microsecond, Some("UTC"))' },
    { name: "state", type: "Utf8" },
    { name: "sli", type: "Float64" },
  ];

  it("can be drawn with a time and a number", () => {
    const drawn = sqlSeries({
      columns,
      rows: [
        ["2026-11-23T00:01:00Z", "x", 2],
        ["2026-11-23T00:00:00Z", "x", null],
      ],
    });
    expect(drawn?.series.map(({ name, values }) => [name, values])).toEqual([["sli", [null, 2]]]);
  });

  it("stay a table otherwise", () => {
    const twice = ["2026-11-23T00:00:00Z", "x", 1];
    expect(sqlSeries({ columns, rows: [twice, twice] })).toBeNull();
    expect(sqlSeries({ columns: columns.slice(1), rows: [["x", 1]] })).toBeNull();
  });
});
