import { describe, expect, it } from "vitest";
import type { Incident } from "../api/types.ts";
import { isOpen, offers, stepOf } from "./incident.ts";

const incident = (patch: Partial<Incident>): Incident => ({
  incident_id: "INC-1",
  title: "t",
  service: "s",
  severity: "SEV2",
  state: "triage",
  commander: null,
  started_at: "2026-11-23T00:00:00Z",
  detected_at: null,
  acknowledged_at: null,
  acknowledged_by: null,
  mitigated_at: null,
  restored_at: null,
  resolved_at: null,
  closed_at: null,
  source: "evenkeel",
  alerts_firing: 1,
  ...patch,
});
const verbs = (patch: Partial<Incident>) => offers(incident(patch)).map(({ verb }) => verb);

describe("what can be done next", () => {
  it("acknowledges first", () => {
    expect(verbs({})).toEqual(["acknowledge", "mitigate", "resolve", "restore"]);
    expect(verbs({ state: "investigating", acknowledged_at: "x" })).toEqual([
      "mitigate",
      "resolve",
      "restore",
    ]);
  });

  it("resolves what is mitigated, closes what is resolved", () => {
    expect(verbs({ state: "mitigated", acknowledged_at: "x", restored_at: "x" })).toEqual(["resolve"]);
    expect(verbs({ state: "resolved" })).toEqual(["close"]);
    expect(verbs({ state: "closed" })).toEqual([]);
    expect(verbs({ state: "merged" })).toEqual([]);
  });
});

it("places states on the stepper", () => {
  expect(
    (["triage", "investigating", "identified", "mitigated", "resolved", "closed"] as const).map(stepOf),
  ).toEqual([0, 1, 1, 2, 3, 4]);
  expect(isOpen("mitigated")).toBe(true);
  expect(isOpen("declined")).toBe(false);
});
