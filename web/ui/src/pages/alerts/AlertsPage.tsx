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

const NOTHING: Record<AlertState, string> = {
  firing: "No alert is firing",
  pending: "No alert is pending",
  resolved: "No alert has resolved recently",
};

export function AlertsPage() {
  const query = useQuery({ ...alerts(), refetchInterval: useRefresh(10_000) });
  const { show, service } = useSearch({ from: "/alerts" });
  const patch = usePatchSearch();
  const state: AlertState = show ?? "firing";
  return (
    <Page title="Alerts">
      <Loaded query={query} rows={10}>
        {(all) => {
          const list = service ? all.filter((alert) => alert.service === service) : all;
          const number = (of: AlertState) => list.filter((alert) => alert.state === of).length;
          const shown = list.filter((alert) => alert.state === state).sort(newestFirst);
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
                  <Empty title={NOTHING[state]} />
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
