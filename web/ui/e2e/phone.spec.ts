// What people do on a phone, at night, with little network.
import {
  declare,
  expect,
  expectAccessible,
  expectNoOverflow,
  isDemo,
  isFixture,
  type Mail,
  open,
  test,
} from "./support.ts";

test("a phone reaches everything through the drawer", async ({ page }) => {
  await open(page, "services");
  await page.getByRole("button", { name: "Open navigation" }).click();
  await expectAccessible(page);
  await page.getByRole("dialog").getByRole("link", { name: "Incidents" }).click();
  await expect(page).toHaveURL(/\/incidents/);
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

test("the mail's link acknowledges, without a session and without a script", async ({ page, browser }) => {
  test.skip(isFixture, "no mail goes out there");
  test.skip(!(await isDemo(page)), "only the demo reads its own mail");
  const title = `Drill on a phone ${Date.now()}`;
  const id = await declare(page, title, "SEV2");

  // The mail comes by SMTP, after the incident.
  const received = async () => {
    const { mails } = (await (await page.request.get("api/inbox")).json()) as { mails: Mail[] };
    return mails.find((mail) => mail.subject.includes(title));
  };
  await expect.poll(received, { timeout: 30_000 }).toBeDefined();
  const link = (await received())?.links.find((address) => new URL(address).pathname.startsWith("/p/"));

  const stranger = await browser.newContext({
    javaScriptEnabled: false,
    viewport: { width: 320, height: 640 },
  });
  const phone = await stranger.newPage();
  await phone.goto(link ?? "");
  await expect(phone.getByRole("heading", { level: 1 })).toContainText(title);
  await expect(phone.getByRole("status")).toContainText("Nobody has acknowledged yet");
  await phone.reload();
  await expect(phone.getByRole("status"), "reading acknowledges nothing").toContainText("Nobody");
  await phone.getByRole("button", { name: "Acknowledge" }).click();
  await expect(phone.getByRole("status")).toContainText(/Acknowledged by/i);
  await stranger.close();

  // The same page with scripts, because the checks need them.
  await page.goto(link ?? "");
  await page.setViewportSize({ width: 320, height: 640 });
  await expectNoOverflow(page);
  await expectAccessible(page);

  await open(page, `incidents/${id}`);
  const bar = page.getByRole("region", { name: "Incident status" });
  await expect(bar.getByRole("button", { name: "Acknowledge" })).toHaveCount(0);
});
