import type { PrinterColumn } from "../../api/custom-resource-definition.ts";
import { goFloat, goJson } from "../schema/go-format.ts";
import { age } from "./human-duration.ts";
import { compileJsonPath, type JsonPath } from "./json-path.ts";

/** What a Table says of a column. */
export interface ColumnDefinition {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  readonly priority: number;
}

/** The value of one cell; null where there is none. */
export type Cell = (object: object, now: Date) => unknown;

export interface Column {
  readonly definition: ColumnDefinition;
  readonly cell: Cell;
}

const NAME_DESCRIPTION =
  "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names";
const AGE_DESCRIPTION =
  "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

type Named = { metadata?: { name?: string; creationTimestamp?: string } };

/** The first column of every table. Its format tells clients which cell names the object. */
export const NAME_COLUMN: Column = {
  definition: { name: "Name", type: "string", format: "name", description: NAME_DESCRIPTION, priority: 0 },
  cell: (object) => (object as Named).metadata?.name ?? null,
};

/** The second column of kinds that bring none. */
export const AGE_COLUMN: Column = {
  definition: { name: "Age", type: "date", format: "", description: AGE_DESCRIPTION, priority: 0 },
  cell: (object, now) => age((object as Named).metadata?.creationTimestamp, now),
};

/** A column of a CustomResourceDefinition. @throws {SyntaxError} when its path is not valid. */
export function columnOf({ name, type, format = "", description, priority = 0, jsonPath }: PrinterColumn): Column {
  return {
    definition: {
      name,
      type,
      format,
      description: description ?? `Custom resource definition column (in JSONPath format): ${jsonPath}`,
      priority,
    },
    cell: cellOf(compileJsonPath(jsonPath), type),
  };
}

/** Of several values the first counts. A value that does not fit the column's type leaves the cell empty. */
function cellOf(path: JsonPath, type: PrinterColumn["type"]): Cell {
  return (object, now) => {
    const [value] = path(object);
    if (value === undefined || value === null) return null;
    switch (type) {
      case "string":
        return printed(value);
      case "integer":
        return typeof value === "number" ? Math.trunc(value) : null;
      case "number":
        return typeof value === "number" ? value : null;
      case "boolean":
        return typeof value === "boolean" ? value : null;
      case "date":
        return typeof value === "string" ? age(value, now) : null;
      default:
        return type satisfies never;
    }
  };
}

function printed(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value).toString() : goFloat(value);
  return typeof value === "object" ? goJson(value) : String(value);
}
