import { Button, Drawer } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { session } from "../api/queries.ts";
import css from "./Frame.module.css";
import { IconLogout } from "./icons.ts";
import { leave } from "./leave.ts";
import { NavList } from "./NavList.tsx";
import { ThemeSwitch } from "./ThemeSwitch.tsx";

/** The navigation on a phone, with what the header has no room for. */
export default function NavDrawer({ close }: { close: () => void }) {
  const { data: me } = useQuery(session());
  return (
    <Drawer opened onClose={close} title="Evenkeel" size={280}>
      <nav aria-label="Main">
        <NavList demo={me?.demo ?? false} />
      </nav>
      <div className={css.drawerFoot}>
        {me && (
          <p className="muted small">
            {me.name} · {me.role} · version {me.version}
          </p>
        )}
        <ThemeSwitch labelled />
        <Button fullWidth onClick={leave} leftSection={<IconLogout size={16} />}>
          Sign out
        </Button>
      </div>
    </Drawer>
  );
}
