import type { Answer } from "../http/answer.ts";
import { expired, StatusError } from "../http/status-error.ts";
import { type ServedResource, withoutType } from "../registry/served-resource.ts";
import type { ApiObject } from "../registry/strategy.ts";
import { positionOf } from "../storage/sorted-objects.ts";
import type { StoredObject } from "../storage/store.ts";
import { toPartialObjectMetadata } from "../table/partial-object-metadata.ts";
import { toTable } from "../table/table.ts";
import { continueExpired, encodeContinue, type ListOptions, parseListOptions } from "./list-options.ts";
import { encode, includeObjectOf } from "./present.ts";
import type { ResourceRequest } from "./resource-request.ts";
import { waitForRevision } from "./revision.ts";
import { type Selection, selectionOf } from "./selection.ts";
import type { ServerContext } from "./server-context.ts";

interface ListMeta {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export async function list(context: ServerContext, request: ResourceRequest): Promise<Answer> {
  const { resource, namespace, query, accepted } = request;
  const selection = selectionOf(resource, namespace, query);
  const options = parseListOptions(query);
  if (options.atLeast !== undefined) await waitForRevision(context, options.atLeast);
  const { objects, metadata } = page(context, resource, selection, options);
  if (accepted.as === undefined) return renderPlain(request, objects, metadata);
  return encode(200, render(request, objects, metadata), accepted);
}

/** One page of the snapshot that the options ask for. */
function page(
  { store }: ServerContext,
  resource: ServedResource,
  selection: Selection,
  { limit, continueFrom, exactly }: ListOptions,
): { objects: StoredObject[]; metadata: ListMeta } {
  const revision = continueFrom ? continueFrom.revision : exactly;
  const snapshot =
    revision === undefined
      ? store.list(resource.storage, selection.namespace)
      : store.listAt(resource.storage, revision, selection.namespace);
  if (!snapshot) {
    if (continueFrom) throw continueExpired(continueFrom.startKey);
    throw expired(`The resourceVersion for the provided list is too old.`);
  }
  const resourceVersion = revision ?? store.revision;
  const objects: StoredObject[] = [];
  let at = continueFrom ? positionOf(snapshot, continueFrom.startKey) : 0;
  for (; at < snapshot.length && (limit === 0 || objects.length < limit); at++) {
    const object = snapshot[at] as StoredObject;
    if (selection.matches(object)) objects.push(object);
  }
  // A page ends the list also when nothing that follows matches.
  while (selection.isNarrowed && at < snapshot.length && !selection.matches(snapshot[at] as StoredObject)) at++;
  const next = snapshot[at];
  if (!next) return { objects, metadata: { resourceVersion: String(resourceVersion) } };
  const metadata = {
    resourceVersion: String(resourceVersion),
    continue: encodeContinue({ revision: resourceVersion, startKey: next.key }),
    ...(selection.isNarrowed ? {} : { remainingItemCount: snapshot.length - at }),
  };
  return { objects, metadata };
}

function render(request: ResourceRequest, objects: readonly StoredObject[], metadata: ListMeta): string {
  const { resource, accepted, query } = request;
  const parsed = objects.map((object): ApiObject => resource.parse(object));
  const apiVersion = `meta.k8s.io/${accepted.version}`;
  if (accepted.as === "Table") {
    const table = toTable(resource.definition, parsed, { includeObject: includeObjectOf(query), ...metadata });
    return JSON.stringify({ ...table, metadata, apiVersion });
  }
  if (accepted.as === "PartialObjectMetadata") {
    const goType = resource.isCustom
      ? "*unstructured.UnstructuredList"
      : `*${goPackage(resource)}.${resource.definition.listKind}`;
    throw new StatusError(
      406,
      "NotAcceptable",
      `you requested PartialObjectMetadata, but the requested object is a list (${goType})`,
    );
  }
  const items = parsed.map((object) => toPartialObjectMetadata(object));
  return JSON.stringify({ kind: "PartialObjectMetadataList", apiVersion, metadata, items });
}

function goPackage({ definition }: ServedResource): string {
  return definition.group.split(".")[0] || "core";
}

/** Beyond this many characters, a list is sent in pieces of about this size. */
const PIECE_LENGTH = 64 * 1024;

/** Joins the stored bytes: nothing is parsed or written anew. */
function renderPlain(
  { resource, accepted }: ResourceRequest,
  objects: readonly StoredObject[],
  metadata: ListMeta,
): Answer {
  const { isCustom, apiVersion, definition } = resource;
  const render = (object: StoredObject) => (isCustom ? resource.render(object) : withoutType(resource.render(object)));
  // Custom lists always show `continue`; typed ones leave it out when it is empty.
  const meta = isCustom ? { continue: "", ...metadata } : metadata;
  const head = `{"apiVersion":${JSON.stringify(apiVersion)},"kind":${JSON.stringify(definition.listKind)},"metadata":${JSON.stringify(meta)},"items":[`;
  const length = objects.reduce((sum, { json }) => sum + json.length, 0);
  if (accepted.format === "json" && length > PIECE_LENGTH) {
    return { status: 200, contentType: "application/json", pieces: inPieces(head, objects, render) };
  }
  return encode(200, `${head}${objects.map(render).join(",")}]}`, accepted);
}

/**
 * The objects are what they were when the list was asked for, however long the client takes; only the piece that it takes
 * is made.
 */
function* inPieces(
  head: string,
  objects: readonly StoredObject[],
  render: (object: StoredObject) => string,
): Generator<string> {
  let piece = head;
  for (const [at, object] of objects.entries()) {
    piece += at === 0 ? render(object) : `,${render(object)}`;
    if (piece.length < PIECE_LENGTH) continue;
    yield piece;
    piece = "";
  }
  yield `${piece}]}`;
}
