import { stringify } from "yaml";
import type { Accepted } from "../http/accept.ts";
import type { Answer } from "../http/answer.ts";
import { badRequest, StatusError } from "../http/status-error.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import type { ApiObject } from "../registry/strategy.ts";
import { toPartialObjectMetadata } from "../table/partial-object-metadata.ts";
import { toTable } from "../table/table.ts";

/** Whether rows of a table carry their object: `includeObject`. */
export type IncludeObject = "None" | "Metadata" | "Object";

/** @throws {StatusError} 400 for a value that does not exist. */
export function includeObjectOf(query: URLSearchParams): IncludeObject {
  const value = query.get("includeObject") ?? "";
  if (value === "") return "Metadata";
  if (value === "None" || value === "Object" || value === "Metadata") return value;
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(value)}: must be 'Metadata', 'Object', 'None', or empty`,
  );
}

/** One object in the form the client accepts. `json` is the object in the version of `resource`. */
export function presentObject(
  status: number,
  { resource, accepted, query }: { resource: ServedResource; accepted: Accepted; query: URLSearchParams },
  json: string,
): Answer {
  if (accepted.as === undefined) return encode(status, json, accepted);
  return encode(
    status,
    JSON.stringify(transformObject(resource, accepted, JSON.parse(json), includeObjectOf(query))),
    accepted,
  );
}

/** A single object as Table or as metadata. @throws {StatusError} where only a list can be presented so. */
export function transformObject(
  resource: ServedResource,
  accepted: Accepted,
  object: ApiObject,
  includeObject: IncludeObject,
): object {
  const apiVersion = `meta.k8s.io/${accepted.version}`;
  if (accepted.as === "Table") {
    const { resourceVersion } = object.metadata;
    return { ...toTable(resource.definition, [object], { includeObject, resourceVersion }), apiVersion };
  }
  if (accepted.as === "PartialObjectMetadata") return { ...toPartialObjectMetadata(object), apiVersion };
  throw new StatusError(500, undefined, "content is not a list");
}

export function encode(status: number, json: string, { format }: Accepted): Answer {
  if (format === "json") return { status, contentType: "application/json", body: json };
  return { status, contentType: "application/yaml", body: toYaml(JSON.parse(json)) };
}

/** YAML as kube-apiserver writes it: keys sorted, no folding. */
export function toYaml(value: unknown): string {
  return stringify(value, { sortMapEntries: true, lineWidth: 0, indentSeq: false });
}
