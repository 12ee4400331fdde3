import type { HttpRequest } from "../http/answer.ts";
import { mediaTypeOf, readBody } from "../http/request-body.ts";
import { badRequest, invalid } from "../http/status-error.ts";
import { PROTOBUF } from "../protobuf/decode.ts";
import type { FieldError } from "../resource.ts";
import { parseBody } from "../schema/strict-body.ts";
import { readProtobuf, unsupportedMediaType } from "./decode-object.ts";
import { isRecord } from "./metadata-shape.ts";
import { dryRunErrors, parseInteger } from "./query-options.ts";

export type Propagation = "Background" | "Foreground" | "Orphan";

export interface DeleteOptions {
  readonly propagation: Propagation | undefined;
  readonly preconditions: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun: boolean;
}

/** Options of a delete come in the body or, without one, in the query. @throws {StatusError} when they are wrong. */
export async function readDeleteOptions(http: HttpRequest, query: URLSearchParams): Promise<DeleteOptions> {
  if (mediaTypeOf(http) === PROTOBUF && http.headers["content-length"] !== "0") {
    return validated(fromObject(await readProtobuf(http)));
  }
  const text = await readBody(http);
  return validated(text === "" ? fromQuery(query) : fromBody(http, text));
}

interface RawOptions {
  readonly propagationPolicy: string | undefined;
  readonly orphanDependents: boolean | undefined;
  readonly dryRun: readonly string[];
  readonly preconditions: { uid?: string; resourceVersion?: string };
}

function fromQuery(query: URLSearchParams): RawOptions {
  parseInteger(query, "gracePeriodSeconds");
  const orphan = query.get("orphanDependents");
  return {
    propagationPolicy: query.get("propagationPolicy") ?? undefined,
    orphanDependents: orphan === null ? undefined : orphan !== "false" && orphan !== "0",
    dryRun: query.getAll("dryRun"),
    preconditions: {},
  };
}

function fromBody(http: HttpRequest, text: string): RawOptions {
  const mediaType = mediaTypeOf(http) || "application/json";
  if (mediaType !== "application/json" && mediaType !== "application/yaml") throw unsupportedMediaType();
  let body: unknown;
  try {
    body = parseBody(text, mediaType).value;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw badRequest(`couldn't get version/kind; json parse error: ${reason}`);
  }
  if (!isRecord(body)) throw badRequest("couldn't get version/kind; json parse error: the body is not an object");
  return fromObject(body);
}

function fromObject(body: Record<string, unknown>): RawOptions {
  const { kind, apiVersion, propagationPolicy, orphanDependents, dryRun, preconditions } = body;
  if (kind !== undefined && kind !== "DeleteOptions") {
    throw badRequest(
      `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/runtime/scheme.go:111"`,
    );
  }
  const wrong = (field: string) => badRequest(`json: cannot unmarshal DeleteOptions.${field}: unexpected type`);
  if (propagationPolicy !== undefined && propagationPolicy !== null && typeof propagationPolicy !== "string") {
    throw wrong("propagationPolicy");
  }
  if (dryRun !== undefined && dryRun !== null && !isStringList(dryRun)) throw wrong("dryRun");
  const given = isRecord(preconditions) ? preconditions : {};
  return {
    propagationPolicy: propagationPolicy ?? undefined,
    orphanDependents: typeof orphanDependents === "boolean" ? orphanDependents : undefined,
    dryRun: dryRun ?? [],
    preconditions: {
      ...(typeof given.uid === "string" ? { uid: given.uid } : {}),
      ...(typeof given.resourceVersion === "string" ? { resourceVersion: given.resourceVersion } : {}),
    },
  };
}

function isStringList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function validated({ propagationPolicy, orphanDependents, dryRun, preconditions }: RawOptions): DeleteOptions {
  const errors: FieldError[] = [];
  if (propagationPolicy !== undefined && orphanDependents !== undefined) {
    const message = `Invalid value: ${JSON.stringify(propagationPolicy)}: orphanDependents and deletionPropagation cannot be both set`;
    errors.push({ type: "FieldValueInvalid", path: "propagationPolicy", message });
  }
  if (propagationPolicy !== undefined && !isPropagation(propagationPolicy)) {
    const message = `Unsupported value: ${JSON.stringify(propagationPolicy)}: supported values: "Foreground", "Background", "Orphan", "nil"`;
    errors.push({ type: "FieldValueNotSupported", path: "propagationPolicy", message });
  }
  errors.push(...dryRunErrors(dryRun));
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind: "DeleteOptions", name: "" }, errors);
  const fromFlag = orphanDependents === undefined ? undefined : orphanDependents ? "Orphan" : "Background";
  return {
    propagation: (propagationPolicy as Propagation | undefined) ?? fromFlag,
    preconditions,
    dryRun: dryRun.length > 0,
  };
}

function isPropagation(value: string): value is Propagation {
  return value === "Background" || value === "Foreground" || value === "Orphan";
}
