import { Link } from "@tanstack/react-router";
import type { Alert } from "../../api/types.ts";
import { Labels } from "../../components/Labels.tsx";
import { rowLink, Table } from "../../components/Panel.tsx";
import { Severity, Status } from "../../components/Status.tsx";
import { Ago } from "../../components/Time.tsx";
import { compact, UNKNOWN } from "../../lib/format.ts";
import css from "./AlertTable.module.css";

const SHOWN_ELSEWHERE = ["alertname", "__name__", "severity", "service"];

const begun = (alert: Alert) =>
  alert.state === "resolved" ? alert.resolved_at : (alert.fired_at ?? alert.active_at);

/** A notice tells and asks for nothing: it never looks like something that fires. */
const isNotice = (alert: Alert) => alert.kind === "notice" && alert.state === "firing";

export function AlertTable({ list, caption }: { list: Alert[]; caption: string }) {
  return (
    <Table caption={caption}>
      <thead>
        <tr>
          <th scope="col">Alert</th>
          <th scope="col">State</th>
          <th scope="col" data-wide>
            Severity
          </th>
          <th scope="col" data-wide>
            Service
          </th>
          <th scope="col">Since</th>
          <th scope="col" data-wide data-num>
            Value
          </th>
          <th scope="col" data-wide="2">
            Acknowledged by
          </th>
          <th scope="col" data-wide>
            Incident
          </th>
        </tr>
      </thead>
      <tbody>
        {list.map((alert) => (
          <tr key={alert.id}>
            <th scope="row">
              <AlertName alert={alert} />
              {alert.annotations.summary && <p className={css.summary}>{alert.annotations.summary}</p>}
              {alert.explains && <p className={css.explains}>{alert.explains}</p>}
              <Labels of={alert.labels} hide={SHOWN_ELSEWHERE} />
            </th>
            <td>
              <Status of={isNotice(alert) ? "notice" : alert.state} />
            </td>
            <td data-wide>
              <Severity of={alert.severity} />
            </td>
            <td data-wide>{alert.service ?? UNKNOWN}</td>
            <td data-nowrap>
              <Ago at={begun(alert)} />
            </td>
            <td data-wide data-num>
              {typeof alert.value === "number" ? compact(alert.value) : (alert.value ?? UNKNOWN)}
            </td>
            <td data-wide="2">{alert.acknowledged_by ?? UNKNOWN}</td>
            <td data-wide data-nowrap>
              {alert.incident_id ? (
                <Link to="/incidents/$id" params={{ id: alert.incident_id }}>
                  {alert.incident_id}
                </Link>
              ) : (
                UNKNOWN
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

/** The name leads to the incident, which has everything; an SLO's alert without one leads to the SLO. */
function AlertName({ alert }: { alert: Alert }) {
  const slo = alert.source.startsWith("slo:") ? alert.source.slice(4) : null;
  if (alert.incident_id) {
    return (
      <Link to="/incidents/$id" params={{ id: alert.incident_id }} className={rowLink} data-row>
        {alert.alert}
      </Link>
    );
  }
  if (slo) {
    return (
      <Link to="/slos/$name" params={{ name: slo }} className={rowLink} data-row>
        {alert.alert}
      </Link>
    );
  }
  return <span>{alert.alert}</span>;
}
