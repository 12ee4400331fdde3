import { badRequest, expired, invalid } from "../http/status-error.ts";
import type { FieldError } from "../resource.ts";
import { parseBoolean, parseInteger } from "./query-options.ts";

export interface ListOptions {
  /** 0 means no limit. */
  readonly limit: number;
  readonly continueFrom: Continuation | undefined;
  /** The exact revision to show; undefined for the latest. */
  readonly exactly: number | undefined;
  /** A revision that must have been reached. */
  readonly atLeast: number | undefined;
}

/** Where the next page begins. */
export interface Continuation {
  /** Undefined: from the latest state, since the first page's has been compacted. */
  readonly revision: number | undefined;
  /** The first key that has not been shown, within the listed scope. */
  readonly startKey: string;
}

/** `ValidateListOptions` and what follows from it. @throws {StatusError} when parameters do not fit together. */
export function parseListOptions(query: URLSearchParams): ListOptions {
  const version = query.get("resourceVersion") ?? "";
  const match = query.get("resourceVersionMatch") ?? "";
  const token = query.get("continue") ?? "";
  const limit = Math.max(0, parseInteger(query, "limit") ?? 0);
  parseInteger(query, "timeoutSeconds");
  const errors = matchErrors(version, match, token);
  if (query.has("sendInitialEvents")) {
    errors.push(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
  }
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind: "ListOptions", name: "" }, errors);
  if (token !== "") {
    if (version !== "" && version !== "0")
      throw badRequest("specifying resource version is not allowed when using continue");
    return { limit, continueFrom: decodeContinue(token), exactly: undefined, atLeast: undefined };
  }
  const revision = version === "" || version === "0" ? undefined : parseVersion(version);
  const exact = match === "Exact" || (match === "" && limit > 0);
  return {
    limit,
    continueFrom: undefined,
    exactly: exact ? revision : undefined,
    atLeast: revision,
  };
}

function parseVersion(version: string): number {
  if (/^\d+$/.test(version)) return Number(version);
  throw badRequest(
    `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(version)}: strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`,
  );
}

function matchErrors(version: string, match: string, token: string): FieldError[] {
  const errors: FieldError[] = [];
  if (match === "") return errors;
  if (version === "") {
    errors.push(
      forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided"),
    );
  }
  if (token !== "") {
    errors.push(forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided"));
  }
  if (match !== "Exact" && match !== "NotOlderThan") {
    const message = `Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan", ""`;
    errors.push({ type: "FieldValueNotSupported", path: "resourceVersionMatch", message });
  }
  if (match === "Exact" && version === "0") {
    errors.push(forbidden("resourceVersionMatch", 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  return errors;
}

/** The options of a watch: `sendInitialEvents` and `resourceVersionMatch` belong together. */
export function validateWatchOptions(query: URLSearchParams): { sendInitialEvents: boolean | undefined } {
  const match = query.get("resourceVersionMatch") ?? "";
  const sendInitialEvents = parseBoolean(query, "sendInitialEvents");
  const errors: FieldError[] = [];
  if (sendInitialEvents === undefined) {
    if (match !== "") {
      errors.push(
        forbidden(
          "resourceVersionMatch",
          "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
      );
    }
  } else {
    if (match !== "NotOlderThan") {
      errors.push(
        forbidden("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"),
      );
    }
    if (match !== "" && match !== "NotOlderThan") {
      const message = `Unsupported value: ${JSON.stringify(match)}: supported values: "NotOlderThan"`;
      errors.push({ type: "FieldValueNotSupported", path: "resourceVersionMatch", message });
    }
  }
  if (query.get("continue")) errors.push(forbidden("continue", "continue is forbidden for watch"));
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind: "ListOptions", name: "" }, errors);
  return { sendInitialEvents };
}

function forbidden(path: string, message: string): FieldError {
  return { type: "FieldValueForbidden", path, message: `Forbidden: ${message}` };
}

/** The token of kube-apiserver's own form, so that tools which look into it find what they know. */
export function encodeContinue({ revision, startKey }: { revision: number; startKey: string }): string {
  return Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: revision, start: startKey })).toString("base64url");
}

function decodeContinue(token: string): Continuation {
  const bytes = Buffer.from(token, "base64url").toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(bytes);
  } catch {
    throw badRequest(`invalid continue token: continue key is not valid: ${firstInvalid(token)}`);
  }
  const { v, rv, start } = value as { v?: unknown; rv?: unknown; start?: unknown };
  if (v !== "meta.k8s.io/v1") {
    throw badRequest(
      `invalid continue token: continue key is not valid: server does not recognize this encoded version ${JSON.stringify(v ?? "")}`,
    );
  }
  if (typeof start !== "string" || start === "" || typeof rv !== "number" || rv === 0) {
    throw badRequest("invalid continue token: continue key is not valid: encoded start key empty");
  }
  return { revision: rv < 0 ? undefined : rv, startKey: start };
}

/** Go's JSON decoder names the first byte that cannot begin a value. */
function firstInvalid(token: string): string {
  const [byte] = Buffer.from(token, "base64url");
  if (byte === undefined) return "unexpected end of JSON input";
  const shown = byte < 0x80 ? `'${String.fromCharCode(byte)}'` : `'\\u00${byte.toString(16)}'`;
  return `invalid character ${shown} looking for beginning of value`;
}

/** 410 with a token that goes on from the latest state, for clients that can live with that. */
export function continueExpired(startKey: string): Error {
  const token = Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: -1, start: startKey })).toString("base64url");
  const error = expired(
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
  );
  error.status.metadata = { continue: token };
  return error;
}
