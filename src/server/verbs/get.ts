import type { Answer } from "../http/answer.ts";
import { notFound, StatusError } from "../http/status-error.ts";
import type { StoredObject } from "../storage/store.ts";
import { presentObject } from "./present.ts";
import { type ResourceRequest, storeKey, subjectOf } from "./resource-request.ts";
import { waitForRevision } from "./revision.ts";
import type { ServerContext } from "./server-context.ts";

export async function get(context: ServerContext, request: ResourceRequest): Promise<Answer> {
  const version = request.query.get("resourceVersion") ?? "";
  if (version !== "" && version !== "0") {
    if (!/^\d+$/.test(version)) {
      const problem = `resourceVersion: Invalid value: ${JSON.stringify(version)}: strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`;
      throw new StatusError(500, undefined, problem);
    }
    await waitForRevision(context, Number(version));
  }
  return presentObject(200, request, request.resource.render(findStored(context, request)));
}

/** @throws {StatusError} NotFound */
export function findStored({ store }: ServerContext, { resource, namespace, name }: ResourceRequest): StoredObject {
  const stored = store.get(resource.storage, storeKey(resource, namespace, name));
  if (!stored) throw notFound(subjectOf(resource, name));
  return stored;
}
