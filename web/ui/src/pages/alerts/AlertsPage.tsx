import { SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { alerts } from "../../api/queries.ts";
import type { Alert, AlertState } from "../../api/types.ts";
import { FilterBar } from "../../components/FilterBar.tsx";
import { usePatchSearch, useRefresh } from "../../components/hooks.ts";
import { Empty, Loaded } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { Panel } from "../../components/Panel.tsx";
import { AlertTable } from "./AlertTable.tsx";

type Shown = AlertState | "notices";

const NOTHING: Record<Shown, string> = {
  firing: "No alert is firing",
  pending: "No alert is pending",
  resolved: "No alert has resolved recently",
  notices: "No notice",
};

export function AlertsPage() {
  const query = useQuery({ ...alerts(), refetchInterval: useRefresh(10_000) });
  const { show, service } = useSearch({ from: "/alerts" });
  const patch = usePatchSearch();
  const state: Shown = show ?? "firing";
  return (
    <Page title="Alerts">
      <Loaded query={query} rows={10}>
        {(all) => {
          const list = service ? all.filter((alert) => alert.service === service) : all;
          const belongs = (alert: Alert, to: Shown) =>
            to === "notices"
              ? alert.kind === "notice" && alert.state !== "resolved"
              : alert.state === to && (alert.kind === "alert" || to === "resolved");
          const number = (of: Shown) => list.filter((alert) => belongs(alert, of)).length;
          const shown = list.filter((alert) => belongs(alert, state)).sort(newestFirst);
          return (
            <>
              <FilterBar>
                <SegmentedControl
                  aria-label="State"
                  value={state}
                  onChange={(value) => patch({ show: value === "firing" ? undefined : value })}
                  data={[
                    { value: "firing", label: `Firing ${number("firing")}` },
                    { value: "pending", label: `Pending ${number("pending")}` },
                    { value: "resolved", label: `Resolved ${number("resolved")}` },
                    { value: "notices", label: `Notices ${number("notices")}` },
                  ]}
                />
                {service && (
                  <span>
                    Service {service} ·{" "}
                    <Link to="/alerts" search={{ show }}>
                      Show all services
                    </Link>
                  </span>
                )}
              </FilterBar>
              <Panel flush>
                {shown.length === 0 ? (
                  <Empty title={NOTHING[state]}>
                    {state === "notices" &&
                      "Notices tell that a budget is half spent or soon will be. They page nobody."}
                  </Empty>
                ) : (
                  <AlertTable list={shown} caption="Alerts" />
                )}
              </Panel>
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

const newestFirst = (a: Alert, b: Alert): number => (b.active_at ?? "").localeCompare(a.active_at ?? "");
