import type { Answer } from "../http/answer.ts";
import { type Deleted, deleteObject } from "./delete-object.ts";
import { type DeleteOptions, readDeleteOptions } from "./delete-options.ts";
import { encode, presentObject } from "./present.ts";
import type { ResourceRequest } from "./resource-request.ts";
import type { ServerContext } from "./server-context.ts";

export async function remove(context: ServerContext, request: ResourceRequest): Promise<Answer> {
  const options: DeleteOptions = await readDeleteOptions(request.http, request.query);
  const { resource, namespace, name, user } = request;
  const { annotate, from } = request;
  const warn = (text: string) => request.warnings.add(text);
  const deleted = await deleteObject(context, { resource, namespace, name, user, options, warn, annotate, from });
  return answer(request, deleted);
}

/** The object while finalizers hold it; a Status once it is gone, except where the kind answers with what was there. */
function answer(request: ResourceRequest, { object, gone }: Deleted): Answer {
  const { resource, accepted } = request;
  if (!gone || resource.strategy.deleteReturnsObject) return presentObject(200, request, JSON.stringify(object));
  const { group, plural } = resource.definition;
  const { name, uid } = object.metadata;
  const details = { name, ...(group === "" ? {} : { group }), kind: plural, uid };
  const status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details };
  return encode(200, JSON.stringify(status), accepted);
}
