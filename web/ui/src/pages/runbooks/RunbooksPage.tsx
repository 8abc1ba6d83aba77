import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { runbooks } from "../../api/queries.ts";
import { useRefresh } from "../../components/hooks.ts";
import { Empty, Loaded } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { Panel, rowLink, Table } from "../../components/Panel.tsx";
import { capital, UNKNOWN } from "../../lib/format.ts";

export function RunbooksPage() {
  const query = useQuery({ ...runbooks(), refetchInterval: useRefresh(30_000) });
  return (
    <Page title="Runbooks">
      <Loaded query={query} rows={8}>
        {(list) => (
          <Panel flush>
            {list.length === 0 ? (
              <Empty title="No runbook yet">
                Put a Markdown file with front matter into the objects directory: its labels decide which
                incidents it is suggested for.
              </Empty>
            ) : (
              <Table caption="Runbooks">
                <thead>
                  <tr>
                    <th scope="col">Runbook</th>
                    <th scope="col">Risk</th>
                    <th scope="col" data-wide>
                      Owner
                    </th>
                    <th scope="col" data-num>
                      Steps
                    </th>
                    <th scope="col" data-wide>
                      File
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {list.map((runbook) => (
                    <tr key={runbook.id}>
                      <th scope="row">
                        <Link to="/runbooks/$id" params={{ id: runbook.id }} className={rowLink} data-row>
                          {runbook.title}
                        </Link>
                      </th>
                      <td>{runbook.risk ? capital(runbook.risk) : UNKNOWN}</td>
                      <td data-wide>{runbook.owner ?? UNKNOWN}</td>
                      <td data-num>{runbook.steps}</td>
                      <td data-wide className="mono">
                        {runbook.source}
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
