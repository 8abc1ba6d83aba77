import { useQuery } from "@tanstack/react-query";
import { status } from "../../api/queries.ts";
import type { Defect, Status as SystemStatus } from "../../api/types.ts";
import { useNow, useRefresh } from "../../components/hooks.ts";
import { Empty, Loaded } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { Panel, Table } from "../../components/Panel.tsx";
import { StatStrip } from "../../components/StatStrip.tsx";
import { Status } from "../../components/Status.tsx";
import { counterTable } from "../../lib/counters.ts";
import { capital, cell, count, duration, since } from "../../lib/format.ts";

export function SystemPage() {
  const query = useQuery({ ...status(), refetchInterval: useRefresh(5000) });
  const now = useNow(5000);
  return (
    <Page
      title="System status"
      status={
        query.data && (
          <Status
            of={query.data.ready ? "working" : "broken"}
            word={query.data.ready ? "Ready" : "Not ready"}
          />
        )
      }
    >
      <Loaded query={query} rows={12}>
        {(data) => {
          const failing = data.components.filter((component) => !component.ok).length;
          const defects = data.objects.defects.length;
          return (
            <>
              <StatStrip
                stats={[
                  {
                    label: "Components",
                    value: `${data.components.length - failing} of ${data.components.length}`,
                    tone: failing > 0 ? "crit" : undefined,
                    detail: failing > 0 ? `${failing} not working` : "all working",
                  },
                  {
                    label: "Object files",
                    value: count(data.objects.files),
                    detail: "configuration as code",
                  },
                  {
                    label: "Defects in files",
                    value: defects,
                    tone: defects > 0 ? "warn" : undefined,
                    detail: defects > 0 ? "the last good version is in use" : "none",
                  },
                  {
                    label: "Running for",
                    value: duration(since(data.started_at, now)),
                    words: true,
                    detail: `version ${data.version}`,
                  },
                ]}
              />
              <Panel title="Components" flush>
                <Components list={data.components} />
              </Panel>
              <Panel title="Configuration files" flush>
                {defects === 0 ? (
                  <Empty title="No defect in any file" />
                ) : (
                  <Defects list={data.objects.defects} />
                )}
              </Panel>
              <Panel title="Ingest since the start" flush>
                <Counters of={data.ingest} />
              </Panel>
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

function Components({ list }: { list: SystemStatus["components"] }) {
  return (
    <Table caption="Components">
      <thead>
        <tr>
          <th scope="col">Component</th>
          <th scope="col">State</th>
          <th scope="col">Detail</th>
        </tr>
      </thead>
      <tbody>
        {list.map((component) => (
          <tr key={component.name}>
            <th scope="row">{capital(component.name)}</th>
            <td>
              <Status of={component.ok ? "working" : "broken"} />
            </td>
            <td>{component.detail}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

function Defects({ list }: { list: Defect[] }) {
  return (
    <Table caption="Defects in configuration files">
      <thead>
        <tr>
          <th scope="col">Where</th>
          <th scope="col">Severity</th>
          <th scope="col">What</th>
        </tr>
      </thead>
      <tbody>
        {list.map((defect) => (
          <tr key={`${defect.file}:${defect.line}:${defect.message}`}>
            <th scope="row" className="mono">
              {defect.file}
              {defect.line !== null && `:${defect.line}`}
            </th>
            <td>
              <Status of={defect.severity} />
            </td>
            <td>{defect.message}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

/** `remote_write:prometheus_eu`: the dialect as its project writes it, and the name of token, hook or job. */
const sourceName = (source: string): string => {
  const [dialect = "", ...name] = source.split(":");
  const spelled = capital(dialect)
    .replace(/\botlp\b/i, "OTLP")
    .replace(/\bgrpc\b/i, "gRPC");
  return name.length > 0 ? `${spelled}: ${name.join(":")}` : spelled;
};

function Counters({ of }: { of: Record<string, unknown> }) {
  const { columns, rows } = counterTable(of);
  if (rows.length === 0) return <Empty title="Nothing has been received yet" />;
  return (
    <Table caption="Ingest counters">
      <thead>
        <tr>
          <th scope="col">Source</th>
          {columns.map((column) => (
            <th key={column} scope="col" data-num>
              {capital(column)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, cells }) => (
          <tr key={name}>
            <th scope="row">{sourceName(name)}</th>
            {columns.map((column, index) => (
              <td key={column} data-num>
                {typeof cells[index] === "number" ? count(cells[index]) : cell(cells[index])}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </Table>
  );
}
