import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { run } from "../../api/queries.ts";
import { useMay } from "../../components/hooks.ts";
import { Loaded } from "../../components/Loaded.tsx";
import { Page } from "../../components/Page.tsx";
import { Status } from "../../components/Status.tsx";
import { At } from "../../components/Time.tsx";
import { RunSteps } from "./RunSteps.tsx";

export function RunPage() {
  const { id } = useParams({ from: "/runs/$id" });
  const query = useQuery(run(id));
  const mayAct = useMay("responder");
  const data = query.data;
  return (
    <Page
      title={data?.runbook_title ?? "Run"}
      crumbs={[
        { label: "Runbooks", to: "/runbooks" },
        ...(data?.incident_id ? [{ label: data.incident_id, to: `/incidents/${data.incident_id}` }] : []),
        { label: id },
      ]}
      status={data && <Status of={data.state} />}
      lead={
        data && (
          <>
            Started <At at={data.started_at} style="second" />
            {data.finished_at && (
              <>
                , ended <At at={data.finished_at} style="second" />
              </>
            )}
          </>
        )
      }
    >
      <Loaded query={query} rows={12}>
        {(loaded) => <RunSteps initial={loaded} mayAct={mayAct} expanded expand={() => undefined} />}
      </Loaded>
    </Page>
  );
}
