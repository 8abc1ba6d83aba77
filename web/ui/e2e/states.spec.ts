// The states a page has before its content: nothing there yet, an error, still loading. The answers are
// made up in the browser, so these run against any server.
import type { Page } from "@playwright/test";
import { expect, expectAccessible, expectNoOverflow, test } from "./support.ts";

const LISTS: Record<string, string> = {
  services: "services",
  slos: "slos",
  alerts: "alerts",
  incidents: "incidents",
  oncall: "schedules",
  runbooks: "runbooks",
  retros: "retrospectives",
  gates: "gates",
  recovery: "rows",
  "recovery?tab=delivery": "rows",
  "recovery?tab=impact": "incidents",
};

/** Everything the API is asked, except who is asking, gets this answer. */
async function answer(page: Page, status: number, body: unknown): Promise<void> {
  await page.route(/\/api\/(?!session)/, (route) =>
    route.fulfill({ status, contentType: "application/json", body: JSON.stringify(body) }),
  );
}

for (const path of Object.keys(LISTS)) {
  test(`${path} with nothing says what to do`, async ({ page }, info) => {
    const nothing = Object.fromEntries(Object.values(LISTS).map((name) => [name, []]));
    await answer(page, 200, { ...nothing, columns: [] });
    await page.goto(path);
    await expect(page.getByRole("heading", { level: 2, name: /^No / }).first()).toBeVisible();
    if (process.env.E2E_SHOTS)
      await page.screenshot({
        path: `test-results/shots/${info.project.name}-${path.replace(/\W/g, "-")}-empty.png`,
      });
    await expectNoOverflow(page);
    await expectAccessible(page);
  });

  test(`${path} says what went wrong`, async ({ page, faults }, info) => {
    await answer(page, 500, {
      title: "The query failed",
      detail: "The table is being replaced.",
      status: 500,
    });
    await page.goto(path);
    const alert = page.getByRole("alert").first();
    await expect(alert).toContainText("The query failed");
    await expect(alert).toContainText("The table is being replaced.");
    await expect(alert.getByRole("button", { name: "Retry" })).toBeVisible();
    if (process.env.E2E_SHOTS)
      await page.screenshot({
        path: `test-results/shots/${info.project.name}-${path.replace(/\W/g, "-")}-error.png`,
      });
    await expectAccessible(page);
    // The browser logs the refused requests themselves; nothing else may be wrong.
    expect(faults.filter((fault) => !/status of 500/.test(fault))).toEqual([]);
    faults.length = 0;
  });
}

test("a slow answer shows the shape of what comes", async ({ page }, info) => {
  await page.route(/\/api\/services/, () => undefined);
  await page.goto("services");
  await expect(page.getByText("Loading", { exact: true })).toBeAttached();
  if (process.env.E2E_SHOTS) {
    await page.waitForTimeout(600);
    await page.screenshot({ path: `test-results/shots/${info.project.name}-services-loading.png` });
  }
});

test("what was read stays, and is called stale, when reading again fails", async ({ page, faults }) => {
  await page.goto("slos");
  await expect(page.getByRole("table").first()).toBeVisible();
  await page.route(/\/api\/slos/, (route) =>
    route.fulfill({
      status: 500,
      contentType: "application/json",
      body: '{"title":"The query failed","status":500}',
    }),
  );
  await page.getByRole("button", { name: "Refresh" }).click();
  await expect(page.getByText("Stale:")).toBeVisible();
  await expect(page.getByRole("table").first()).toBeVisible();
  faults.length = 0;
});
