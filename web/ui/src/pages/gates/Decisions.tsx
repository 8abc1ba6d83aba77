import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { gateDecisions } from "../../api/queries.ts";
import { useRefresh } from "../../components/hooks.ts";
import { Empty, Loaded } from "../../components/Loaded.tsx";
import { Panel, PanelFoot, Table } from "../../components/Panel.tsx";
import { Status } from "../../components/Status.tsx";
import { At } from "../../components/Time.tsx";
import css from "./gates.module.css";

const NEWEST = 50;

/** What pipelines and people asked, what they were told, and why. */
export function Decisions({ service }: { service: string | null }) {
  const query = useQuery({ ...gateDecisions(service, NEWEST), refetchInterval: useRefresh(15_000) });
  return (
    <Panel title="Decisions" flush aside="Every question to a gate, the newest first">
      <Loaded query={query} rows={4}>
        {(list) =>
          list.length === 0 ? (
            <Empty title="No gate was asked yet">
              A pipeline asks with <code>evenkeel gate {service ?? "SERVICE"}</code>: exit code 2 means no.
            </Empty>
          ) : (
            <>
              <Table caption="Decisions">
                <thead>
                  <tr>
                    <th scope="col">Asked</th>
                    {service === null && <th scope="col">Service</th>}
                    <th scope="col">Verdict</th>
                    <th scope="col" data-wide>
                      Why
                    </th>
                    <th scope="col" data-wide>
                      Asked by
                    </th>
                    <th scope="col" data-wide="2">
                      Policy
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {list.map((decision) => (
                    <tr key={decision.event_id}>
                      <th scope="row">
                        <At at={decision.at} style="second" />
                      </th>
                      {service === null && (
                        <td>
                          <Link
                            to="/gates/$service"
                            params={{ service: decision.service }}
                            className="quiet-link"
                          >
                            {decision.service}
                          </Link>
                        </td>
                      )}
                      <td>
                        <Status of={decision.verdict} />
                      </td>
                      <td data-wide>
                        <ul className={css.reasons}>
                          {decision.reasons.map((reason) => (
                            <li key={reason}>{reason}</li>
                          ))}
                        </ul>
                        {decision.reasons.length === 0 && (
                          <span className="muted">Nothing was in the way</span>
                        )}
                      </td>
                      <td data-wide>{decision.actor}</td>
                      <td data-wide="2">{decision.policy}</td>
                    </tr>
                  ))}
                </tbody>
              </Table>
              {list.length === NEWEST && (
                <PanelFoot>The newest {NEWEST}; all of them are in the view gate_decisions.</PanelFoot>
              )}
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}
