import { expect, test } from "vitest";
import type { SloStatus } from "../api/types.ts";
import { budgetsOf, objectiveChoices, objectiveKey, objectiveOf, objectiveSearch } from "./objective.ts";

const status = (objective: string, group_key: string, window: string) =>
  ({ objective, group_key, window, target: 0.999 }) as SloStatus;
const EU = '{region="eu"}';
const US = '{region="us"}';
const LIST = budgetsOf({
  objectives: [status("1", EU, "30d"), status("1", US, "30d"), status("fast", EU, "30d")],
  further_windows: [status("1", EU, "90d")],
});

test("a budget is found by objective, group, window, or all of them", () => {
  expect(objectiveOf(LIST, {})).toBeUndefined();
  expect(objectiveOf(LIST, { objective: "1" })).toBe(LIST[0]);
  expect(objectiveOf(LIST, { group: US })).toBe(LIST[1]);
  expect(objectiveOf(LIST, { objective: "fast", group: EU })).toBe(LIST[2]);
  expect(objectiveOf(LIST, { objective: "fast", group: US })).toBeUndefined();
  expect(objectiveOf(LIST, { window: "90d" })).toBe(LIST[3]);
});

test("what the URL says about a budget leads back to it", () => {
  for (const one of LIST) expect(objectiveOf(LIST, objectiveSearch(one))).toBe(one);
  expect(objectiveSearch(status("1", "", "30d"))).toEqual({ objective: "1", window: "30d" });
});

test("every budget is a choice of its own", () => {
  expect(new Set(LIST.map(objectiveKey)).size).toBe(LIST.length);
  expect(objectiveChoices(LIST)[3]?.label).toBe('1 {region="eu"}: 99.9% over 90 days');
});
