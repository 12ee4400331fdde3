import { shapeFreeObject } from "../verbs/decode-virtual.ts";
import { encode } from "../verbs/present.ts";
import { storeKey, subjectOf } from "../verbs/resource-request.ts";
import type { ServerContext } from "../verbs/server-context.ts";
import { negotiate } from "./accept.ts";
import { type Answer, header } from "./answer.ts";
import type { Call } from "./api-handler.ts";
import { methodNotSupported, notFound, resourceNotFound } from "./status-error.ts";
import type { VirtualResource, VirtualSubresource } from "./virtual-resource.ts";

/** POST of a review. */
export async function createVirtual(virtual: VirtualResource, call: Call): Promise<Answer> {
  const { path, user } = call;
  if (path.name !== "" || (path.namespace !== "") !== virtual.definition.namespaced) throw resourceNotFound();
  if (call.verb !== "create") throw methodNotSupported();
  const { object, dryRun } = await shapeFreeObject(call, virtual.definition);
  const accepted = negotiate(header(call.http, "accept"));
  const answer = await virtual.create({ user, namespace: path.namespace, name: "", object, dryRun });
  return encode(201, JSON.stringify(answer), accepted);
}

/** POST to a subresource of an object that exists. */
export async function createVirtualSubresource(
  context: ServerContext,
  virtual: VirtualSubresource,
  call: Call,
): Promise<Answer> {
  const { path, user } = call;
  if (call.verb !== "create") throw methodNotSupported();
  const { group, version, plural } = virtual.parent;
  const resource = context.registry.find(group, version, plural);
  if (!resource) throw resourceNotFound();
  const { object, dryRun } = await shapeFreeObject(call, virtual.definition);
  const accepted = negotiate(header(call.http, "accept"));
  const stored = context.store.get(resource.storage, storeKey(resource, path.namespace, path.name));
  if (!stored) throw notFound(subjectOf(resource, path.name));
  const { namespace, name } = path;
  const answer = await virtual.create({ user, namespace, name, parent: resource.parse(stored), object, dryRun });
  return encode(201, JSON.stringify(answer), accepted);
}
