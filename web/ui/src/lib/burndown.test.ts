import { describe, expect, it } from "vitest";
import type { SloHistory } from "../api/types.ts";
import { burndown, burndownSentence, niceStep, projectionUntil } from "./burndown.ts";
import { budget } from "./format.ts";

const at = (minute: number) => new Date(Date.UTC(2026, 10, 23, 0, minute)).toISOString();
const secs = (minute: number) => Date.parse(at(minute)) / 1000;
const point = (minute: number, left: number | null) => ({
  at: at(minute),
  good: 1,
  total: 1,
  sli: 1,
  error_budget_remaining: left,
});
const history = (patch: Partial<SloHistory>): SloHistory => ({
  points: [],
  incidents: [],
  deploys: [],
  projection: [],
  ...patch,
});

describe("burndown", () => {
  it("keeps gaps as gaps and sorts by time", () => {
    const data = burndown(history({ points: [point(20, 0.8), point(0, 1), point(10, null)] }));
    expect(data.at).toEqual([secs(0), secs(10), secs(20)]);
    expect(data.left).toEqual([1, null, 0.8]);
  });

  it("starts the projection where the line ends", () => {
    const data = burndown(
      history({
        points: [point(0, 1), point(10, 0.5), point(20, null)],
        projection: [
          { at: at(5), error_budget_remaining: 9, low: 9, high: 9 },
          { at: at(30), error_budget_remaining: 0.2, low: 0.1, high: 0.3 },
        ],
      }),
    );
    expect(data.at).toEqual([secs(0), secs(10), secs(20), secs(30)]);
    expect(data.projected).toEqual([null, 0.5, null, 0.2]);
    expect(data.low).toEqual([null, 0.5, null, 0.1]);
    expect(data.left).toEqual([1, 0.5, null, null]);
  });

  it("cuts a projection between two of its points", () => {
    const points = [0, 10, 20].map((minute) => ({
      at: at(minute),
      error_budget_remaining: 1 - minute / 20,
      low: 1 - minute / 10,
      high: 1,
    }));
    expect(projectionUntil(points, Date.parse(at(30)))).toEqual(points);
    expect(projectionUntil(points, Date.parse(at(10)))).toEqual(points.slice(0, 2));
    const cut = projectionUntil(points, Date.parse(at(5)));
    expect(cut).toEqual([points[0], { at: at(5), error_budget_remaining: 0.75, low: 0.5, high: 1 }]);
    expect(projectionUntil(points, Date.parse(at(-5)))).toEqual([]);
  });

  it("follows a steep projection only so far below what was measured", () => {
    const steep = { at: at(20), error_budget_remaining: -60, low: -80, high: -40 };
    const data = burndown(history({ points: [point(0, 1), point(10, -0.2)], projection: [steep] }));
    expect(data.min).toBeLessThanOrEqual(-0.7);
    expect(data.min).toBeGreaterThan(-1.5);
    const gentle = { at: at(20), error_budget_remaining: 0.1, low: -0.3, high: 0.2 };
    expect(burndown(history({ points: [point(0, 1)], projection: [gentle] })).min).toBeLessThanOrEqual(-0.3);
  });

  it("always shows some of the spent area, and all of what was overspent", () => {
    const healthy = burndown(history({ points: [point(0, 1), point(10, 0.9)] }));
    expect(healthy.min).toBeLessThan(0);
    expect(healthy.max).toBeGreaterThan(1);
    const over = burndown(history({ points: [point(0, 1), point(10, -1.38)] }));
    expect(over.min).toBeLessThanOrEqual(-1.38);
  });

  it("keeps an incident that goes on open", () => {
    const data = burndown(
      history({
        incidents: [
          { incident_id: "INC-1", title: "t", severity: "SEV2", started_at: at(1), restored_at: null },
          { incident_id: "INC-2", title: "t", severity: "SEV2", started_at: at(1), restored_at: at(2) },
        ],
        deploys: [{ deploy_id: "d", version: "v2", service: "s", at: at(3), status: "rolled_back" }],
      }),
    );
    expect(data.regions.map(({ to }) => to)).toEqual([null, secs(2)]);
    expect(data.deploys).toEqual([{ at: secs(3), label: "deploy v2", failed: true }]);
  });

  it("says what it shows", () => {
    const data = burndown(history({ points: [point(0, 1), point(10, -0.38)] }));
    expect(burndownSentence(data, budget)).toBe("Error budget from 100% to −38%.");
    expect(burndownSentence(burndown(history({})), budget)).toBe("No budget history in this range.");
  });
});

it("chooses round steps", () => {
  expect(niceStep(0.18)).toBeCloseTo(0.2);
  expect(niceStep(0.21)).toBeCloseTo(0.25);
  expect(niceStep(3)).toBe(5);
});
