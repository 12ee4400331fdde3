import { type FieldSet, forEachPath } from "./field-set.ts";
import type { Manager, Managers } from "./managers.ts";
import { formatPath } from "./path-element.ts";

/** Why an apply was refused: fields that others own would change. */
export interface ApplyConflicts {
  /** The text of the answer: `Apply failed with 1 conflict: …`. */
  readonly message: string;
  readonly causes: readonly { reason: "FieldManagerConflict"; message: string; field: string }[];
}

export function describeConflicts(conflicts: ReadonlyMap<string, FieldSet>, managers: Managers): ApplyConflicts {
  const causes: { reason: "FieldManagerConflict"; message: string; field: string }[] = [];
  const lines: string[] = [];
  for (const id of [...conflicts.keys()].sort()) {
    const who = describeManager(managers.get(id) as Manager);
    lines.push(`conflicts with ${who}:`);
    forEachPath(conflicts.get(id) as FieldSet, (path) => {
      const field = formatPath(path);
      causes.push({ reason: "FieldManagerConflict", message: `conflict with ${who}`, field });
      lines.push(`- ${field}`);
    });
  }
  const [first] = causes;
  const message =
    causes.length === 1 && first !== undefined
      ? `Apply failed with 1 conflict: ${first.message}: ${first.field}`
      : `Apply failed with ${causes.length} conflicts: ${lines.join("\n")}`;
  return { message, causes };
}

function describeManager({ name, operation, apiVersion, subresource }: Manager): string {
  const at = subresource === "" ? "" : ` with subresource ${JSON.stringify(subresource)}`;
  return `${JSON.stringify(name)}${at}${operation === "Update" ? ` using ${apiVersion}` : ""}`;
}
