import { Button, Tabs } from "@mantine/core";
import { useSearch } from "@tanstack/react-router";
import { usePatchSearch } from "../../components/hooks.ts";
import { Page } from "../../components/Page.tsx";
import { copy } from "../../components/toast.ts";
import { useAsked } from "./asked.ts";
import { DeliveryTab } from "./DeliveryTab.tsx";
import { ImpactTab } from "./ImpactTab.tsx";
import { MetricsFilter } from "./MetricsFilter.tsx";
import { RecoveryTab } from "./RecoveryTab.tsx";

/** How fast failures are found and ended, how changes are delivered, and what it cost people. */
export function RecoveryPage() {
  const { tab = "recovery", as_of } = useSearch({ from: "/recovery" });
  const patch = usePatchSearch();
  const asked = useAsked();
  return (
    <Page
      title="Recovery and delivery"
      actions={<Button onClick={() => void copy(location.href, "Link")}>Copy link</Button>}
    >
      <Tabs
        value={tab}
        onChange={(next) =>
          patch({ tab: next === "recovery" ? undefined : (next ?? undefined), measure: undefined })
        }
        keepMounted={false}
      >
        <Tabs.List mb={16}>
          <Tabs.Tab value="recovery">Recovery</Tabs.Tab>
          <Tabs.Tab value="delivery">Delivery</Tabs.Tab>
          <Tabs.Tab value="impact">Customer impact</Tabs.Tab>
        </Tabs.List>
        <MetricsFilter key={as_of ?? ""} tab={tab} asked={asked} />
        <Tabs.Panel value="recovery">
          <RecoveryTab asked={asked} />
        </Tabs.Panel>
        <Tabs.Panel value="delivery">
          <DeliveryTab asked={asked} />
        </Tabs.Panel>
        <Tabs.Panel value="impact">
          <ImpactTab asked={asked} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
