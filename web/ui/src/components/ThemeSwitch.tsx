import { ActionIcon, Button, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { IconMoon, IconSun } from "./icons.ts";

export function ThemeSwitch({ labelled }: { labelled?: boolean }) {
  const scheme = useComputedColorScheme("light");
  const { setColorScheme } = useMantineColorScheme();
  const next = scheme === "dark" ? "light" : "dark";
  const icon = scheme === "dark" ? <IconSun size={18} /> : <IconMoon size={18} />;
  const change = () => setColorScheme(next);
  return labelled ? (
    <Button fullWidth onClick={change} leftSection={icon}>
      {next === "dark" ? "Dark theme" : "Light theme"}
    </Button>
  ) : (
    <ActionIcon onClick={change} aria-label={`Switch to ${next} theme`} title={`Switch to ${next} theme`}>
      {icon}
    </ActionIcon>
  );
}
