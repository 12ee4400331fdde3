import { type Answer, header } from "../http/answer.ts";
import { mediaTypeOf, readBody } from "../http/request-body.ts";
import { badRequest, invalid, StatusError } from "../http/status-error.ts";
import { applyJsonPatch } from "../patch/json-patch.ts";
import { applyMergePatch } from "../patch/merge-patch.ts";
import { applyStrategicMergePatch } from "../patch/strategic-merge-patch.ts";
import type { ApiObject } from "../registry/strategy.ts";
import type { FieldError } from "../resource.ts";
import { goPrint } from "../schema/go-format.ts";
import { type ParsedBody, parseBody } from "../schema/strict-body.ts";
import { apply } from "./apply.ts";
import { checkName, checkPlace, shapeObject, unsupportedMediaType } from "./decode-object.ts";
import { presentObject } from "./present.ts";
import { managerOf, parseWriteOptions, type WriteOptions } from "./query-options.ts";
import type { ResourceRequest } from "./resource-request.ts";
import type { ServerContext } from "./server-context.ts";
import { updateObject } from "./update-object.ts";

const JSON_PATCH = "application/json-patch+json";
const MERGE_PATCH = "application/merge-patch+json";
const STRATEGIC_PATCH = "application/strategic-merge-patch+json";
const APPLY_PATCH = "application/apply-patch+yaml";

/** PATCH of an object or its status by any of the four patch types. */
export async function patch(context: ServerContext, request: ResourceRequest): Promise<Answer> {
  const { http, resource, namespace, name, subresource, user } = request;
  const type = patchType(request);
  const options = parsePatchOptions(request.query, type === APPLY_PATCH);
  const text = await readBody(http);
  if (type === APPLY_PATCH) return apply(context, request, { ...options, text });
  const body = parsePatch(text);
  const { json } = await updateObject(context, {
    resource,
    namespace,
    name,
    subresource,
    user,
    dryRun: options.dryRun,
    fieldManager: managerOf(options, header(http, "user-agent")),
    warn: (warning) => request.warnings.add(warning),
    annotate: request.annotate,
    from: request.from,
    isPatch: true,
    change: (current) =>
      patched(request, { current, type, body: body.value, strictErrors: body.strictErrors, options }),
  });
  return presentObject(200, request, json);
}

/** @throws {StatusError} 415 for anything that is no patch, or none that the kind takes. */
export function patchType({ http, resource }: ResourceRequest): string {
  const type = mediaTypeOf(http);
  const types = [JSON_PATCH, MERGE_PATCH, ...(resource.isCustom ? [] : [STRATEGIC_PATCH]), APPLY_PATCH];
  if (types.includes(type)) return type;
  if (!resource.isCustom) throw new StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {});
  throw unsupportedMediaType(types);
}

function parsePatchOptions(query: URLSearchParams, isApply: boolean): WriteOptions {
  const options = parseWriteOptions(query, "PatchOptions");
  const errors: FieldError[] = [];
  if (isApply && options.fieldManager === "") {
    errors.push({
      type: "FieldValueRequired",
      path: "fieldManager",
      message: "Required value: is required for apply patch",
    });
  }
  if (!isApply && query.has("force")) {
    errors.push({
      type: "FieldValueForbidden",
      path: "force",
      message: "Forbidden: may not be specified for non-apply patch",
    });
  }
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind: "PatchOptions", name: "" }, errors);
  return options;
}

function parsePatch(text: string): ParsedBody {
  try {
    return parseBody(text, "application/json");
  } catch (error) {
    throw badRequest(`error decoding patch: ${error instanceof Error ? error.message : String(error)}`);
  }
}

interface PatchInput {
  readonly current: ApiObject;
  readonly type: string;
  readonly body: unknown;
  readonly strictErrors: readonly string[];
  readonly options: WriteOptions;
}

function patched(request: ResourceRequest, { current, type, body, strictErrors, options }: PatchInput): ApiObject {
  const result = applyPatch(request, current, type, body);
  // A strategic merge patch is merged as Go values, and its errors show those.
  const blamed = type === STRATEGIC_PATCH && request.resource.storage !== "secrets" ? { blamed: goPrint(body) } : {};
  const object = shapeObject(request, result, { ...options, strictErrors, isPatched: true, ...blamed });
  checkName(request, object);
  checkPlace(request, object);
  return object;
}

function applyPatch({ resource }: ResourceRequest, current: ApiObject, type: string, body: unknown): unknown {
  switch (type) {
    case JSON_PATCH:
      return applyJsonPatch(current, body);
    case MERGE_PATCH:
      return applyMergePatch(current, body);
    default:
      return applyStrategicMergePatch(current, body, resource.definition.schema ?? {});
  }
}
