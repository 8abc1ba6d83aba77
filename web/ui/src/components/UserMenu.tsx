import { ActionIcon, Menu } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { session } from "../api/queries.ts";
import { IconCheck, IconKeyboard, IconLogout, IconUser, IconX } from "./icons.ts";
import { useSingleKeys } from "./keys.ts";
import { leave } from "./leave.ts";

export default function UserMenu({ openKeys }: { openKeys: () => void }) {
  const { data: me } = useQuery(session());
  const [singleKeys, setSingleKeys] = useSingleKeys();
  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>
        <ActionIcon aria-label="Account" title="Account">
          <IconUser size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {me && (
          <Menu.Label>
            {me.name} · {me.role}
            <br />
            Evenkeel {me.version}
          </Menu.Label>
        )}
        <Menu.Item leftSection={<IconKeyboard size={16} />} onClick={openKeys}>
          Keyboard shortcuts
        </Menu.Item>
        <Menu.Item
          closeMenuOnClick={false}
          onClick={() => setSingleKeys(!singleKeys)}
          leftSection={singleKeys ? <IconCheck size={16} /> : <IconX size={16} />}
        >
          Single-key shortcuts{singleKeys ? " on" : " off"}
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={leave}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
