import type { Answer } from "../http/answer.ts";
import { badRequest, conflict, StatusError } from "../http/status-error.ts";
import { applyConfiguration } from "../managed-fields/server-side-apply.ts";
import type { ApiObject } from "../registry/strategy.ts";
import { type ParsedBody, parseBody } from "../schema/strict-body.ts";
import { createObject } from "./create-object.ts";
import { checkName, checkPlace, shapeObject } from "./decode-object.ts";
import { isRecord } from "./metadata-shape.ts";
import { presentObject } from "./present.ts";
import type { WriteOptions } from "./query-options.ts";
import { type ResourceRequest, subjectOf } from "./resource-request.ts";
import type { ServerContext } from "./server-context.ts";
import { updateObject } from "./update-object.ts";

/** Server-side apply, which creates what is missing (201), except at a subresource. */
export async function apply(
  context: ServerContext,
  request: ResourceRequest,
  options: WriteOptions & { text: string },
): Promise<Answer> {
  const { resource, namespace, name, subresource, user } = request;
  const { value, strictErrors } = parseConfiguration(options.text);
  checkConfiguration(request, value);
  const { uid } = value.metadata;
  // Completed in place once it is merged, so another attempt parses it anew.
  let unused: ApiObject | undefined = value;
  const common = {
    resource,
    namespace,
    user,
    dryRun: options.dryRun,
    fieldManager: options.fieldManager,
    warn: (text: string) => request.warnings.add(text),
    annotate: request.annotate,
    from: request.from,
    keepManagedFields: true,
  };
  let created = false;
  const merge = (live: ApiObject | undefined): ApiObject => {
    const applied = unused ?? parseConfiguration(options.text).value;
    unused = undefined;
    const result = applyConfiguration({
      live,
      applied,
      manager: options.fieldManager,
      force: options.force,
      definition: resource.definition,
      subresource,
      now: context.clock.now(),
    });
    if ("conflicts" in result) throw applyConflict(result.conflicts);
    const object = shapeObject(request, result.object, { ...options, strictErrors, isPatched: true, isApplied: true });
    checkPlace(request, object);
    return object;
  };
  const create = async () => {
    request.authorizeCreate();
    if (uid) {
      const because = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
      throw conflict(subjectOf(resource, name), because);
    }
    const object = merge(undefined);
    // A version is a precondition for a merge only.
    delete (object.metadata as { resourceVersion?: string }).resourceVersion;
    const written = await createObject(context, { ...common, object });
    created = true;
    return written;
  };
  const { json } = await updateObject(context, {
    ...common,
    name,
    subresource,
    isPatch: true,
    change: (current) => merge(current),
    ...(subresource === "" ? { onMissing: create } : {}),
  });
  return presentObject(created ? 201 : 200, request, json);
}

function parseConfiguration(text: string): ParsedBody & { value: ApiObject } {
  let parsed: ParsedBody;
  try {
    parsed = parseBody(text, "application/yaml");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw badRequest(`error decoding YAML: error converting YAML to JSON: ${reason}`);
  }
  const { value } = parsed;
  if (!isRecord(value)) throw badRequest("error decoding YAML: the configuration is not an object");
  value.metadata ??= {};
  if (!isRecord(value.metadata)) throw badRequest("error decoding YAML: metadata is not an object");
  return { ...parsed, value: value as ApiObject };
}

function checkConfiguration(request: ResourceRequest, applied: ApiObject): void {
  const { resource } = request;
  const { apiVersion = "", kind = "", metadata } = applied as Partial<ApiObject> & Pick<ApiObject, "metadata">;
  if (apiVersion !== resource.apiVersion || kind !== resource.definition.kind) {
    const shown = String(apiVersion).includes("/") ? apiVersion : `/${apiVersion}`;
    throw badRequest(`invalid object type: ${shown}, Kind=${kind}`);
  }
  if (metadata.managedFields !== undefined && metadata.managedFields !== null)
    throw badRequest("metadata.managedFields must be nil");
  checkName(request, applied);
  // On a copy: what the configuration leaves out stays out.
  checkPlace(request, { ...applied, metadata: { ...metadata } });
}

function applyConflict({
  message,
  causes,
}: {
  message: string;
  causes: readonly { message: string; field: string }[];
}): StatusError {
  return new StatusError(409, "Conflict", message, {
    causes: causes.map((cause) => ({ reason: "FieldManagerConflict", ...cause })),
  });
}
