import type { ManagedFieldsEntry } from "../../api/meta.ts";
import { type Answer, header } from "../http/answer.ts";
import { readBody } from "../http/request-body.ts";
import { badRequest, invalid, StatusError } from "../http/status-error.ts";
import { applyJsonPatch } from "../patch/json-patch.ts";
import { applyMergePatch } from "../patch/merge-patch.ts";
import { invalidResult } from "../patch/patch-error.ts";
import { valueAt, withValueAt } from "../registry/field-path.ts";
import type { ApiObject } from "../registry/strategy.ts";
import type { ResourceDefinition } from "../resource.ts";
import { parseBody } from "../schema/strict-body.ts";
import { findStored } from "./get.ts";
import { isRecord } from "./metadata-shape.ts";
import { patchType } from "./patch.ts";
import { encode } from "./present.ts";
import { managerOf, parseWriteOptions, type WriteOptions } from "./query-options.ts";
import { kindSubjectOf, type ResourceRequest } from "./resource-request.ts";
import type { ServerContext } from "./server-context.ts";
import { updateObject } from "./update-object.ts";

/** `autoscaling/v1` Scale: a view of one number of an object. */
export interface Scale {
  readonly kind: "Scale";
  readonly apiVersion: "autoscaling/v1";
  readonly metadata: Record<string, unknown>;
  readonly spec: { replicas?: number };
  readonly status: { replicas: number; selector?: string };
}

export async function getScale(context: ServerContext, request: ResourceRequest): Promise<Answer> {
  const object = request.resource.parse(findStored(context, request));
  return encode(200, JSON.stringify(scaleOf(request.resource.definition, object)), request.accepted);
}

export async function updateScale(context: ServerContext, request: ResourceRequest): Promise<Answer> {
  const options = parseWriteOptions(request.query, "UpdateOptions");
  const text = await readBody(request.http);
  const body = parseScale(text);
  if (body.kind !== undefined && body.kind !== "Scale") {
    throw badRequest('no kind is registered for the type v1.Scale in scheme "pkg/runtime/scheme.go:111"');
  }
  const { name, resourceVersion } = isRecord(body.metadata) ? body.metadata : {};
  if (name !== undefined && name !== request.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${request.name})`);
  }
  return write(context, request, options, (current) => {
    if (typeof resourceVersion === "string") current.metadata.resourceVersion = resourceVersion;
    else delete (current.metadata as { resourceVersion?: string }).resourceVersion;
    return withReplicas(request, current, isRecord(body.spec) ? body.spec.replicas : undefined);
  });
}

export async function patchScale(context: ServerContext, request: ResourceRequest): Promise<Answer> {
  const type = patchType(request);
  const options = parseWriteOptions(request.query, "PatchOptions");
  const text = await readBody(request.http);
  if (type === "application/apply-patch+yaml") {
    const because = "request to convert CR to an invalid group/version: autoscaling/v1";
    throw new StatusError(
      500,
      undefined,
      `failed to convert new object (/${request.name}; autoscaling/v1, Kind=Scale) to proper version: ${because}`,
    );
  }
  const patch = parsePatch(text);
  return write(context, request, options, (current) => {
    const view = scaleOf(request.resource.definition, current);
    const managers = managersOf(current, pathsOf(request.resource.definition.subresources.scale).specReplicasPath);
    const scale = { ...view, metadata: { ...view.metadata, ...managers } } as Record<string, unknown>;
    const patched =
      type === "application/json-patch+json" ? applyJsonPatch(scale, patch) : applyMergePatch(scale, patch);
    const spec = isRecord(patched) && isRecord(patched.spec) ? patched.spec : {};
    if (spec.replicas !== undefined && !Number.isInteger(spec.replicas)) {
      const because = `json: cannot unmarshal ${typeof spec.replicas} into Go struct field ScaleSpec.spec.replicas of type int32`;
      throw invalidResult(JSON.stringify({ apiVersion: scale.apiVersion, ...(patched as object) }), because);
    }
    const version = isRecord(patched) && isRecord(patched.metadata) ? patched.metadata.resourceVersion : undefined;
    if (typeof version === "string") current.metadata.resourceVersion = version;
    return withReplicas(request, current, spec.replicas);
  });
}

async function write(
  context: ServerContext,
  request: ResourceRequest,
  options: WriteOptions,
  change: (current: ApiObject) => ApiObject,
): Promise<Answer> {
  const { resource, namespace, name, user } = request;
  const { json } = await updateObject(context, {
    ...{ resource, namespace, name, user, change },
    subresource: "scale",
    dryRun: options.dryRun,
    fieldManager: managerOf(options, header(request.http, "user-agent")),
    warn: (text) => request.warnings.add(text),
    annotate: request.annotate,
    from: request.from,
    isPatch: true,
  });
  return encode(200, JSON.stringify(scaleOf(request.resource.definition, JSON.parse(json))), request.accepted);
}

function withReplicas({ resource, name }: ResourceRequest, current: ApiObject, replicas: unknown): ApiObject {
  const { specReplicasPath } = pathsOf(resource.definition.subresources.scale);
  const count = replicas ?? 0;
  if (typeof count === "number" && count < 0) {
    if (resource.isCustom) return withValueAt(current, specReplicasPath, count);
    throw invalid(kindSubjectOf(resource, name), [
      {
        type: "FieldValueInvalid",
        path: "spec.replicas",
        message: `Invalid value: ${count}: must be greater than or equal to 0`,
      },
    ]);
  }
  return withValueAt(current, specReplicasPath, count);
}

/** The Scale of an object whose kind has one. */
export function scaleOf({ subresources }: ResourceDefinition, object: ApiObject): Scale {
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = pathsOf(subresources.scale);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = labelSelectorPath === undefined ? undefined : valueAt(object, labelSelectorPath);
  const replicas = valueAt(object, specReplicasPath);
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...{ uid, resourceVersion, creationTimestamp },
    },
    // Go leaves zero out here, and not in the status.
    spec: typeof replicas === "number" && replicas !== 0 ? { replicas } : {},
    status: {
      replicas: Number(valueAt(object, statusReplicasPath) ?? 0),
      ...(typeof selector === "string" && selector !== "" ? { selector } : {}),
    },
  };
}

/** Who owns the number, as owners of the Scale. */
function managersOf({ metadata }: ApiObject, specReplicasPath: string): { managedFields?: ManagedFieldsEntry[] } {
  const path = specReplicasPath
    .split(".")
    .filter((key) => key !== "")
    .map((key) => `f:${key}`)
    .join(".");
  const entries = (metadata.managedFields ?? []).filter(({ fieldsV1 }) => valueAt(fieldsV1 ?? {}, path) !== undefined);
  if (entries.length === 0) return {};
  const fieldsV1 = { "f:spec": { "f:replicas": {} } };
  return {
    managedFields: entries.map(({ manager, operation, time }) => ({
      ...(manager === undefined ? {} : { manager }),
      ...(operation === undefined ? {} : { operation }),
      apiVersion: "autoscaling/v1",
      ...(time === undefined ? {} : { time }),
      fieldsType: "FieldsV1" as const,
      fieldsV1,
    })),
  };
}

function pathsOf(
  scale: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string } | undefined,
) {
  if (!scale) throw new RangeError("the kind has no scale subresource");
  return scale;
}

function parseScale(text: string): Record<string, unknown> {
  try {
    const { value } = parseBody(text, "application/json");
    if (isRecord(value)) return value;
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${error instanceof Error ? error.message : error}`);
  }
  throw badRequest("couldn't get version/kind; json parse error: the body is not an object");
}

function parsePatch(text: string): unknown {
  try {
    return parseBody(text, "application/json").value;
  } catch (error) {
    throw badRequest(`error decoding patch: ${error instanceof Error ? error.message : String(error)}`);
  }
}
