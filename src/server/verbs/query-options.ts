import { badRequest, invalid } from "../http/status-error.ts";
import type { FieldError } from "../resource.ts";

/** Query parameters as Go's conversion reads them. */

/** @throws {StatusError} 400 in the words of strconv. */
export function parseInteger(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  if (!/^[+-]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

/** Anything but `false` and `0` is true, also the empty string of `?watch`. */
export function parseBoolean(query: URLSearchParams, name: string): boolean | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  return text !== "false" && text !== "0";
}

const DURATION = /^[+-]?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/;

/** `timeout=30s`, which client-go sends. Only its syntax matters here: answers do not take that long. */
export function checkTimeout(query: URLSearchParams): void {
  const text = query.get("timeout");
  if (text === null || text === "" || text === "0" || DURATION.test(text)) return;
  throw badRequest(`invalid timeout specified in the request URL - time: invalid duration ${JSON.stringify(text)}`);
}

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldValidation: "Strict" | "Warn" | "Ignore";
  /** What the client names itself; empty when it does not. */
  readonly fieldManager: string;
  readonly force: boolean;
}

/** Options of create, update and patch. `kind` is what errors call them, such as `CreateOptions`. */
export function parseWriteOptions(query: URLSearchParams, kind: string): WriteOptions {
  const errors: FieldError[] = [];
  const fieldManager = query.get("fieldManager") ?? "";
  errors.push(...fieldManagerErrors(fieldManager));
  const dryRun = query.getAll("dryRun");
  errors.push(...dryRunErrors(dryRun));
  const fieldValidation = query.get("fieldValidation") ?? "";
  if (!["", "Ignore", "Strict", "Warn"].includes(fieldValidation)) {
    errors.push({
      type: "FieldValueNotSupported",
      path: "fieldValidation",
      message: `Unsupported value: ${JSON.stringify(fieldValidation)}: supported values: "", "Ignore", "Strict", "Warn"`,
    });
  }
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind, name: "" }, errors);
  return {
    dryRun: dryRun.length > 0,
    fieldValidation: fieldValidation === "" ? "Warn" : (fieldValidation as WriteOptions["fieldValidation"]),
    fieldManager,
    force: parseBoolean(query, "force") ?? false,
  };
}

export function dryRunErrors(values: readonly string[]): FieldError[] {
  if (values.every((value) => value === "All")) return [];
  const message = `Unsupported value: ${JSON.stringify(values)}: supported values: "All"`;
  return [{ type: "FieldValueNotSupported", path: "dryRun", message }];
}

function fieldManagerErrors(manager: string): FieldError[] {
  if (manager.length > 128) {
    return [{ type: "FieldValueTooLong", path: "fieldManager", message: "Too long: may not be more than 128 bytes" }];
  }
  const characters = [...manager];
  const at = characters.findIndex((character) => !/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character));
  if (at < 0) return [];
  const code = (characters[at]?.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  const message = `Invalid value: ${JSON.stringify(manager)}: invalid character U+${code} (at position ${at})`;
  return [{ type: "FieldValueInvalid", path: "fieldManager", message }];
}

/** The default manager is the user agent up to its version, as in kube-apiserver. */
export function managerOf(options: WriteOptions, userAgent: string): string {
  if (options.fieldManager !== "") return options.fieldManager;
  const name = userAgent.split("/", 1)[0] as string;
  return name === "" ? "unknown" : name.slice(0, 128);
}
