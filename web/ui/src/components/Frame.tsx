import { ActionIcon, Button } from "@mantine/core";
import { useIsFetching, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useLocation, useMatches } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { session } from "../api/queries.ts";
import { duration } from "../lib/format.ts";
import css from "./Frame.module.css";
import { useNow } from "./hooks.ts";
import { IconMenu2, IconRefresh, IconSearch, IconUser } from "./icons.ts";
import { type KeyActions, useKeys } from "./keys.ts";
import { NavList } from "./NavList.tsx";
import { ThemeSwitch } from "./ThemeSwitch.tsx";

const TimeRangePicker = lazy(() => import("./TimeRangePicker.tsx"));
const UserMenu = lazy(() => import("./UserMenu.tsx"));
const NavDrawer = lazy(() => import("./NavDrawer.tsx"));
const Palette = lazy(() => import("./Palette.tsx"));
const KeyHelp = lazy(() => import("./KeyHelp.tsx"));

/** Header, navigation and the page: what stays while pages change. */
export function Frame() {
  const { data: me } = useQuery(session());
  const [menuOpen, setMenuOpen] = useState(false);
  const [overlay, setOverlay] = useState<"palette" | "keys" | null>(null);
  const main = useRef<HTMLElement>(null);
  const client = useQueryClient();
  const { pathname } = useLocation();
  const defaultRange = useMatches({
    select: (matches) =>
      matches.map((match) => match.staticData.range).findLast((range) => range !== undefined),
  });

  const actions: KeyActions = {
    palette: () => setOverlay("palette"),
    help: () => setOverlay("keys"),
    refresh: () => void client.invalidateQueries(),
  };
  useKeys(actions, me?.demo ?? false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the drawer closes when the path changes
  useEffect(() => setMenuOpen(false), [pathname]);

  return (
    <>
      <button type="button" className={css.skip} onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <header className={css.header}>
        <ActionIcon
          variant="subtle"
          className={css.burger}
          onClick={() => setMenuOpen(true)}
          aria-label="Open navigation"
          aria-expanded={menuOpen}
        >
          <IconMenu2 size={20} />
        </ActionIcon>
        <Link to="/services" className={css.brand}>
          <Mark />
          Evenkeel
        </Link>
        <Updated />
        <Button
          className={`${css.find} ${css.wide}`}
          leftSection={<IconSearch size={16} />}
          onClick={() => setOverlay("palette")}
        >
          Find or run<kbd>Ctrl K</kbd>
        </Button>
        <ActionIcon className={css.phoneOnly} onClick={() => setOverlay("palette")} aria-label="Find or run">
          <IconSearch size={18} />
        </ActionIcon>
        {defaultRange && (
          <Suspense fallback={null}>
            <TimeRangePicker defaultFrom={defaultRange} />
          </Suspense>
        )}
        <ActionIcon onClick={actions.refresh} aria-label="Refresh" title="Refresh (r)">
          <IconRefresh size={18} />
        </ActionIcon>
        <span className={css.wide}>
          <ThemeSwitch />
        </span>
        <span className={css.wide}>
          <Suspense
            fallback={
              <ActionIcon aria-label="Account">
                <IconUser size={18} />
              </ActionIcon>
            }
          >
            <UserMenu openKeys={() => setOverlay("keys")} />
          </Suspense>
        </span>
      </header>
      <Progress />
      <div className={css.body}>
        <nav className={`${css.nav} ${css.bar}`} aria-label="Main">
          <NavList demo={me?.demo ?? false} />
        </nav>
        <main ref={main} className={css.main} tabIndex={-1}>
          <Outlet />
        </main>
      </div>
      <Suspense fallback={null}>
        {menuOpen && <NavDrawer close={() => setMenuOpen(false)} />}
        {overlay === "palette" && <Palette demo={me?.demo ?? false} close={() => setOverlay(null)} />}
        {overlay === "keys" && <KeyHelp demo={me?.demo ?? false} close={() => setOverlay(null)} />}
      </Suspense>
    </>
  );
}

function Mark() {
  return (
    <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true">
      <path
        d="M4 13h24M8 13c0 6.5 3 10 8 10s8-3.5 8-10M16 13V7M16 23v4"
        fill="none"
        stroke="currentColor"
        strokeWidth="2.6"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}

/** How fresh the data on this page is; quiet while it is being read. */
function Updated() {
  const client = useQueryClient();
  const now = useNow(5000);
  const newest = client
    .getQueryCache()
    .findAll({ type: "active", predicate: (query) => query.queryKey[0] !== "session" })
    .reduce((latest, query) => Math.max(latest, query.state.dataUpdatedAt), 0);
  if (newest === 0) return null;
  const secs = Math.max(0, Math.round((now - newest) / 5000) * 5);
  return <span className={css.updated}>Updated {secs < 5 ? "just now" : `${duration(secs)} ago`}</span>;
}

function Progress() {
  return useIsFetching() > 0 ? <div className={css.progress} aria-hidden /> : null;
}
