import { Link } from "@tanstack/react-router";
import css from "./Frame.module.css";
import { navGroups } from "./nav.ts";

export function NavList({ demo }: { demo: boolean }) {
  return navGroups(demo).map((group) => (
    <div key={group.label}>
      <span className={css.groupLabel}>{group.label}</span>
      <ul className={css.group}>
        {group.items.map((item) => (
          <li key={item.to}>
            <Link to={item.to} className={css.item} title={item.label}>
              <item.icon size={18} stroke={1.75} aria-hidden />
              <span>{item.label}</span>
            </Link>
          </li>
        ))}
      </ul>
    </div>
  ));
}
