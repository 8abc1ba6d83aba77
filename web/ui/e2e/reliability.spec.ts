// Reports, gates and recovery: what is asked lives in the URL, and what is decided is written down.
import { readFile } from "node:fs/promises";
import type { Page } from "@playwright/test";
import { expect, expectAccessible, firstOf, open, settled, test } from "./support.ts";

async function anyReport(page: Page): Promise<string | null> {
  const slo = await firstOf<{ slo: string }>(page, "api/slos", "slos");
  return slo ? `slos/${encodeURIComponent(slo.slo)}/report` : null;
}

async function anyGate(page: Page): Promise<string | null> {
  const gate = await firstOf<{ service: string }>(page, "api/gates", "gates");
  return gate ? `gates/${encodeURIComponent(gate.service)}` : null;
}

test("a report is asked for by its URL and taken away", async ({ page }) => {
  const path = await anyReport(page);
  test.skip(path === null, "no SLO on this server");
  if (path === null) return;
  await open(page, path);
  await expect(page.getByRole("table", { name: "How long the budget lasts" })).toBeVisible();

  await page.getByRole("textbox", { name: "Burn rates over" }).fill("2h, 12h");
  await page.getByRole("textbox", { name: "Until" }).fill("soon");
  await page.getByRole("button", { name: "Show" }).click();
  await expect(page.getByText('"soon" is not a time')).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("textbox", { name: "Until" }).fill("now-1h");
  await page.getByRole("textbox", { name: "As reported on" }).fill("today");
  await page.getByRole("button", { name: "Show" }).click();
  await expect(page).toHaveURL(/at=now-1h&reported_on=today&windows=2h%2C12h/);
  await settled(page);
  const rates = page.getByRole("table", { name: "Burn rates" });
  await expect(rates.getByRole("rowheader")).toHaveText(["2 h", "12 h"]);
  await expect(page.getByText("as reported on", { exact: true })).toBeVisible();

  await page.getByRole("button", { name: "Export" }).click();
  await expectAccessible(page);
  const href = await page.getByRole("menuitem", { name: "JSON" }).getAttribute("href");
  const json = (await (await page.request.get(href ?? "")).json()) as { burn: { window: string }[] };
  expect(json.burn.map(({ window }) => window)).toEqual(["2h", "12h"]);
  const download = page.waitForEvent("download");
  await page.getByRole("menuitem", { name: "CSV" }).click();
  const file = await readFile(await (await download).path(), "utf8");
  expect(file.split("\r\n")[0]).toBe("section,name,from,to,value,bad,budget_share");
  expect(file).toContain("burn_rate,12h,");
});

test("a report on paper is light and has no controls", async ({ page }) => {
  const path = await anyReport(page);
  test.skip(path === null, "no SLO on this server");
  if (path === null) return;
  await open(page, path);
  await expect(page.getByRole("table", { name: "Burn rates" })).toBeVisible();
  const scheme = () => page.locator("html").getAttribute("data-mantine-color-scheme");
  const onScreen = await scheme();
  await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
  await page.emulateMedia({ media: "print" });
  expect(await scheme()).toBe("light");
  await expect(page.getByRole("button", { name: "Show" })).toBeHidden();
  await expect(page.getByRole("navigation", { name: "Main" })).toBeHidden();
  await expect(page.getByRole("table", { name: "Burn rates" })).toBeVisible();
  await page.emulateMedia({ media: "screen" });
  await page.evaluate(() => window.dispatchEvent(new Event("afterprint")));
  expect(await scheme()).toBe(onScreen);
});

test("a gate is opened with a reason and closed again", async ({ page, faults }) => {
  const path = await anyGate(page);
  test.skip(path === null, "no service on this server");
  if (path === null) return;
  await open(page, path);
  const reason = `Drill of the dashboard's tests ${Date.now()}`;

  await page.getByRole("button", { name: "Override", exact: true }).click();
  const dialog = page.getByRole("dialog");
  const why = dialog.getByRole("textbox", { name: "Why it may be changed all the same" });
  await why.fill("   ");
  await dialog.getByRole("button", { name: "Open the gate" }).click();
  await expect(dialog.getByText("must not be empty")).toBeVisible();
  await expectAccessible(page);
  // The browser logs the refused request itself; nothing else may be wrong.
  expect(faults.filter((fault) => !/status of 400/.test(fault))).toEqual([]);
  faults.length = 0;
  await why.fill(reason);
  await dialog.getByRole("combobox", { name: "For" }).selectOption("2h");
  await dialog.getByRole("button", { name: "Open the gate" }).click();
  await expect(dialog).toHaveCount(0);

  const overrides = page.getByRole("table", { name: "Overrides" });
  const given = overrides.getByRole("row").filter({ hasText: reason });
  await expect(given.getByText("Open", { exact: true })).toBeVisible();
  await given.getByRole("button", { name: "Revoke" }).click();
  await dialog.getByRole("textbox", { name: "Why it ends now" }).fill("The drill is over");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Revoke" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(given.getByText("Revoked", { exact: true })).toBeVisible();
  await expect(given.getByText("The drill is over")).toBeVisible();
});

test("who only looks opens no gate", async ({ page }) => {
  const path = await anyGate(page);
  test.skip(path === null, "no service on this server");
  if (path === null) return;
  const session = await (await page.request.get("api/session")).json();
  await page.route("**/api/session", (route) => route.fulfill({ json: { ...session, role: "viewer" } }));
  await open(page, path);
  await expect(page.getByRole("table", { name: "Conditions" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Override", exact: true })).toHaveCount(0);
});

test("recovery is divided, picked and read as a table, all by the URL", async ({ page }) => {
  await open(page, "recovery?by=service");
  const groups = page.getByRole("table", { name: "Recovery by service" });
  const nothing = page.getByRole("heading", { name: "No incident started in this range" });
  await expect(groups.or(nothing)).toBeVisible();
  test.skip(await nothing.isVisible(), "no incident on this server");

  const name = groups.getByRole("rowheader").getByRole("button").first();
  const service = (await name.textContent()) ?? "";
  await name.click();
  await expect(page).toHaveURL(new RegExp(`group=${encodeURIComponent(service)}`));
  await expect(page.getByRole("status").filter({ hasText: `Only ${service}` })).toBeVisible();
  await page.getByRole("combobox", { name: "Measure" }).selectOption("incidents");
  await expect(page).toHaveURL(/measure=incidents/);
  await page.getByRole("button", { name: "View as table" }).click();
  await expect(page.getByRole("table", { name: "Incidents by period" })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Show all" }).click();
  await expect(page).not.toHaveURL(/group=/);

  await page.getByRole("tab", { name: "Customer impact" }).click();
  await expect(page).toHaveURL(/tab=impact/);
  await expect(page.getByRole("table", { name: "Incidents by what they cost" })).toBeVisible();
});

test("a notice never looks like something that fires", async ({ page }) => {
  const fired = "2026-11-23T10:00:00Z";
  const alert = (id: string, name: string, kind: "alert" | "notice", explains: string | null) => ({
    id,
    kind,
    alert: name,
    labels: { alertname: name },
    annotations: {},
    service: "shop",
    severity: kind === "notice" ? "notice" : "page",
    state: "firing",
    active_at: fired,
    fired_at: fired,
    resolved_at: null,
    value: 1,
    source: "slo:shop-availability",
    acknowledged_at: null,
    acknowledged_by: null,
    incident_id: null,
    explains,
  });
  const alerts = [
    alert("a1", "SloBurnRate", "alert", null),
    alert("a2", "ErrorBudgetSpent", "notice", "79.6 % of the 30d budget is spent (notice at 75 %)"),
  ];
  await page.route("**/api/alerts", (route) => route.fulfill({ json: { alerts } }));
  await open(page, "alerts");
  const table = page.getByRole("table", { name: "Alerts" });
  await expect(table.getByRole("rowheader")).toHaveCount(1);
  await expect(table.getByText("SloBurnRate")).toBeVisible();
  await page.getByText("Notices 1", { exact: true }).click();
  await expect(page).toHaveURL(/show=notices/);
  await expect(table.getByText("79.6 % of the 30d budget is spent (notice at 75 %)")).toBeVisible();
  await expect(table.getByText("Notice", { exact: true }).first()).toBeVisible();
  await expect(table.getByText("Firing", { exact: true })).toHaveCount(0);
});
