import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { retrospectives } from "../../api/queries.ts";
import { useRefresh } from "../../components/hooks.ts";
import { Empty, Loaded } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { Panel, rowLink, Table } from "../../components/Panel.tsx";
import { Severity, Status } from "../../components/Status.tsx";
import { At } from "../../components/Time.tsx";
import { UNKNOWN } from "../../lib/format.ts";

export function RetrosPage() {
  const query = useQuery({ ...retrospectives(), refetchInterval: useRefresh(30_000) });
  return (
    <Page title="Retrospectives">
      <Loaded query={query} rows={8}>
        {(list) => (
          <Panel flush>
            {list.length === 0 ? (
              <Empty title="No retrospective yet">
                When an incident is resolved, a draft is written from its timeline.
              </Empty>
            ) : (
              <Table caption="Retrospectives">
                <thead>
                  <tr>
                    <th scope="col">Retrospective</th>
                    <th scope="col">State</th>
                    <th scope="col" data-wide>
                      Severity
                    </th>
                    <th scope="col" data-wide>
                      Service
                    </th>
                    <th scope="col">Incident</th>
                    <th scope="col" data-wide>
                      Updated
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {list.map((retro) => (
                    <tr key={retro.id}>
                      <th scope="row">
                        <Link to="/retros/$id" params={{ id: retro.id }} className={rowLink} data-row>
                          {retro.title}
                        </Link>
                      </th>
                      <td>
                        <Status of={retro.state} />
                      </td>
                      <td data-wide>
                        <Severity of={retro.severity} />
                      </td>
                      <td data-wide>{retro.service ?? UNKNOWN}</td>
                      <td data-nowrap>
                        <Link to="/incidents/$id" params={{ id: retro.incident_id }}>
                          {retro.incident_id}
                        </Link>
                      </td>
                      <td data-wide data-nowrap>
                        <At at={retro.updated_at} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </Table>
            )}
          </Panel>
        )}
      </Loaded>
    </Page>
  );
}
