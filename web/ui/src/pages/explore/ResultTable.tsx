import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef } from "react";
import { cell } from "../../lib/format.ts";
import type { Column } from "./ask.ts";
import css from "./ExplorePage.module.css";

const ROW_PX = 28;

/** Any rows, virtualised: ten thousand scroll as well as ten. */
export function ResultTable({ columns, rows }: { columns: Column[]; rows: unknown[][] }) {
  const scroll = useRef<HTMLElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_PX,
    overscan: 20,
  });
  const items = virtual.getVirtualItems();
  const before = items[0]?.start ?? 0;
  const after = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    <section ref={scroll} className={css.rows} aria-label="Rows" tabIndex={0}>
      <table aria-rowcount={rows.length + 1}>
        <caption className="visually-hidden">Rows</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" data-num={column.numeric || undefined} title={column.type}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {before > 0 && <Spacer height={before} columns={columns.length} />}
          {items.map((item) => (
            <tr key={item.key} aria-rowindex={item.index + 2}>
              {columns.map((column, index) => {
                const text = cell(rows[item.index]?.[index]);
                return (
                  <td
                    key={column.name}
                    data-num={column.numeric || undefined}
                    title={text.length > 40 ? text : undefined}
                  >
                    {text}
                  </td>
                );
              })}
            </tr>
          ))}
          {after > 0 && <Spacer height={after} columns={columns.length} />}
        </tbody>
      </table>
    </section>
  );
}

function Spacer({ height, columns }: { height: number; columns: number }) {
  return (
    <tr aria-hidden>
      <td colSpan={columns} style={{ height, padding: 0, border: 0 }} />
    </tr>
  );
}
