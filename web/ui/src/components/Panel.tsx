import type { ReactNode } from "react";
import css from "./Panel.module.css";

interface Props {
  title?: ReactNode;
  aside?: ReactNode;
  /** The content brings its own padding (tables). */
  flush?: boolean;
  children: ReactNode;
}

export function Panel({ title, aside, flush, children }: Props) {
  return (
    <section className={css.panel}>
      {title !== undefined && (
        <div className={css.head}>
          <h2>{title}</h2>
          {aside !== undefined && <div className={css.aside}>{aside}</div>}
        </div>
      )}
      <div className={flush ? undefined : css.body}>{children}</div>
    </section>
  );
}

/** The line below a panel's content: how many, how long, what else there is to know. */
export function PanelFoot({ children }: { children: ReactNode }) {
  return <footer className={css.foot}>{children}</footer>;
}

/**
 * A plain table in a scroll area that the keyboard can reach. Cells marked `data-num` align right;
 * `data-wide` hides a column on a phone, `data-wide="2"` already below 1200 px.
 */
export function Table({ caption, children }: { caption: string; children: ReactNode }) {
  return (
    <section className={css.scroll} aria-label={caption} tabIndex={0}>
      <table className={css.table}>
        <caption className="visually-hidden">{caption}</caption>
        {children}
      </table>
    </section>
  );
}

export const rowLink = css.main;
