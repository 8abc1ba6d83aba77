import { expect, test } from "vitest";
import type { SloReport } from "../api/types.ts";
import { instantField, reportCsv, reportedOnField, windowsField } from "./sloReport.ts";

const NOW = Date.parse("2026-11-23T18:00:00Z");

test("the end of a report is typed as any time", () => {
  expect(instantField("", NOW)).toEqual({});
  expect(instantField("now-7d", NOW)).toEqual({ at: "2026-11-16T18:00:00Z" });
  expect(instantField("2026-11-01", NOW)).toEqual({ at: "2026-11-01T00:00:00Z" });
  expect(instantField("soon", NOW)).toEqual({ fault: '"soon" is not a time' });
});

test("as reported on a day counts all of that day, and never the future", () => {
  expect(reportedOnField("2026-11-01", NOW)).toEqual({ at: "2026-11-02T00:00:00Z" });
  expect(reportedOnField("yesterday", NOW)).toEqual({ at: "2026-11-23T00:00:00Z" });
  expect(reportedOnField("today", NOW)).toEqual({ at: "2026-11-23T18:00:00Z" });
  expect(reportedOnField("2026-11-01 09:30", NOW)).toEqual({ at: "2026-11-01T09:30:00Z" });
  expect(reportedOnField("soon", NOW)).toEqual({ fault: '"soon" is not a time' });
});

test("windows are told apart by commas or spaces", () => {
  expect(windowsField("1h, 6h  3d")).toEqual({ windows: "1h,6h,3d" });
  expect(windowsField("")).toEqual({ windows: "" });
  expect(windowsField("1h,fast")).toEqual({ fault: '"fast" is no duration such as 6h' });
  expect(windowsField("0h")).toEqual({ fault: '"0h" is no duration such as 6h' });
  expect(windowsField(Array(21).fill("1h").join(","))).toEqual({ fault: "At most 20 windows at once" });
});

test("a report becomes a table in which unknown stays empty", () => {
  const report = {
    status: {
      slo: "shop",
      objective: "1",
      group_key: "",
      service: "shop",
      window: "30d",
      target: 0.999,
      sli: null,
    },
    burn: [{ window: "1h", burn_rate: 2.5, budget_used: 0.01, coverage: 1 }],
    spent: {
      from: "2026-10-24T18:00:00Z",
      to: "2026-11-23T18:00:00Z",
      bad: 10,
      allowed_bad: 20,
      causes: [
        {
          kind: "incident",
          id: "INC-1",
          title: "=cmd, everything is down",
          from: "2026-11-20T10:00:00Z",
          to: "2026-11-20T11:00:00Z",
          bad: 8,
          budget_share: 0.4,
          bad_share: 0.8,
        },
      ],
      unexplained_bad: 2,
      unexplained_budget_share: 0.1,
    },
    groups: [],
    excluded: [],
  } as unknown as SloReport;
  const lines = reportCsv(report).split("\r\n");
  expect(lines[0]).toBe("section,name,from,to,value,bad,budget_share");
  expect(lines).toContain("objective,sli,,,,,");
  expect(lines).toContain("burn_rate,1h,,,2.5,,0.01");
  expect(lines).toContain(
    'incident,"INC-1: =cmd, everything is down",2026-11-20T10:00:00Z,2026-11-20T11:00:00Z,,8,0.4',
  );
  expect(lines).toContain("unexplained,,2026-10-24T18:00:00Z,2026-11-23T18:00:00Z,,2,0.1");
});
