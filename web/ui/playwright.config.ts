import { defineConfig, devices } from "@playwright/test";

// Without EVENKEEL_URL the fixture server answers; with it (and EVENKEEL_TOKEN) a real one does.
const real = process.env.EVENKEEL_URL?.replace(/\/?$/, "/");
const port = 7481;
// Against a real server the default is what finds most: every page on a desktop and on a dark phone, the
// flows once. E2E_FULL=1 runs everything everywhere, as the fixtures always do.
const full = !real || process.env.E2E_FULL === "1";
const desktop = { width: 1440, height: 900 };

export default defineConfig({
  testDir: "e2e",
  outputDir: "test-results",
  timeout: 60_000,
  expect: { timeout: 15_000 },
  workers: Number(process.env.E2E_WORKERS ?? 2),
  // The flows change the server's state: one worker per project keeps them apart from each other.
  fullyParallel: false,
  forbidOnly: Boolean(process.env.CI),
  reporter: [["list"]],
  use: {
    baseURL: real ?? `http://127.0.0.1:${port}/`,
    locale: "en-GB",
    timezoneId: "UTC",
    reducedMotion: "reduce",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--font-render-hinting=none",
        "--disable-lcd-text",
      ],
    },
  },
  projects: [
    {
      name: "light",
      testIgnore: "phone.spec.ts",
      use: { viewport: desktop, colorScheme: "light" },
    },
    ...(full
      ? [
          {
            name: "dark",
            testIgnore: "phone.spec.ts",
            use: { viewport: desktop, colorScheme: "dark" as const },
          },
        ]
      : []),
    {
      name: "phone",
      testIgnore: full ? [] : ["flows.spec.ts", "reliability.spec.ts", "states.spec.ts"],
      use: {
        ...devices["iPhone 13"],
        defaultBrowserType: "chromium",
        viewport: { width: 390, height: 844 },
        colorScheme: "dark",
      },
    },
  ],
  ...(real
    ? {}
    : {
        webServer: {
          command: "node e2e/fixture-server.mjs",
          url: `http://127.0.0.1:${port}/api/session`,
          env: { FIXTURE_PORT: String(port) },
          reuseExistingServer: false,
        },
      }),
});
