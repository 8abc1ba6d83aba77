import { SegmentedControl, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { incidents, oncall, services } from "../../api/queries.ts";
import type { Incident, OnCallSchedule, ServiceSummary } from "../../api/types.ts";
import { BudgetBar } from "../../components/BudgetBar.tsx";
import { FilterBar } from "../../components/FilterBar.tsx";
import { useNow, usePatchSearch, useRefresh } from "../../components/hooks.ts";
import { Empty, Loaded } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { Panel, rowLink, Table } from "../../components/Panel.tsx";
import { type Stat, StatStrip } from "../../components/StatStrip.tsx";
import { Severity, Status } from "../../components/Status.tsx";
import { Ago } from "../../components/Time.tsx";
import { burn, duration, since, sli, target, UNKNOWN } from "../../lib/format.ts";
import { fieldTerm } from "../../lib/logQuery.ts";
import { severityRank, worstFirst } from "../../lib/order.ts";
import { people } from "../../lib/people.ts";

export function ServicesPage() {
  const refetchInterval = useRefresh(15_000);
  const query = useQuery({ ...services(), refetchInterval });
  const open = useQuery({ ...incidents("open"), refetchInterval });
  const schedules = useQuery({ ...oncall(), refetchInterval: refetchInterval && 60_000 });
  const { q, show } = useSearch({ from: "/services" });
  const patch = usePatchSearch();
  const now = useNow(30_000);
  return (
    <Page title="Services">
      <Loaded query={query} rows={14}>
        {(list) => {
          const shown = list
            .filter((service) => matches(service, q, show))
            .sort((a, b) => worstFirst(rated(a), rated(b)));
          return (
            <>
              <StatStrip stats={strip(list, open.data, schedules.data, now)} />
              <FilterBar>
                <TextInput
                  data-filter
                  aria-label="Filter by service or team"
                  placeholder="Filter by service or team"
                  value={q ?? ""}
                  onChange={(event) => patch({ q: event.currentTarget.value || undefined })}
                />
                <SegmentedControl
                  aria-label="Status"
                  value={show ?? "all"}
                  onChange={(value) => patch({ show: value === "all" ? undefined : value })}
                  data={[
                    { value: "all", label: "All" },
                    { value: "breached", label: "Breached" },
                    { value: "at_risk", label: "At risk" },
                  ]}
                />
              </FilterBar>
              <Panel flush>
                {list.length === 0 ? (
                  <Empty title="No service yet">
                    A service appears here when an SLO names it, an object file defines it, or its telemetry
                    arrives.
                  </Empty>
                ) : shown.length === 0 ? (
                  <Empty title="No service matches the filter" />
                ) : (
                  <ServiceTable list={shown} />
                )}
              </Panel>
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

const rated = (service: ServiceSummary) => ({
  status: service.status,
  remaining: service.worst_slo?.error_budget_remaining ?? null,
  name: service.display_name,
});

function matches(
  service: ServiceSummary,
  q: string | undefined,
  show: "breached" | "at_risk" | undefined,
): boolean {
  if (show && service.status !== show) return false;
  return (
    !q ||
    `${service.display_name} ${service.name} ${service.team ?? ""}`.toLowerCase().includes(q.toLowerCase())
  );
}

function strip(
  list: ServiceSummary[],
  open: Incident[] | undefined,
  schedules: OnCallSchedule[] | undefined,
  now: number,
): Stat[] {
  const breached = list.filter((service) => service.status === "breached").length;
  const risk = list.filter((service) => service.status === "at_risk").length;
  const firing = list.reduce((sum, service) => sum + service.alerts_firing, 0);
  const worst = [...(open ?? [])].sort((a, b) => severityRank(a.severity) - severityRank(b.severity))[0];
  const onCall = people((schedules ?? []).flatMap((schedule) => schedule.on_call?.user ?? []));
  return [
    {
      label: "Breached",
      value: breached,
      tone: breached > 0 ? "crit" : undefined,
      detail: `of ${list.length} services`,
    },
    { label: "At risk", value: risk, tone: risk > 0 ? "warn" : undefined, detail: "burning too fast" },
    {
      label: "Firing alerts",
      value: firing,
      tone: firing > 0 ? "crit" : undefined,
      detail: "across all services",
    },
    {
      label: "Open incidents",
      value: open ? open.length : UNKNOWN,
      tone: open && open.length > 0 ? "crit" : undefined,
      detail: worst
        ? `worst ${worst.severity}, ${duration(since(worst.started_at, now))}`
        : open
          ? "none open"
          : "",
    },
    {
      label: "On call now",
      value: onCall.first ?? (schedules ? "Nobody" : UNKNOWN),
      words: true,
      tone: schedules && !onCall.first ? "warn" : undefined,
      detail:
        onCall.others ||
        (schedules ? `${schedules.length} ${schedules.length === 1 ? "schedule" : "schedules"}` : ""),
    },
  ];
}

function ServiceTable({ list }: { list: ServiceSummary[] }) {
  return (
    <Table caption="Services, worst first">
      <thead>
        <tr>
          <th scope="col">Service</th>
          <th scope="col">Status</th>
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
          <th scope="col" data-wide data-num>
            Alerts
          </th>
          <th scope="col" data-wide="2">
            Last change
          </th>
          <th scope="col" data-wide="2">
            Team
          </th>
          <th scope="col" data-wide>
            Logs
          </th>
        </tr>
      </thead>
      <tbody>
        {list.map((service) => (
          <tr key={service.name}>
            <th scope="row">
              <ServiceName service={service} />
            </th>
            <td>
              <Status of={service.status} />
            </td>
            <td data-wide data-num>
              {sli(service.worst_slo?.sli)}
            </td>
            <td data-wide data-num>
              {target(service.worst_slo?.target)}
            </td>
            <td data-num>
              <BudgetBar
                remaining={service.worst_slo?.error_budget_remaining ?? null}
                warn={service.status === "at_risk"}
              />
            </td>
            <td data-wide data-num>
              {burn(service.worst_slo?.burn_rate_1h)}
            </td>
            <td data-wide data-num>
              {burn(service.worst_slo?.burn_rate_6h)}
            </td>
            <td data-wide data-num>
              <AlertCount service={service} />
            </td>
            <td data-wide="2" data-nowrap>
              {service.last_change ? (
                <>
                  {service.last_change.version}{" "}
                  <span className="muted">
                    <Ago at={service.last_change.at} />
                  </span>
                </>
              ) : (
                UNKNOWN
              )}
            </td>
            <td data-wide="2">{service.team ?? UNKNOWN}</td>
            <td data-wide>
              <Link
                to="/logs"
                search={{ q: fieldTerm("service", service.name) }}
                aria-label={`Logs of ${service.display_name}`}
              >
                Logs
              </Link>
            </td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

/** To its SLO when there is one to show, else to the list of its SLOs. */
function ServiceName({ service }: { service: ServiceSummary }) {
  const slo = service.worst_slo;
  if (service.slo_count > 1) {
    return (
      <Link to="/slos" search={{ service: service.name }} className={rowLink} data-row>
        {service.display_name}
      </Link>
    );
  }
  if (slo) {
    return (
      <Link to="/slos/$name" params={{ name: slo.slo }} className={rowLink} data-row>
        {service.display_name}
      </Link>
    );
  }
  return <span>{service.display_name}</span>;
}

function AlertCount({ service }: { service: ServiceSummary }) {
  if (service.alerts_firing === 0 && service.incidents_open === 0) return <span className="muted">0</span>;
  return (
    <span style={{ display: "inline-flex", gap: 8, alignItems: "center" }}>
      <Link to="/alerts" search={{ service: service.name }}>
        {service.alerts_firing} firing
      </Link>
      {service.worst_severity && (
        <Link
          to="/incidents"
          search={{ service: service.name }}
          style={{ textDecoration: "none" }}
          title={`${service.incidents_open} open`}
        >
          <Severity of={service.worst_severity} />
        </Link>
      )}
    </span>
  );
}
