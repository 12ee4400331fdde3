import { apiVersionOf } from "../../api/meta.ts";
import type { HttpRequest } from "../http/answer.ts";
import type { Call } from "../http/api-handler.ts";
import { mediaTypeOf, readBody } from "../http/request-body.ts";
import { badRequest, invalid } from "../http/status-error.ts";
import { PROTOBUF } from "../protobuf/decode.ts";
import type { ResourceDefinition } from "../resource.ts";
import { type CompiledSchema, compileSchema } from "../schema/compiled-schema.ts";
import { parseBody } from "../schema/strict-body.ts";
import { readProtobuf, unsupportedMediaType } from "./decode-object.ts";
import { isRecord } from "./metadata-shape.ts";
import { parseWriteOptions } from "./query-options.ts";

const compiled = new WeakMap<ResourceDefinition, CompiledSchema>();

/** The body of a create that is answered and not stored: pruned, defaulted and valid by its kind's schema. */
export async function shapeFreeObject(
  { http, warnings }: Call,
  definition: ResourceDefinition,
): Promise<{ object: Record<string, unknown>; dryRun: boolean }> {
  const options = parseWriteOptions(http.query, "CreateOptions");
  const mediaType = mediaTypeOf(http) || "application/json";
  const { kind, version } = definition;
  const object = mediaType === PROTOBUF ? await readProtobuf(http) : await readText(http, mediaType, kind);
  const apiVersion = apiVersionOf(definition);
  object.apiVersion ??= apiVersion;
  object.kind ??= kind;
  const cannot = (reason: string) =>
    badRequest(`${object.kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${reason}`);
  if (object.apiVersion !== apiVersion || object.kind !== kind) {
    throw cannot(
      `no kind ${JSON.stringify(object.kind)} is registered for version ${JSON.stringify(object.apiVersion)} in scheme "pkg/runtime/scheme.go:111"`,
    );
  }
  if (definition.schema) {
    const schema = compiled.get(definition) ?? compileSchema(definition.schema, { isTyped: true });
    compiled.set(definition, schema);
    const unknown = schema.prune(object).map((path) => `unknown field ${JSON.stringify(path)}`);
    if (unknown.length > 0 && options.fieldValidation === "Strict") {
      throw cannot(`strict decoding error: ${unknown.join(", ")}`);
    }
    if (options.fieldValidation === "Warn") for (const warning of unknown) warnings.add(warning);
    schema.applyDefaults(object);
    const errors = schema.validate(object);
    const mismatch = errors.find(({ type }) => type === "FieldValueTypeInvalid");
    if (mismatch) throw cannot(`json: cannot unmarshal into field ${kind}.${mismatch.path}: ${mismatch.message}`);
    if (errors.length > 0) throw invalid({ group: definition.group, kind, name: "" }, errors);
  }
  return { object, dryRun: options.dryRun };
}

async function readText(http: HttpRequest, mediaType: string, kind: string): Promise<Record<string, unknown>> {
  if (mediaType !== "application/json" && mediaType !== "application/yaml") throw unsupportedMediaType();
  const text = await readBody(http);
  let reason = "the body is not an object";
  try {
    const { value } = parseBody(text, mediaType);
    if (isRecord(value)) return value;
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  }
  throw badRequest(
    `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: ${reason}`,
  );
}
