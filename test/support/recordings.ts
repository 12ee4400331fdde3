import { readFileSync } from "node:fs";
import type { CustomResourceDefinition } from "../../src/api/custom-resource-definition.ts";
import { definitionOf } from "../../src/server/crd/definitions-of.ts";
import type { FieldError, ResourceDefinition } from "../../src/server/resource.ts";

/** An object that was sent to a real server, and what became of it. */
export interface RecordedObject {
  readonly because: string;
  readonly plural: string;
  readonly object: { readonly metadata: object; readonly spec?: unknown };
  readonly pruned?: readonly string[];
  readonly errors?: readonly FieldError[];
  readonly spec?: unknown;
}

export interface RecordedDefinition {
  readonly because: string;
  readonly definition: Pick<CustomResourceDefinition, "metadata" | "spec">;
  readonly errors?: readonly FieldError[];
}

export interface RecordedWrite {
  readonly do: "create" | "replace" | "merge" | "json" | "apply";
  readonly version: string;
  readonly plural: string;
  readonly name: string;
  readonly subresource?: "status";
  readonly manager: string;
  readonly force?: boolean;
  readonly body: unknown;
  readonly conflict?: string;
  readonly refused?: boolean;
  readonly managedFields?: readonly object[];
  readonly spec?: unknown;
  readonly env?: unknown;
}

export interface RecordedSequence {
  readonly because: string;
  readonly steps: readonly RecordedWrite[];
}

function read<T>(name: string): T[] {
  const text = readFileSync(new URL(`recordings/${name}.jsonl`, import.meta.url), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as T);
}

export const recordedObjects = (): RecordedObject[] => read("objects");
export const recordedDefinitions = (): RecordedDefinition[] => read("definitions");
export const recordedSequences = (): RecordedSequence[] => read("apply");

/** The kinds that recorded objects are of, by `plural/version`. */
export function recordedKinds(): ReadonlyMap<string, ResourceDefinition> {
  return new Map(
    read<CustomResourceDefinition>("kinds").flatMap((crd) =>
      crd.spec.versions.map(
        (version) => [`${crd.spec.names.plural}/${version.name}`, definitionOf(crd, version)] as const,
      ),
    ),
  );
}
