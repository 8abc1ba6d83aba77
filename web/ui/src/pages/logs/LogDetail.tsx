import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { LogLine } from "../../api/types.ts";
import { Loaded } from "../../components/Loaded.tsx";
import { copy } from "../../components/toast.ts";
import { zoned } from "../../lib/format.ts";
import { fieldTerm, isFieldName } from "../../lib/logQuery.ts";
import { context } from "./ask.ts";
import { LineText } from "./LogList.tsx";
import css from "./LogsPage.module.css";

const CONTEXT_LINES = 20;

interface Props {
  line: LogLine;
  zone: string;
  filter: (term: string) => void;
}

/** Everything about one line: the whole text, its fields, its trace, what stands around it. */
export function LogDetail({ line, zone, filter }: Props) {
  const [around, setAround] = useState(false);
  const columns = { service: line.service, env: line.env, host: line.host, severity: line.severity };
  const traces = { trace_id: line.trace_id, span_id: line.span_id };
  const own = { ...columns, ...traces };
  const attributes = Object.entries(line.attrs).filter(([name]) => !(name in own));
  const fields = [...Object.entries(own), ...attributes].filter(
    (field): field is [string, string] => field[1] !== null,
  );
  return (
    <div className={css.detail}>
      <pre className={css.whole}>{line.body}</pre>
      <div className={css.actions}>
        <Button size="xs" aria-pressed={around} onClick={() => setAround(!around)}>
          {around ? "Hide context" : "Context"}
        </Button>
        {line.trace_id && (
          <Button size="xs" onClick={() => filter(fieldTerm("trace_id", line.trace_id ?? ""))}>
            Trace
          </Button>
        )}
        <Button size="xs" onClick={() => void copy(JSON.stringify(line, null, 2), "Line")}>
          Copy JSON
        </Button>
      </div>
      {around && <Around line={line} zone={zone} />}
      <table className={css.fields}>
        <caption className="visually-hidden">Fields of the line</caption>
        <tbody>
          <tr>
            <th scope="row">ts</th>
            <td>{zoned(line.ts, zone, "full")}</td>
            <td />
          </tr>
          {fields.map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{value}</td>
              <td>
                {isFieldName(name) && (
                  <>
                    <Keep name={name} value={value} negated={false} filter={filter} />
                    <Keep name={name} value={value} negated filter={filter} />
                  </>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface KeepProps {
  name: string;
  value: string;
  negated: boolean;
  filter: (term: string) => void;
}

function Keep({ name, value, negated, filter }: KeepProps) {
  const words = negated ? "Without" : "Only";
  return (
    <button
      type="button"
      className={css.without}
      aria-label={`${words} ${name} ${value}`}
      title={`${words} this value`}
      onClick={() => filter(fieldTerm(name, value, negated))}
    >
      {negated ? "−" : "+"}
    </button>
  );
}

function Around({ line, zone }: { line: LogLine; zone: string }) {
  const query = useQuery(context(line, CONTEXT_LINES));
  return (
    <Loaded query={query} rows={4}>
      {({ before, after }) => (
        <ol className={css.around} aria-label="Lines around this one">
          {[...before, line, ...after].map((one) => (
            <li
              key={one.id}
              className={css.line}
              data-level={one.level ?? "none"}
              data-this={one === line || undefined}
            >
              <LineText line={one} zone={zone} />
            </li>
          ))}
        </ol>
      )}
    </Loaded>
  );
}
