import { describe, expect, it } from "vitest";
import { plainOutput } from "./ansi.ts";
import { counterTable } from "./counters.ts";
import { linkify, safeHref } from "./links.ts";
import { severityRank, worstFirst } from "./order.ts";
import { rank } from "./palette.ts";
import { people } from "./people.ts";

describe("links in somebody else's text", () => {
  it("finds http addresses, without the full stop behind", () => {
    expect(linkify("See https://a.example/p/x. Now")).toEqual([
      { text: "See " },
      { text: "https://a.example/p/x", href: "https://a.example/p/x" },
      { text: ". Now" },
    ]);
    expect(linkify("javascript:alert(1)")).toEqual([{ text: "javascript:alert(1)" }]);
  });

  it("lets only http and paths of this site through", () => {
    const base = "https://sre.example/evenkeel/";
    expect(safeHref("/incidents/INC-1", base)).toBe("https://sre.example/evenkeel/incidents/INC-1");
    expect(safeHref("https://git.example/x", base)).toBe("https://git.example/x");
    expect(safeHref("javascript:alert(1)", base)).toBeNull();
    expect(safeHref("data:text/html,x", base)).toBeNull();
    expect(safeHref("http://", base)).toBeNull();
  });
});

it("shows output as a terminal would leave it", () => {
  expect(plainOutput("\u001b[32mok\u001b[0m\r\nnext")).toBe("ok\nnext");
  expect(plainOutput("10%\r50%\r100%\n")).toBe("100%");
  expect(plainOutput("a\u0000b\u0007\u001b]0;title\u0007c")).toBe("abc");
});

it("orders the worst first, no data after at risk", () => {
  const rows = [
    { status: "healthy", remaining: 0.5, name: "h" },
    { status: "no_data", remaining: null, name: "n" },
    { status: "at_risk", remaining: 0.2, name: "r" },
    { status: "breached", remaining: -0.1, name: "b1" },
    { status: "breached", remaining: -0.4, name: "b2" },
  ] as const;
  expect([...rows].sort(worstFirst).map(({ name }) => name)).toEqual(["b2", "b1", "r", "n", "h"]);
  expect([severityRank("SEV1"), severityRank("sev5"), severityRank("page"), severityRank(null)]).toEqual([
    1, 5, 9, 9,
  ]);
});

it("finds by every word, starts of words first", () => {
  const entry = (label: string, group = "Pages") => ({ group, label, detail: "", to: label });
  const entries = [
    entry("Incidents"),
    entry("On-call incidents"),
    entry("SLOs"),
    entry("Matchmaking", "SLOs"),
  ];
  expect(rank(entries, "inc").map(({ label }) => label)).toEqual(["Incidents", "On-call incidents"]);
  expect(rank(entries, "incidents call").map(({ label }) => label)).toEqual(["On-call incidents"]);
  expect(rank(entries, "")).toHaveLength(4);
  expect(rank(entries, "zzz")).toEqual([]);
});

it("lays counters out as a row per source, with what was stored first", () => {
  expect(counterTable({ logs: { requests: 1, stored_rows: 2 }, events: { torn: 3 }, late: 4 })).toEqual({
    columns: ["stored_rows", "requests", "torn", "value"],
    rows: [
      { name: "logs", cells: [2, 1, undefined, undefined] },
      { name: "events", cells: [undefined, undefined, 3, undefined] },
      { name: "late", cells: [undefined, undefined, undefined, 4] },
    ],
  });
});

it("names the people on call", () => {
  expect(people([])).toEqual({ first: null, others: "" });
  expect(people(["A", "B", "A"])).toEqual({ first: "A", others: "and B" });
  expect(people(["A", "B", "C", "D"])).toEqual({ first: "A", others: "and 3 more" });
});
