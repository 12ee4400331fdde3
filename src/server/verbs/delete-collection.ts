import type { Answer } from "../http/answer.ts";
import { StatusError } from "../http/status-error.ts";
import { withoutType } from "../registry/served-resource.ts";
import { deleteObject } from "./delete-object.ts";
import { readDeleteOptions } from "./delete-options.ts";
import { encode } from "./present.ts";
import type { ResourceRequest } from "./resource-request.ts";
import { selectionOf } from "./selection.ts";
import type { ServerContext } from "./server-context.ts";

/** Deletes at a time: enough to share an fsync, few enough to leave room for others. */
const AT_ONCE = 64;

/** Deletes what matches, one object at a time as a delete each. Answers with the list of what it found. */
export async function deleteCollection(context: ServerContext, request: ResourceRequest): Promise<Answer> {
  const { resource, namespace, query, user, accepted, annotate, from } = request;
  const selection = selectionOf(resource, namespace, query);
  const options = await readDeleteOptions(request.http, query);
  const found = context.store.list(resource.storage, selection.namespace).filter((stored) => selection.matches(stored));
  const warn = (text: string) => request.warnings.add(text);
  for (let at = 0; at < found.length; at += AT_ONCE) {
    const deletions = found.slice(at, at + AT_ONCE).map(async ({ key }) => {
      const slash = key.indexOf("/");
      const place = { namespace: slash < 0 ? "" : key.slice(0, slash), name: key.slice(slash + 1) };
      const deletion = { resource, ...place, user, options, warn, annotate, from, ofCollection: true };
      await deleteObject(context, deletion).catch(ignoreMissing);
    });
    await Promise.all(deletions);
  }
  const items = found.map((stored) =>
    resource.isCustom ? resource.render(stored) : withoutType(resource.render(stored)),
  );
  const metadata = { ...(resource.isCustom ? { continue: "" } : {}), resourceVersion: String(context.store.revision) };
  const json = `{"apiVersion":${JSON.stringify(resource.apiVersion)},"kind":${JSON.stringify(resource.definition.listKind)},"metadata":${JSON.stringify(metadata)},"items":[${items.join(",")}]}`;
  return encode(200, json, accepted);
}

/** Somebody else was faster. */
function ignoreMissing(error: unknown): void {
  if (!(error instanceof StatusError) || error.code !== 404) throw error;
}
