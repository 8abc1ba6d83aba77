import { Link } from "@tanstack/react-router";
import { Page } from "./Page.tsx";

export function NotFound() {
  return (
    <Page title="There is no such page">
      <p>
        The address may be mistyped, or from another version. <Link to="/services">Go to the services</Link>.
      </p>
    </Page>
  );
}
