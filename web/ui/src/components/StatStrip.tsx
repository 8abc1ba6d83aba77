import type { ReactNode } from "react";
import css from "./StatStrip.module.css";
import { type Tone, toneClass } from "./Status.tsx";

export interface Stat {
  label: string;
  value: ReactNode;
  detail?: ReactNode;
  tone?: Tone;
  /** The value is words, not a number: one size smaller. */
  words?: boolean;
}

/** At most five numbers in one bordered box. */
export function StatStrip({ stats }: { stats: Stat[] }) {
  return (
    <dl className={css.strip}>
      {stats.map(({ label, value, detail, tone, words }) => (
        <div key={label} className={css.stat}>
          <dt className={css.label}>{label}</dt>
          <dd
            className={`${css.value} ${words ? css.words : ""} ${toneClass(tone)}`}
            style={{ marginInline: 0 }}
          >
            {value}
          </dd>
          <dd className={css.detail} style={{ marginInline: 0 }}>
            {detail}
          </dd>
        </div>
      ))}
    </dl>
  );
}
