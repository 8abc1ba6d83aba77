// What every test here expects without saying so: signed in, no console error, no CSP report.
import AxeBuilder from "@axe-core/playwright";
import { test as base, expect, type Page } from "@playwright/test";

const token = process.env.EVENKEEL_TOKEN;

/** Whether the invented data answers, not a server. */
export const isFixture = !process.env.EVENKEEL_URL;

export interface Mail {
  subject: string;
  links: string[];
}

export const test = base.extend<{ faults: string[] }>({
  context: async ({ context }, use) => {
    if (token) {
      const answer = await context.request.post("api/session", { data: { token } });
      expect(answer.ok(), "sign in with EVENKEEL_TOKEN").toBe(true);
    }
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`CSP: ${event.violatedDirective} blocked ${event.blockedURI} (${event.sourceFile})`);
      });
    });
    await use(context);
  },
  faults: [
    async ({ page }, use) => {
      const faults: string[] = [];
      page.on("console", (message) => {
        if (message.type() === "error") faults.push(message.text());
      });
      page.on("pageerror", (error) => faults.push(`uncaught: ${error.message}`));
      await use(faults);
      expect(faults, "console errors").toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

/** Opens a page of the dashboard and waits until its content is there. */
export async function open(page: Page, path: string): Promise<void> {
  await page.goto(path.replace(/^\//, ""));
  await expect(page.getByRole("heading", { level: 1 }).first()).toBeVisible();
  await settled(page);
}

/** No skeleton, and nothing being read that the page waits for. */
export async function settled(page: Page): Promise<void> {
  await expect(page.getByText("Loading", { exact: true })).toHaveCount(0);
  await expect(page.getByRole("alert")).toHaveCount(0);
}

export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"])
    .analyze();
  const readable = violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`,
  );
  expect(readable).toEqual([]);
}

/** The page itself never scrolls sideways; tables scroll in their own named areas. */
export async function expectNoOverflow(page: Page): Promise<void> {
  const { wide, room } = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth,
    room: document.documentElement.clientWidth,
  }));
  expect(wide, `content at ${room} px`).toBeLessThanOrEqual(room);
}

/** The first of a list the API answers, so that no test depends on one data set. */
export async function firstOf<T>(page: Page, path: string, list: string): Promise<T | undefined> {
  const answer = await page.request.get(path);
  expect(answer.ok(), path).toBe(true);
  return ((await answer.json()) as Record<string, T[]>)[list]?.[0];
}

export async function isDemo(page: Page): Promise<boolean> {
  return ((await (await page.request.get("api/session")).json()) as { demo: boolean }).demo;
}

/** Opens an incident as a person does and ends on its page; the answer is its id. */
export async function declare(page: Page, title: string, severity: string): Promise<string> {
  await open(page, "incidents");
  await page.getByRole("button", { name: "Open incident" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("What is wrong").fill(title);
  const service = dialog.getByLabel("Service");
  // The first entry only asks for a choice.
  await expect(service.getByRole("option").nth(1)).toBeAttached();
  await service.selectOption({ index: 1 });
  await dialog.getByLabel("Severity").selectOption(severity);
  await dialog.getByRole("button", { name: "Open incident" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(title);
  await settled(page);
  return decodeURIComponent(new URL(page.url()).pathname.split("/").at(-1) ?? "");
}
