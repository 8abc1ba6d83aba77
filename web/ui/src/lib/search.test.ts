import { describe, expect, it } from "vitest";
import { oneOf, parseSearch, refreshMs, stringifySearch, validateShared } from "./search.ts";

describe("the shared search", () => {
  it("keeps what is meant", () => {
    expect(validateShared({ from: "now-6h", to: "now", tz: "Europe/Paris", refresh: "30s" })).toEqual({
      from: "now-6h",
      to: "now",
      tz: "Europe/Paris",
      refresh: "30s",
    });
    expect(validateShared({ from: 1_795_444_200_000 })).toEqual({ from: "1795444200000" });
  });

  it("drops nonsense instead of failing", () => {
    expect(validateShared({ from: "soon", to: {}, tz: "Mars/Olympus", refresh: "often" })).toEqual({});
    expect(validateShared({ refresh: "0s", tz: 3 })).toEqual({});
  });
});

it("reads refresh intervals", () => {
  expect(refreshMs("30s")).toBe(30_000);
  expect(refreshMs("off")).toBe(false);
  expect(refreshMs("x")).toBeNull();
});

describe("the URL", () => {
  it("goes there and back", () => {
    const search = { q: 'sum by (route) (rate(x{code=~"5.."}[5m])) + 100 % 3 & "#"', from: "now-6h", n: "1" };
    expect(parseSearch(stringifySearch(search))).toEqual(search);
  });

  it("leaves out what is not set", () => {
    expect(stringifySearch({ a: undefined, b: null, c: "" })).toBe("");
    expect(stringifySearch({ a: undefined, b: "x" })).toBe("?b=x");
  });

  it("keeps typed text as text", () => {
    expect(parseSearch("?q=123&r=true&s=%7B%7D")).toEqual({ q: "123", r: "true", s: "{}" });
  });

  it("takes one of the choices or none", () => {
    expect(oneOf("sql", ["promql", "sql"])).toBe("sql");
    expect(oneOf("SQL", ["promql", "sql"])).toBeUndefined();
  });
});
