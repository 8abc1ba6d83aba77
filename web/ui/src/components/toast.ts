import { notifications } from "@mantine/notifications";

const closeButtonProps = { "aria-label": "Dismiss" };

export const said = (message: string): void => {
  notifications.show({ message, color: "accent", autoClose: 4000, withCloseButton: true, closeButtonProps });
};

export const refused = (error: Error): void => {
  notifications.show({
    title: "That did not work",
    message: error.message,
    color: "red",
    autoClose: 10_000,
    closeButtonProps,
  });
};

export async function copy(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    said(`${what} copied`);
  } catch {
    // Without HTTPS there is no clipboard: show what would have been copied.
    notifications.show({
      title: `${what}: copy it from here`,
      message: text,
      autoClose: false,
      closeButtonProps,
    });
  }
}
