import { Button, SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { incidents } from "../../api/queries.ts";
import type { Incident } from "../../api/types.ts";
import { DeclareIncident } from "../../components/DeclareIncident.tsx";
import { FilterBar } from "../../components/FilterBar.tsx";
import { useMay, useNow, usePatchSearch, useRefresh } from "../../components/hooks.ts";
import { Empty, Loaded } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { Panel, rowLink, Table } from "../../components/Panel.tsx";
import { Severity, Status } from "../../components/Status.tsx";
import { At } from "../../components/Time.tsx";
import { duration, since, UNKNOWN } from "../../lib/format.ts";
import { isOpen } from "../../lib/incident.ts";
import { severityRank } from "../../lib/order.ts";

export function IncidentsPage() {
  const { show, service } = useSearch({ from: "/incidents" });
  const patch = usePatchSearch();
  const query = useQuery({ ...incidents(show ?? "open", 200), refetchInterval: useRefresh(10_000) });
  const [declaring, setDeclaring] = useState(false);
  const mayAct = useMay("responder");
  return (
    <Page
      title="Incidents"
      actions={
        mayAct && (
          <Button variant="filled" onClick={() => setDeclaring(true)}>
            Open incident
          </Button>
        )
      }
    >
      <FilterBar>
        <SegmentedControl
          aria-label="State"
          value={show ?? "open"}
          onChange={(value) => patch({ show: value === "open" ? undefined : value })}
          data={[
            { value: "open", label: "Open" },
            { value: "all", label: "All" },
          ]}
        />
        {service && (
          <span>
            Service {service} ·{" "}
            <Link to="/incidents" search={{ show }}>
              Show all services
            </Link>
          </span>
        )}
      </FilterBar>
      <Loaded query={query} rows={10}>
        {(all) => {
          const list = all.filter((incident) => !service || incident.service === service).sort(order);
          return (
            <Panel flush>
              {list.length === 0 ? (
                <Empty title={show === "all" ? "No incident yet" : "No incident is open"}>
                  An incident opens when an alert pages somebody, or by hand.
                </Empty>
              ) : (
                <IncidentTable list={list} />
              )}
            </Panel>
          );
        }}
      </Loaded>
      {declaring && <DeclareIncident close={() => setDeclaring(false)} service={service} />}
    </Page>
  );
}

/** Open ones first by severity; what is over, newest first. */
function order(a: Incident, b: Incident): number {
  const open = Number(isOpen(b.state)) - Number(isOpen(a.state));
  if (open !== 0) return open;
  const bySeverity = isOpen(a.state) ? severityRank(a.severity) - severityRank(b.severity) : 0;
  return bySeverity || b.started_at.localeCompare(a.started_at);
}

function IncidentTable({ list }: { list: Incident[] }) {
  const now = useNow(10_000);
  return (
    <Table caption="Incidents">
      <thead>
        <tr>
          <th scope="col">Incident</th>
          <th scope="col">Severity</th>
          <th scope="col">State</th>
          <th scope="col" data-wide>
            Service
          </th>
          <th scope="col" data-wide="2">
            Commander
          </th>
          <th scope="col" data-wide>
            Started
          </th>
          <th scope="col" data-wide data-num>
            Lasted
          </th>
          <th scope="col" data-wide="2" data-num>
            Acknowledged after
          </th>
        </tr>
      </thead>
      <tbody>
        {list.map((incident) => (
          <tr key={incident.incident_id}>
            <th scope="row">
              <Link to="/incidents/$id" params={{ id: incident.incident_id }} className={rowLink} data-row>
                {incident.title}
              </Link>{" "}
              <span className="muted small">{incident.incident_id}</span>
            </th>
            <td>
              <Severity of={incident.severity} />
            </td>
            <td>
              <Status of={incident.state} />
            </td>
            <td data-wide>{incident.service ?? UNKNOWN}</td>
            <td data-wide="2">{incident.commander ?? UNKNOWN}</td>
            <td data-wide data-nowrap>
              <At at={incident.started_at} />
            </td>
            <td data-wide data-num>
              {duration(
                since(
                  incident.started_at,
                  isOpen(incident.state) ? now : (incident.restored_at ?? incident.resolved_at),
                ),
              )}
            </td>
            <td data-wide="2" data-num>
              {duration(since(incident.detected_at ?? incident.started_at, incident.acknowledged_at))}
            </td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}
