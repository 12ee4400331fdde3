import { StatusError } from "../http/status-error.ts";
import { SERVER_USER } from "../registry/in-process-objects.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import { deleteObject } from "../verbs/delete-object.ts";
import type { ServerContext } from "../verbs/server-context.ts";

const AT_ONCE = 64;

export interface DeleteAllOptions {
  /** All of them where there is none. */
  readonly namespace?: string;
  /** Of objects that go with their kind nobody is asked, as in Kubernetes. */
  readonly withoutAdmission?: boolean;
}

/** Deletes every object of a kind; those that finalizers hold stay marked. */
export async function deleteAll(
  context: ServerContext,
  resource: ServedResource,
  { namespace, withoutAdmission = false }: DeleteAllOptions,
): Promise<void> {
  const found = context.store.list(resource.storage, namespace);
  const options = { propagation: "Background" as const, preconditions: {}, dryRun: false };
  for (let at = 0; at < found.length; at += AT_ONCE) {
    const deletions = found.slice(at, at + AT_ONCE).map(async ({ key }) => {
      const slash = key.indexOf("/");
      const place = { namespace: slash < 0 ? "" : key.slice(0, slash), name: key.slice(slash + 1) };
      try {
        const deletion = { resource, ...place, user: SERVER_USER, options, warn: () => undefined, withoutAdmission };
        await deleteObject(context, deletion);
      } catch (error) {
        if (!(error instanceof StatusError) || error.code !== 404) throw error;
      }
    });
    await Promise.all(deletions);
  }
}
