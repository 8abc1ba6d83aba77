import { expect, test } from "vitest";
import type { IncidentImpact } from "../api/types.ts";
import { byPeriod, IMPACT_MEASURES, knownOf, sum, worstImpact } from "./impact.ts";

const one = (incident_id: string, given: Partial<IncidentImpact>): IncidentImpact => ({
  incident_id,
  service: "shop",
  team: "web",
  severity: "SEV2",
  started_at: "2026-11-20T10:00:00Z",
  ended_at: null,
  minutes: null,
  users_affected: null,
  user_minutes: null,
  requests_affected: null,
  requests_source: null,
  ...given,
});

test("a sum says of how many it is known, and unknown is not zero", () => {
  const list = [one("a", { minutes: 10 }), one("b", { minutes: 5 }), one("c", {})];
  expect(sum(list, "minutes")).toEqual({ total: 15, known: 2, of: 3 });
  expect(sum(list, "users_affected")).toEqual({ total: null, known: 0, of: 3 });
  expect(knownOf(sum(list, "minutes"))).toBe("known of 2 of 3 incidents");
  expect(knownOf(sum(list, "users_affected"))).toBe("not known of 3 incidents");
  expect(knownOf(sum(list.slice(0, 2), "minutes"))).toBe("all 2 incidents");
  expect(knownOf(sum([], "minutes"))).toBe("no incident");
});

test("the worst comes first, the unknown last", () => {
  const list = [
    one("quiet", {}),
    one("long", { minutes: 90 }),
    one("requests", { requests_affected: 10 }),
    one("users", { user_minutes: 1 }),
  ];
  expect(list.sort(worstImpact).map(({ incident_id }) => incident_id)).toEqual([
    "users",
    "requests",
    "long",
    "quiet",
  ]);
});

test("a period counts what started in it: nothing costs nothing, the unknown is not nothing", () => {
  const periods = [
    { from: "2026-11-01T00:00:00Z", to: "2026-11-08T00:00:00Z" },
    { from: "2026-11-08T00:00:00Z", to: "2026-11-15T00:00:00Z" },
    { from: "2026-11-15T00:00:00Z", to: "2026-11-22T00:00:00Z" },
  ];
  const rows = byPeriod(periods, [
    one("a", { started_at: "2026-11-01T00:00:00Z", minutes: 10, user_minutes: 50 }),
    one("b", { started_at: "2026-11-07T23:59:59Z", minutes: 5 }),
    one("c", { started_at: "2026-11-15T00:00:00Z", minutes: 7 }),
  ]);
  const read = (key: string) => rows.map((row) => IMPACT_MEASURES.find((one) => one.key === key)?.read(row));
  expect(read("incidents")).toEqual([2, 0, 1]);
  expect(read("time")).toEqual([900, 0, 420]);
  expect(read("user_minutes")).toEqual([50, 0, null]);
});
