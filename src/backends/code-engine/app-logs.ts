import { Reason } from "../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../machinery/errors.ts";
import type { LogOptions, Owner } from "../backend.ts";
import type { ProjectClient } from "./client/project-client.ts";
import { appSelector, USER_CONTAINER } from "./client/project-proxy.ts";
import { subdomainOf } from "./client/resources/apps.ts";
import { orNothing } from "./workloads/sightings.ts";

/**
 * Lines of the newest instance of an app. Where there is none, since it scales to zero or is stopped, there are no lines:
 * they ended with their instance.
 */
export async function* appLogs(
  project: ProjectClient,
  { app: name, owner }: { readonly app: string; readonly owner: Owner },
  { tail, follow, timestamps }: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const app = await orNothing(project.apps.get(name, { signal }));
  if (!app) return;
  const subdomain = subdomainOf(app);
  if (subdomain === undefined)
    throw new TransientError(
      Reason.BackendError,
      `the logs of ${owner.name} cannot be found: the app does not tell the project's subdomain yet`,
    );
  const proxy = project.proxy(subdomain);
  const pods = [];
  for await (const pod of proxy.pods(appSelector(name), { signal })) pods.push(pod);
  const [newest] = pods
    .filter(({ status }) => status?.phase === "Running" || status?.phase === "Failed")
    .sort((a, b) => (b.metadata.creationTimestamp ?? "").localeCompare(a.metadata.creationTimestamp ?? ""));
  if (!newest) return;
  yield* proxy.podLogs(
    {
      pod: newest.metadata.name,
      container: USER_CONTAINER,
      ...(tail !== undefined && { tailLines: tail }),
      timestamps,
      follow,
    },
    { signal },
  );
}
