import { expect, test } from "vitest";
import type { Gate, GateCondition } from "../api/types.ts";
import { because, checkLimit, checkName, checkValue, decisionsOf, gateOrder, telling } from "./gate.ts";

const condition = (given: Partial<GateCondition>): GateCondition => ({
  check: "burn_rate",
  subject: "shop/1",
  window: "1h",
  value: 2,
  relation: "below",
  limit: 14.4,
  outcome: "met",
  blocks: false,
  detail: "the budget burns at 2x over 1h, it has to be below 14.4x",
  ...given,
});

const gate = (given: Partial<Gate>): Gate => ({
  service: "shop",
  allowed: true,
  verdict: "allowed",
  policy: "default",
  decided_at: "2026-11-23T18:00:00Z",
  explanation: "",
  conditions: [],
  opened_by: null,
  overrides: [],
  next_freeze: null,
  ...given,
});

test("each kind of number is written its own way", () => {
  const written = (
    check: GateCondition["check"],
    value: number | null,
    limit: number,
    relation: "above" | "at_most",
  ) => {
    const one = condition({ check, value, limit, relation, window: null });
    return [checkName(one), checkValue(one), checkLimit(one)];
  };
  expect(written("budget_remaining", 0.5004, 0.1, "above")).toEqual(["Budget left", "50%", "above 10%"]);
  expect(written("open_incidents", 2, 0, "at_most")).toEqual(["Open incidents", "2", "at most 0"]);
  expect(written("change_fail_rate", null, 0.25, "at_most")).toEqual(["Change failures", "—", "at most 25%"]);
  expect(written("freeze", 1, 0, "at_most")).toEqual(["Freeze", "Holds", "None"]);
  expect([checkName(condition({})), checkValue(condition({})), checkLimit(condition({}))]).toEqual([
    "Burn rate, 1h",
    "2.0×",
    "below 14.4×",
  ]);
});

test("of several conditions of a kind the one that blocks is told, else the one nearest to its limit", () => {
  const far = condition({ value: 1, limit: 14.4 });
  const near = condition({ value: 5, limit: 6, window: "6h" });
  const unknown = condition({ value: null, outcome: "unknown" });
  const blocks = condition({ value: 20, outcome: "not_met", blocks: true });
  expect(telling([far, near], "burn_rate")).toBe(near);
  expect(telling([near, unknown], "burn_rate")).toBe(unknown);
  expect(telling([near, unknown, blocks], "burn_rate")).toBe(blocks);
  expect(telling([near], "freeze")).toBeUndefined();
});

test("a verdict says why", () => {
  const blocks = condition({ blocks: true, outcome: "not_met", detail: "2 alerts that page are firing" });
  const opened_by = {
    id: 1,
    actor: "mia",
    reason: "the fix itself",
    created_at: "",
    expires_at: "",
    active: true,
    revoked_at: null,
    revoked_by: null,
    revoke_reason: null,
  };
  expect(because(gate({ verdict: "blocked", conditions: [blocks] }))).toBe("2 alerts that page are firing");
  expect(because(gate({ verdict: "overridden", conditions: [blocks], opened_by }))).toBe(
    "Opened by mia: the fix itself",
  );
  expect(because(gate({ conditions: [condition({}), condition({})] }))).toBe("All 2 conditions are met");
  const unknown = condition({ outcome: "unknown", value: null });
  expect(because(gate({ conditions: [condition({}), unknown] }))).toBe("1 condition is met, 1 is not known");
  expect(because(gate({ conditions: [unknown, unknown] }))).toBe("Nothing is known of 2 conditions");
  expect(because(gate({}))).toBe("Nothing is asked for");
});

test("what is blocked comes first", () => {
  const list = [
    gate({ service: "b" }),
    gate({ service: "a" }),
    gate({ service: "c", verdict: "overridden" }),
    gate({ service: "d", verdict: "blocked" }),
  ];
  expect(list.sort(gateOrder).map(({ service }) => service)).toEqual(["d", "c", "a", "b"]);
});

test("the log is read by the names of its columns, whatever an old version wrote", () => {
  const columns = ["service", "at", "verdict", "policy", "actor", "conditions", "event_id"].map((name) => ({
    name,
    type: "Utf8",
  }));
  const conditions = JSON.stringify([condition({ blocks: true, detail: "a freeze holds" }), condition({})]);
  const row = (json: string | null) => [
    "shop",
    "2026-11-23T18:00:00Z",
    "blocked",
    "default",
    "ci",
    json,
    "e1",
  ];
  const reasons = decisionsOf({ columns, rows: [row(conditions), row("{"), row("{}"), row(null)] }).map(
    (decision) => decision.reasons,
  );
  expect(reasons).toEqual([["A freeze holds"], [], [], []]);
  expect(decisionsOf({ columns, rows: [row(null)] })[0]).toMatchObject({ service: "shop", actor: "ci" });
});
