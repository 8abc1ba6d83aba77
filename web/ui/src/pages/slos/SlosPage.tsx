import { TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { slos } from "../../api/queries.ts";
import type { SloStatus } from "../../api/types.ts";
import { BudgetBar } from "../../components/BudgetBar.tsx";
import { FilterBar } from "../../components/FilterBar.tsx";
import { usePatchSearch, useRefresh } from "../../components/hooks.ts";
import { Empty, Loaded } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { Panel, rowLink, Table } from "../../components/Panel.tsx";
import { type Stat, StatStrip } from "../../components/StatStrip.tsx";
import { Status } from "../../components/Status.tsx";
import { burn, sli, span, target, windowText } from "../../lib/format.ts";
import { worstFirst } from "../../lib/order.ts";

export function SlosPage() {
  const query = useQuery({ ...slos(), refetchInterval: useRefresh(15_000) });
  const { q, service } = useSearch({ from: "/slos" });
  const patch = usePatchSearch();
  return (
    <Page title="SLOs">
      <Loaded query={query} rows={12}>
        {(list) => {
          const shown = list
            .filter((slo) => matches(slo, q, service))
            .sort((a, b) => worstFirst(rated(a), rated(b)));
          return (
            <>
              <StatStrip stats={strip(list)} />
              <FilterBar>
                <TextInput
                  data-filter
                  aria-label="Filter by name or service"
                  placeholder="Filter by name or service"
                  value={q ?? ""}
                  onChange={(event) =>
                    patch({ q: event.currentTarget.value || undefined, service: undefined })
                  }
                />
              </FilterBar>
              <Panel flush>
                {list.length === 0 ? (
                  <Empty title="No SLO is defined yet">
                    Put an OpenSLO v1 file into the objects directory: it is picked up within seconds.
                  </Empty>
                ) : shown.length === 0 ? (
                  <Empty title="No SLO matches the filter" />
                ) : (
                  <SloTable list={shown} />
                )}
              </Panel>
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

const rated = (slo: SloStatus) => ({
  status: slo.state,
  remaining: slo.error_budget_remaining,
  name: slo.display_name,
});

function matches(slo: SloStatus, q: string | undefined, service: string | undefined): boolean {
  if (service && slo.service !== service) return false;
  return !q || `${slo.display_name} ${slo.slo} ${slo.service}`.toLowerCase().includes(q.toLowerCase());
}

function strip(list: SloStatus[]): Stat[] {
  const number = (state: SloStatus["state"]) => list.filter((slo) => slo.state === state).length;
  const breached = number("breached");
  const risk = number("at_risk");
  const silent = number("no_data") + number("frozen");
  return [
    {
      label: "Breached",
      value: breached,
      tone: breached > 0 ? "crit" : undefined,
      detail: "budget overspent",
    },
    { label: "At risk", value: risk, tone: risk > 0 ? "warn" : undefined, detail: "burning too fast" },
    {
      label: "No data or frozen",
      value: silent,
      tone: silent > 0 ? "nodata" : undefined,
      detail: "alerts do not judge",
    },
    { label: "Healthy", value: number("healthy"), detail: `of ${list.length} objectives` },
  ];
}

function SloTable({ list }: { list: SloStatus[] }) {
  return (
    <Table caption="SLOs, worst first">
      <thead>
        <tr>
          <th scope="col">SLO</th>
          <th scope="col">State</th>
          <th scope="col" data-wide="2">
            Service
          </th>
          <th scope="col" data-wide="2" data-num>
            Window
          </th>
          <th scope="col" data-wide data-num>
            SLI
          </th>
          <th scope="col" data-wide data-num>
            Target
          </th>
          <th scope="col" data-num>
            Budget left
          </th>
          <th scope="col" data-wide data-num>
            Burn 1 h
          </th>
          <th scope="col" data-wide data-num>
            Burn 6 h
          </th>
          <th scope="col" data-wide="2" data-num>
            Spent in
          </th>
        </tr>
      </thead>
      <tbody>
        {list.map((slo) => (
          <tr key={`${slo.slo}/${slo.objective}`}>
            <th scope="row">
              <Link
                to="/slos/$name"
                params={{ name: slo.slo }}
                search={{ objective: slo.objective }}
                className={rowLink}
                data-row
              >
                {slo.display_name}
              </Link>
            </th>
            <td>
              <Status of={slo.state} />
            </td>
            <td data-wide="2">{slo.service}</td>
            <td data-wide="2" data-num>
              {windowText(slo.window)}
            </td>
            <td data-wide data-num>
              {sli(slo.sli)}
            </td>
            <td data-wide data-num>
              {target(slo.target)}
            </td>
            <td data-num>
              <BudgetBar remaining={slo.error_budget_remaining} warn={slo.state === "at_risk"} />
            </td>
            <td data-wide data-num>
              {burn(slo.burn_rate_1h)}
            </td>
            <td data-wide data-num>
              {burn(slo.burn_rate_6h)}
            </td>
            <td data-wide="2" data-num>
              {span(slo.exhausted_in_secs)}
            </td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}
