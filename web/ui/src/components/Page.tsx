import { Link } from "@tanstack/react-router";
import { Fragment, type ReactNode, useEffect, useRef } from "react";
import css from "./Page.module.css";

export interface Crumb {
  label: string;
  to?: string;
}

interface Props {
  title: string;
  crumbs?: Crumb[];
  status?: ReactNode;
  lead?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

let firstPage = true;

/** One page: breadcrumb, one h1 with its status, at most three actions, then the content. */
export function Page({ title, crumbs = [], status, lead, actions, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // Focus follows navigation, so that a screen reader says where it is; the first load keeps its focus.
    if (!firstPage) heading.current?.focus({ preventScroll: true });
    firstPage = false;
  }, []);
  useEffect(() => {
    document.title = `${title} · Evenkeel`;
  }, [title]);
  return (
    <>
      <div className={css.head}>
        <div className={css.titles}>
          {crumbs.length > 0 && (
            <nav aria-label="Breadcrumb" className={css.crumbs}>
              {crumbs.map((crumb, index) => (
                <Fragment key={crumb.label}>
                  {index > 0 && <span aria-hidden>/</span>}
                  {crumb.to ? <Link to={crumb.to}>{crumb.label}</Link> : <span>{crumb.label}</span>}
                </Fragment>
              ))}
            </nav>
          )}
          <div className={css.titleLine}>
            <h1 ref={heading} tabIndex={-1}>
              {title}
            </h1>
            {status}
          </div>
        </div>
        {actions && <div className={css.actions}>{actions}</div>}
      </div>
      {lead && <p className={css.lead}>{lead}</p>}
      {children}
    </>
  );
}
