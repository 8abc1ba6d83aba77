import { declare, expect, expectAccessible, firstOf, isDemo, isFixture, open, test } from "./support.ts";

test("an incident from acknowledge over a runbook to the retrospective", async ({ page }, info) => {
  await declare(page, `Drill of the dashboard's tests, ${info.project.name}`, "SEV4");
  const bar = page.getByRole("region", { name: "Incident status" });

  await bar.getByRole("button", { name: "Acknowledge" }).click();
  await expect(bar.getByRole("button", { name: "Acknowledge" })).toHaveCount(0);
  await expect(page.getByText(/^by /).first()).toBeVisible();

  await page.getByRole("textbox", { name: "Note" }).fill("Looking at it");
  await page.getByRole("button", { name: "Add note" }).click();
  await expect(page.getByRole("textbox", { name: "Note" })).toHaveValue("");

  // What is suggested when there is something, else the demo's runbook or the first of the menu.
  const suggested = page.getByRole("button", { name: "Start runbook" });
  if ((await suggested.count()) > 0) await suggested.first().click();
  else {
    await page.getByRole("button", { name: "Choose a runbook" }).click();
    const entries = page.getByRole("menuitem");
    await expect(entries.first()).toBeVisible();
    const demo = entries.filter({ hasText: "Roll matchmaking back" });
    await ((await demo.count()) > 0 ? demo : entries.first()).click();
  }
  const steps = page.getByRole("list", { name: /^Steps of / });
  const dialog = page.getByRole("dialog");
  await expect(steps.or(dialog).first()).toBeVisible();
  if (await dialog.isVisible()) {
    for (const field of await dialog.getByRole("textbox").all()) {
      if ((await field.inputValue()) === "") await field.fill("drill");
    }
    await dialog.getByRole("button", { name: "Start" }).click();
    await expect(dialog).toHaveCount(0);
  }
  const known = isFixture || (await isDemo(page));
  const step = steps.getByRole("listitem").first();
  const byHand = step.getByRole("button", { name: "Mark done" });
  await expect(step.getByRole("button", { name: "Skip" })).toBeVisible();
  if (await byHand.isVisible()) {
    await byHand.click();
    await expect(step.getByText("Done", { exact: true })).toBeVisible();
  } else {
    // What runs, runs for real: only where it is known to do no harm.
    await step.getByRole("button", { name: known ? "Run" : "Skip", exact: true }).click();
    await expect(step.getByText(known ? "Succeeded" : "Skipped", { exact: true })).toBeVisible();
  }
  await expectAccessible(page);

  if (known) {
    // In the demo these are `uptime` and `df`.
    const second = steps.getByRole("listitem").nth(1);
    await second.getByRole("button", { name: "Run", exact: true }).click();
    await expect(second.getByText("Succeeded")).toBeVisible();
    await expect(second.getByLabel("Output")).toContainText(
      isFixture ? "instance mm-7f9c v412" : "load average",
    );
    const third = steps.getByRole("listitem").nth(2);
    await third.getByRole("button", { name: "Run", exact: true }).click();
    await expect(page.getByRole("dialog")).toContainText(isFixture ? "matchctl rollback" : "/rollback");
    await page.getByRole("button", { name: "Cancel" }).click();
    await third.getByRole("button", { name: "Skip" }).click();
    await expect(third.getByText("Skipped")).toBeVisible();
  }

  const resolve = bar.getByRole("button", { name: "Resolve" });
  if (await resolve.isVisible()) await resolve.click();
  else {
    await bar.getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: "Resolve" }).click();
  }
  await expect(bar.getByRole("button", { name: "Close incident" })).toBeVisible();

  const openRetro = page.getByRole("link", { name: "Open retrospective" });
  const draftNow = page.getByRole("button", { name: "Draft now" });
  await expect(openRetro.or(draftNow)).toBeVisible();
  if (await openRetro.isVisible()) await openRetro.click();
  else await draftNow.click();

  await expect(page).toHaveURL(/\/retros\//);
  const editor = page.getByRole("textbox", { name: "Markdown" });
  await expect(editor).toBeVisible();
  await editor.press("Control+End");
  await page.keyboard.insertText("\n\nLearned: tests drill too.\n");
  await expect(page.getByText("All changes saved")).toBeVisible();
  await expect(page.getByRole("region", { name: "Preview" })).toContainText("Learned: tests drill too.");
  await page.getByRole("button", { name: "Publish" }).click();
  await expect(page.getByText("Published", { exact: true }).first()).toBeVisible();
  await expect(page.getByRole("article")).toContainText("Learned: tests drill too.");

  const exported = await page.request.get(
    (await page.getByRole("link", { name: "Export Markdown" }).getAttribute("href")) ?? "",
  );
  expect(exported.ok()).toBe(true);
  expect(exported.headers()["content-type"]).toContain("text/markdown");
});

test("the keyboard alone goes everywhere", async ({ page }, info) => {
  test.skip(info.project.name === "phone", "no keyboard there");
  await open(page, "services");
  await page.keyboard.press("g");
  await page.keyboard.press("i");
  await expect(page).toHaveURL(/\/incidents/);
  await expect(page.getByRole("heading", { level: 1 })).toBeFocused();
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog")).toContainText("Keyboard shortcuts");
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Find" }).fill("on-call");
  await expectAccessible(page);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/oncall/);
});

test("the time range lives in the URL", async ({ page }) => {
  const slo = await firstOf<{ slo: string }>(page, "api/slos", "slos");
  test.skip(!slo, "no SLO on this server");
  await open(page, `slos/${encodeURIComponent(slo?.slo ?? "")}`);
  await page
    .getByRole("button", { name: /Last 30 days|Time range/ })
    .filter({ visible: true })
    .click();
  await page.getByRole("button", { name: "Last 24 hours" }).click();
  await expect(page).toHaveURL(/from=now-24h&to=now/);
  await page
    .getByRole("button", { name: /Last 24 hours|Time range/ })
    .filter({ visible: true })
    .click();
  await page.getByRole("textbox", { name: "From" }).fill("nonsense");
  await page.getByRole("button", { name: "Apply" }).click();
  await expect(page.getByText('"nonsense" is not a time')).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Freeze" }).click();
  await expect(page).toHaveURL(/from=\d{4}-\d{2}-\d{2}T/);
});

test("a query answers, and one that fails says why", async ({ page, faults }) => {
  await open(page, "explore");
  await page.getByText("SQL", { exact: true }).click();
  const editor = page.getByRole("textbox", { name: "Query" });
  await expect(editor).toContainText("slo_status");
  await editor.press("Control+Enter");
  await expect(page.getByRole("tab", { name: "Table" })).toBeVisible();
  await expect(page.getByRole("columnheader", { name: "slo", exact: true })).toBeVisible();
  await editor.press("Control+a");
  await editor.press("Delete");
  await page.keyboard.insertText("DELETE FROM slo_status");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await expect(page.getByRole("alert").first()).toBeVisible();
  // The browser logs the refused request itself; nothing else may be wrong.
  expect(faults.filter((fault) => !/status of 4\d\d/.test(fault))).toEqual([]);
  faults.length = 0;
});

test("a search of logs is kept by its name, and its lines are taken away", async ({ page }) => {
  await open(page, "logs?q=refused&severity=warn");
  const saved = page.getByRole("button", { name: "Saved searches" });
  await saved.click();
  await page.getByRole("textbox", { name: "Name of this search" }).fill("Refused payments");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText("Saved as Refused payments in this browser")).toBeVisible();
  await open(page, "logs");
  await saved.click();
  await page.getByRole("link", { name: /Refused payments/ }).click();
  await expect(page).toHaveURL(/q=refused&severity=warn&from=now-1h&to=now/);
  await expect(page.getByRole("textbox", { name: "Search" })).toHaveValue("refused");
  await page.getByRole("button", { name: "Download" }).click();
  const href = await page.getByRole("menuitem", { name: "CSV" }).getAttribute("href");
  const file = await page.request.get(href ?? "");
  expect(file.headers()["content-type"]).toContain("text/csv");
  expect((await file.text()).split(/\r?\n/)[0]).toContain("body");
  await page.keyboard.press("Escape");
  await saved.click();
  await page.getByRole("button", { name: "Remove Refused payments" }).click();
  await expect(page.getByText("None yet in this browser")).toBeVisible();
});

test("no session leads to the login page", async ({ page, faults }) => {
  await page.route("**/api/session", (route) =>
    route.fulfill({
      status: 401,
      contentType: "application/problem+json",
      body: '{"title":"Signed out","status":401}',
    }),
  );
  await page.goto("services");
  await expect(page).toHaveURL(/\/login/);
  faults.length = 0;
});

test("the theme is kept", async ({ page }, info) => {
  test.skip(info.project.name === "phone", "the switch is in the drawer there");
  await open(page, "services");
  const before = await page.locator("html").getAttribute("data-mantine-color-scheme");
  await page.getByRole("button", { name: /Switch to (light|dark) theme/ }).click();
  await page.reload();
  const other = before === "dark" ? "light" : "dark";
  await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", other);
});
