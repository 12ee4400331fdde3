import type { HttpRequest } from "../http/answer.ts";
import { mediaTypeOf, readBody, readBytes } from "../http/request-body.ts";
import { badRequest, invalid, StatusError } from "../http/status-error.ts";
import { invalidResult } from "../patch/patch-error.ts";
import { decodeProtobuf, PROTOBUF, UnsupportedProtobuf } from "../protobuf/decode.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import type { ApiObject } from "../registry/strategy.ts";
import { type ParsedBody, parseBody } from "../schema/strict-body.ts";
import { decodeError } from "./decode-error.ts";
import { shapeEmbeddedMetadata } from "./embedded-metadata.ts";
import { dropEmptyValues } from "./empty-values.ts";
import { isRecord, MetadataTypeError, shapeMetadata } from "./metadata-shape.ts";
import type { WriteOptions } from "./query-options.ts";
import { kindSubjectOf, type ResourceRequest } from "./resource-request.ts";

/** Reads the body of a create or update into an object of the request's version: pruned, defaulted, of known types. */
export async function readObject(request: ResourceRequest, options: WriteOptions): Promise<ApiObject> {
  const { resource, http } = request;
  const mediaType = mediaTypeOf(http);
  if (mediaType === PROTOBUF && !resource.isCustom) return shapeObject(request, await readProtobuf(http), options);
  if (mediaType !== "" && mediaType !== "application/json" && mediaType !== "application/yaml") {
    throw unsupportedMediaType();
  }
  const text = await readBody(http);
  const { kind } = resource.definition;
  const { value, strictErrors } = parse(text, mediaType || "application/json", kind);
  return shapeObject(request, value, { ...options, strictErrors, text });
}

export function unsupportedMediaType(
  types = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"],
): StatusError {
  return new StatusError(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${types.join(", ")}`,
  );
}

/** Typed Go clients, kubectl create among them, send built-in kinds as protobuf and do not fall back. */
export async function readProtobuf(http: HttpRequest): Promise<Record<string, unknown>> {
  const bytes = await readBytes(http);
  try {
    return decodeProtobuf(bytes);
  } catch (error) {
    if (error instanceof UnsupportedProtobuf) throw unsupportedMediaType(["application/json", "application/yaml"]);
    throw badRequest(`the object provided is unrecognized: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function parse(text: string, mediaType: string, kind: string): ParsedBody {
  try {
    return parseBody(text, mediaType);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const detail = mediaType === "application/yaml" ? reason : `couldn't get version/kind; json parse error: ${reason}`;
    throw unrecognized(kind, detail, text);
  }
}

function unrecognized(kind: string, reason: string, text: string): StatusError {
  return badRequest(`the object provided is unrecognized (must be of type ${kind}): ${reason} (${excerpt(text)})`);
}

/** The start of a body as Kubernetes shows it: as it is where it looks like JSON, else in hex. */
function excerpt(text: string): string {
  if (text === "") return "<empty>";
  if (text.startsWith("{")) return `${text.slice(0, 18)} ...`;
  const hex = Buffer.from(text).toString("hex");
  return hex.length > 60 ? `${hex.slice(0, 60)} ...` : hex;
}

export interface ShapeOptions extends WriteOptions {
  /** What parsing found to complain about: duplicate keys. */
  readonly strictErrors?: readonly string[];
  /** The body, where errors quote it. */
  readonly text?: string;
  /** True for what a patch made of a stored object: errors blame the patch. */
  readonly isPatched?: boolean;
  /** What they blame, where it is not the patched object. */
  readonly blamed?: string;
  /** True for what server-side apply made: Kubernetes decodes no custom object then, and so drops no null of it. */
  readonly isApplied?: boolean;
}

/** What decoding needs to know of a request. */
type Decoding = Pick<ResourceRequest, "resource" | "warnings">;

/** Checks and completes a parsed body, in place. Shared by every verb that takes an object. */
export function shapeObject(request: Decoding, value: unknown, options: ShapeOptions): ApiObject {
  const { resource, warnings } = request;
  const { definition, schema, isCustom } = resource;
  const { kind, version } = definition;
  if (!isRecord(value)) throw notAnObject(value, kind, options.text ?? "");
  // As it came: what follows changes it. Quoting is dear, and custom objects are refused for this in Strict mode only.
  const mayQuote = options.isPatched && (!isCustom || options.fieldValidation === "Strict");
  const quoted = options.blamed ?? (mayQuote ? quote(value, resource) : undefined);
  const cannot = (reason: string) =>
    options.isPatched
      ? invalidResult(quoted ?? quote(value, resource), reason)
      : badRequest(`${value.kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${reason}`);
  checkType(request, value, options);
  const unknown = metadataOf(value, resource, cannot);
  unknown.push(...(schema?.prune(value) ?? []));
  const complaints = [
    ...(options.strictErrors ?? []),
    ...unknown.sort().map((path) => `unknown field ${JSON.stringify(path)}`),
  ];
  if (complaints.length > 0) {
    if (options.fieldValidation === "Strict") throw cannot(`strict decoding error: ${complaints.join(", ")}`);
    if (options.fieldValidation === "Warn") for (const complaint of complaints) warnings.add(complaint);
  }
  if (!isCustom && definition.schema && schema) {
    dropEmptyValues(value, definition.schema);
    const mismatch = schema.validate(value).find(isTypeError);
    const undecodable = resource.strategy.decodeError?.(value as ApiObject);
    if (undecodable !== undefined) throw cannot(undecodable);
    if (mismatch) throw cannot(decodeError(value, definition.schema, kind, mismatch));
  }
  schema?.applyDefaults(value, { keepNulls: isCustom && options.isApplied === true });
  resource.strategy.applyDefaults?.(value as ApiObject);
  return value as ApiObject;
}

function metadataOf(
  value: Record<string, unknown>,
  { isCustom, definition }: ServedResource,
  cannot: (reason: string) => StatusError,
): string[] {
  try {
    const embedded = isCustom && definition.schema ? shapeEmbeddedMetadata(value, definition.schema) : [];
    return [...embedded, ...shapeMetadata(value, isCustom)];
  } catch (error) {
    if (error instanceof MetadataTypeError) throw cannot(error.message);
    throw error;
  }
}

function isTypeError({ type }: { type: string }): boolean {
  return type === "FieldValueTypeInvalid";
}

/** The patched object as errors quote it: Go's maps come sorted, and a custom object is maps throughout. */
function quote(value: Record<string, unknown>, { isCustom, storage }: ServedResource): string {
  // Whoever may patch a Secret need not be allowed to read it.
  if (storage === "secrets") return "<secret contents redacted>";
  if (isCustom) return JSON.stringify(sorted(value));
  const { metadata, ...rest } = value;
  // What a patch does not touch stays in the order of the Go struct.
  return JSON.stringify(Object.fromEntries(Object.entries({ ...(sorted(rest) as object), metadata }).sort(byKey)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(byKey)
      .map(([key, item]) => [key, sorted(item)]),
  );
}

function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}

function notAnObject(value: unknown, kind: string, text: string): StatusError {
  if (value === null) return unrecognized(kind, "Object 'Kind' is missing in 'null'", text);
  const type = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
  const goType =
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
  const reason = `couldn't get version/kind; json parse error: json: cannot unmarshal ${type} into Go value of type ${goType}`;
  return unrecognized(kind, reason, text);
}

function checkType(request: Decoding, value: Record<string, unknown>, options: ShapeOptions): void {
  const { resource } = request;
  const { kind } = resource.definition;
  // Built-in kinds fill in a missing type from the path; custom ones insist on it.
  if (!resource.isCustom && !options.isPatched) {
    value.apiVersion ??= resource.apiVersion;
    value.kind ??= kind;
  }
  for (const [name, field] of [["Kind", "kind"] as const, ["apiVersion", "apiVersion"] as const]) {
    if (value[field]) continue;
    if (options.isPatched) {
      const quoted = quote(value, resource);
      throw invalidResult(quoted, `Object '${name}' is missing in '${quoted}'`);
    }
    const text = options.text ?? JSON.stringify(value);
    throw unrecognized(kind, `Object '${name}' is missing in '${text}'`, text);
  }
  if (resource.isCustom) checkCustomType(request, value, options);
  else checkBuiltInType(resource, value);
}

function checkCustomType(request: Decoding, value: Record<string, unknown>, options: ShapeOptions): void {
  const { resource, warnings } = request;
  const { kind, group } = resource.definition;
  const { metadata } = value;
  const name = isRecord(metadata) && typeof metadata.name === "string" ? metadata.name : "";
  if (value.apiVersion !== resource.apiVersion) {
    // Another version of the group has no schema here, so nothing in it is known.
    if (String(value.apiVersion).startsWith(`${group}/`) && options.fieldValidation === "Warn") {
      for (const field of Object.keys(value)) {
        if (!["apiVersion", "kind", "metadata"].includes(field)) warnings.add(`unknown field ${JSON.stringify(field)}`);
      }
    }
    if (options.isPatched) throw mustBe(resource, name, "apiVersion", value.apiVersion, resource.apiVersion);
    throw badRequest(
      `the API version in the data (${value.apiVersion}) does not match the expected API version (${resource.apiVersion})`,
    );
  }
  if (value.kind !== kind) throw mustBe(resource, name, "kind", value.kind, kind);
}

function mustBe(
  resource: ServedResource,
  name: string,
  path: "kind" | "apiVersion",
  given: unknown,
  wanted: string,
): StatusError {
  const subject = kindSubjectOf(resource, name);
  const message = `Invalid value: ${JSON.stringify(given)}: must be ${wanted}`;
  return invalid(path === "kind" ? { ...subject, kind: String(given) } : subject, [
    { type: "FieldValueInvalid", path, message },
  ]);
}

function checkBuiltInType(resource: ServedResource, value: Record<string, unknown>): void {
  const { kind, version, group } = resource.definition;
  if (value.apiVersion !== resource.apiVersion) {
    const given = String(value.apiVersion).split("/").at(-1);
    throw badRequest(
      `${value.kind} in version ${JSON.stringify(given)} cannot be handled as a ${kind}: no kind ${JSON.stringify(value.kind)} is registered for version ${JSON.stringify(value.apiVersion)} in scheme "pkg/runtime/scheme.go:111"`,
    );
  }
  if (value.kind !== kind) {
    const from = `${version}.${value.kind}`;
    const to = `${group.split(".")[0] || "core"}.${kind}`;
    throw badRequest(
      `${value.kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: converting (${from}) to (${to}): unknown conversion`,
    );
  }
}

/** The object's place must be the URL's. Fills in the namespace. */
export function checkPlace({ resource, namespace }: ResourceRequest, { metadata }: ApiObject): void {
  if (!resource.definition.namespaced) {
    delete metadata.namespace;
    return;
  }
  metadata.namespace ??= namespace;
  if (metadata.namespace !== namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
}

/** An update names its object in the body too. */
export function checkName({ name }: ResourceRequest, { metadata }: ApiObject): void {
  if (!metadata.name) {
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  }
  if (metadata.name !== name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  }
}
