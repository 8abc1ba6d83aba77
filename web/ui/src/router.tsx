// Every route, in one list. A page is its own chunk; the shared time search is validated here once.
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
  retainSearchParams,
} from "@tanstack/react-router";
import { basePath } from "./api/client.ts";
import type { GateVerdict } from "./api/types.ts";
import { Frame } from "./components/Frame.tsx";
import { ErrorPanel, Skeleton } from "./components/Loaded.tsx";
import { NotFound } from "./components/NotFound.tsx";
import { validateMetrics } from "./lib/metricsSearch.ts";
import type { ObjectiveSearch } from "./lib/objective.ts";
import { oneOf, parseSearch, stringifySearch, text, validateShared } from "./lib/search.ts";

declare module "@tanstack/react-router" {
  interface StaticDataRouteOption {
    /** The page shows a time range; this is its default start. */
    range?: string;
  }
  interface Register {
    router: typeof router;
  }
}

const root = createRootRoute({
  component: Frame,
  notFoundComponent: NotFound,
  errorComponent: ({ error, reset }) => (
    <ErrorPanel error={error instanceof Error ? error : new Error(String(error))} retry={reset} />
  ),
  validateSearch: validateShared,
  search: { middlewares: [retainSearchParams(["from", "to", "tz", "refresh"])] },
});

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/services", replace: true });
  },
});

const services = createRoute({
  getParentRoute: () => root,
  path: "/services",
  validateSearch: (raw: Record<string, unknown>): { show?: "breached" | "at_risk"; q?: string } => ({
    show: oneOf(raw.show, ["breached", "at_risk"] as const),
    q: text(raw.q),
  }),
  component: lazyRouteComponent(() => import("./pages/services/ServicesPage.tsx"), "ServicesPage"),
});

const slos = createRoute({
  getParentRoute: () => root,
  path: "/slos",
  validateSearch: (raw: Record<string, unknown>): { q?: string; service?: string } => ({
    q: text(raw.q),
    service: text(raw.service),
  }),
  component: lazyRouteComponent(() => import("./pages/slos/SlosPage.tsx"), "SlosPage"),
});

const slo = createRoute({
  getParentRoute: () => root,
  path: "/slos/$name",
  staticData: { range: "now-30d" },
  validateSearch: (raw: Record<string, unknown>): ObjectiveSearch & { tab?: "definition" } => ({
    objective: text(raw.objective),
    group: text(raw.group),
    window: text(raw.window),
    tab: oneOf(raw.tab, ["definition"] as const),
  }),
  component: lazyRouteComponent(() => import("./pages/slos/SloPage.tsx"), "SloPage"),
});

const sloReport = createRoute({
  getParentRoute: () => root,
  path: "/slos/$name/report",
  validateSearch: (
    raw: Record<string, unknown>,
  ): ObjectiveSearch & { at?: string; reported_on?: string; windows?: string } => ({
    objective: text(raw.objective),
    group: text(raw.group),
    window: text(raw.window),
    at: text(raw.at),
    reported_on: text(raw.reported_on),
    windows: text(raw.windows),
  }),
  component: lazyRouteComponent(() => import("./pages/slos/ReportPage.tsx"), "ReportPage"),
});

const gates = createRoute({
  getParentRoute: () => root,
  path: "/gates",
  validateSearch: (raw: Record<string, unknown>): { show?: GateVerdict; q?: string } => ({
    show: oneOf(raw.show, ["allowed", "blocked", "overridden"] as const),
    q: text(raw.q),
  }),
  component: lazyRouteComponent(() => import("./pages/gates/GatesPage.tsx"), "GatesPage"),
});

const gate = createRoute({
  getParentRoute: () => root,
  path: "/gates/$service",
  component: lazyRouteComponent(() => import("./pages/gates/GatePage.tsx"), "GatePage"),
});

const recovery = createRoute({
  getParentRoute: () => root,
  path: "/recovery",
  staticData: { range: "now-90d" },
  validateSearch: validateMetrics,
  component: lazyRouteComponent(() => import("./pages/recovery/RecoveryPage.tsx"), "RecoveryPage"),
});

const explore = createRoute({
  getParentRoute: () => root,
  path: "/explore",
  staticData: { range: "now-1h" },
  validateSearch: (
    raw: Record<string, unknown>,
  ): { lang?: "promql" | "sql"; q?: string; view?: "table" | "json" } => ({
    lang: oneOf(raw.lang, ["promql", "sql"] as const),
    q: text(raw.q),
    view: oneOf(raw.view, ["table", "json"] as const),
  }),
  component: lazyRouteComponent(() => import("./pages/explore/ExplorePage.tsx"), "ExplorePage"),
});

const logs = createRoute({
  getParentRoute: () => root,
  path: "/logs",
  staticData: { range: "now-1h" },
  validateSearch: (
    raw: Record<string, unknown>,
  ): { q?: string; severity?: "info" | "warn" | "error"; live?: "on" } => ({
    q: text(raw.q),
    severity: oneOf(raw.severity, ["info", "warn", "error"] as const),
    live: oneOf(raw.live, ["on"] as const),
  }),
  component: lazyRouteComponent(() => import("./pages/logs/LogsPage.tsx"), "LogsPage"),
});

const alerts = createRoute({
  getParentRoute: () => root,
  path: "/alerts",
  validateSearch: (
    raw: Record<string, unknown>,
  ): { show?: "pending" | "resolved" | "notices"; service?: string } => ({
    show: oneOf(raw.show, ["pending", "resolved", "notices"] as const),
    service: text(raw.service),
  }),
  component: lazyRouteComponent(() => import("./pages/alerts/AlertsPage.tsx"), "AlertsPage"),
});

const oncall = createRoute({
  getParentRoute: () => root,
  path: "/oncall",
  component: lazyRouteComponent(() => import("./pages/oncall/OnCallPage.tsx"), "OnCallPage"),
});

const incidents = createRoute({
  getParentRoute: () => root,
  path: "/incidents",
  validateSearch: (raw: Record<string, unknown>): { show?: "all"; service?: string } => ({
    show: oneOf(raw.show, ["all"] as const),
    service: text(raw.service),
  }),
  component: lazyRouteComponent(() => import("./pages/incidents/IncidentsPage.tsx"), "IncidentsPage"),
});

const incident = createRoute({
  getParentRoute: () => root,
  path: "/incidents/$id",
  component: lazyRouteComponent(() => import("./pages/incidents/IncidentPage.tsx"), "IncidentPage"),
});

const runbooks = createRoute({
  getParentRoute: () => root,
  path: "/runbooks",
  component: lazyRouteComponent(() => import("./pages/runbooks/RunbooksPage.tsx"), "RunbooksPage"),
});

const runbook = createRoute({
  getParentRoute: () => root,
  path: "/runbooks/$id",
  component: lazyRouteComponent(() => import("./pages/runbooks/RunbookPage.tsx"), "RunbookPage"),
});

const run = createRoute({
  getParentRoute: () => root,
  path: "/runs/$id",
  component: lazyRouteComponent(() => import("./pages/runs/RunPage.tsx"), "RunPage"),
});

const retros = createRoute({
  getParentRoute: () => root,
  path: "/retros",
  component: lazyRouteComponent(() => import("./pages/retros/RetrosPage.tsx"), "RetrosPage"),
});

const retro = createRoute({
  getParentRoute: () => root,
  path: "/retros/$id",
  component: lazyRouteComponent(() => import("./pages/retros/RetroPage.tsx"), "RetroPage"),
});

const inbox = createRoute({
  getParentRoute: () => root,
  path: "/inbox",
  validateSearch: (raw: Record<string, unknown>): { mail?: string } => ({ mail: text(raw.mail) }),
  component: lazyRouteComponent(() => import("./pages/inbox/InboxPage.tsx"), "InboxPage"),
});

const cardinality = createRoute({
  getParentRoute: () => root,
  path: "/cardinality",
  component: lazyRouteComponent(() => import("./pages/cardinality/CardinalityPage.tsx"), "CardinalityPage"),
});

const targets = createRoute({
  getParentRoute: () => root,
  path: "/targets",
  component: lazyRouteComponent(() => import("./pages/targets/TargetsPage.tsx"), "TargetsPage"),
});

const system = createRoute({
  getParentRoute: () => root,
  path: "/system",
  component: lazyRouteComponent(() => import("./pages/system/SystemPage.tsx"), "SystemPage"),
});

export const router = createRouter({
  routeTree: root.addChildren([
    home,
    services,
    slos,
    slo,
    sloReport,
    explore,
    logs,
    alerts,
    oncall,
    incidents,
    incident,
    runbooks,
    runbook,
    run,
    retros,
    retro,
    gates,
    gate,
    recovery,
    inbox,
    targets,
    cardinality,
    system,
  ]),
  basepath: basePath(),
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  scrollRestoration: true,
  defaultPendingComponent: () => <Skeleton rows={10} />,
});
