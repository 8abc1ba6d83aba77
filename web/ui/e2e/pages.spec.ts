import type { Page } from "@playwright/test";
import { expect, expectAccessible, expectNoOverflow, firstOf, isDemo, open, test } from "./support.ts";

/** What every server knows: its own requests. */
const SELF = "sum by (route) (rate(evenkeel_http_requests_total[1m]))";

/** Every page; those of one object ask the API which there are, and null skips the page. */
const PAGES: Record<string, (page: Page) => Promise<string | null>> = {
  services: async () => "services",
  slos: async () => "slos",
  slo: async (page) => {
    const slo = await firstOf<{ slo: string }>(page, "api/slos", "slos");
    return slo ? `slos/${encodeURIComponent(slo.slo)}` : null;
  },
  "slo definition": async (page) => {
    const slo = await firstOf<{ slo: string }>(page, "api/slos", "slos");
    return slo ? `slos/${encodeURIComponent(slo.slo)}?tab=definition` : null;
  },
  "slo report": async (page) => {
    const slo = await firstOf<{ slo: string }>(page, "api/slos", "slos");
    return slo ? `slos/${encodeURIComponent(slo.slo)}/report` : null;
  },
  explore: async () => "explore",
  "explore promql": async () => `explore?lang=promql&q=${encodeURIComponent(SELF)}`,
  "explore sql": async () => `explore?lang=sql&q=${encodeURIComponent("SELECT * FROM slo_status")}`,
  logs: async () => "logs",
  alerts: async () => "alerts",
  "alerts notices": async () => "alerts?show=notices",
  oncall: async () => "oncall",
  incidents: async () => "incidents?show=all",
  incident: async (page) => {
    const incident = await firstOf<{ incident_id: string }>(page, "api/incidents?state=all", "incidents");
    return incident ? `incidents/${encodeURIComponent(incident.incident_id)}` : null;
  },
  runbooks: async () => "runbooks",
  runbook: async (page) => {
    const runbook = await firstOf<{ id: string }>(page, "api/runbooks", "runbooks");
    return runbook ? `runbooks/${encodeURIComponent(runbook.id)}` : null;
  },
  retros: async () => "retros",
  retro: async (page) => {
    const retro = await firstOf<{ id: string }>(page, "api/retrospectives", "retrospectives");
    return retro ? `retros/${encodeURIComponent(retro.id)}` : null;
  },
  inbox: async (page) => {
    return (await isDemo(page)) ? "inbox" : null;
  },
  gates: async () => "gates",
  gate: async (page) => {
    const gate = await firstOf<{ service: string }>(page, "api/gates", "gates");
    return gate ? `gates/${encodeURIComponent(gate.service)}` : null;
  },
  recovery: async () => "recovery?by=service",
  delivery: async () => "recovery?tab=delivery&by=service",
  impact: async () => "recovery?tab=impact&by=service",
  cardinality: async () => "cardinality",
  targets: async () => "targets",
  system: async () => "system",
};

for (const [name, path] of Object.entries(PAGES)) {
  test(`${name} is sound`, async ({ page }, info) => {
    const found = await path(page);
    test.skip(found === null, "this server has nothing to show here");
    if (found === null) return;
    await open(page, found);
    // Fonts and the lazy editor have come: what is judged is what a person sees.
    await page.waitForLoadState("networkidle");
    await expect(page).toHaveTitle(/ · Evenkeel$/);
    await expect(page.getByRole("heading", { level: 1 }).first()).toBeVisible();
    if (process.env.E2E_SHOTS)
      await page.screenshot({ path: `test-results/shots/${info.project.name}-${name}.png` });
    await expectNoOverflow(page);
    await expectAccessible(page);
    if (info.project.name === "phone") {
      await page.setViewportSize({ width: 320, height: 640 });
      await expectNoOverflow(page);
    }
  });
}

test("an unknown address says so and leads back", async ({ page }) => {
  await page.goto("no/such/page");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("There is no such page");
  await page.getByRole("link", { name: "Go to the services" }).click();
  await expect(page).toHaveURL(/\/services/);
});
