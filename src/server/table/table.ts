import type { ResourceDefinition } from "../resource.ts";
import { builtInColumns } from "./built-in-columns.ts";
import { AGE_COLUMN, type Column, type ColumnDefinition, columnOf, NAME_COLUMN } from "./column.ts";
import { toPartialObjectMetadata } from "./partial-object-metadata.ts";

/** `meta.k8s.io/v1` Table: what kubectl prints. */
export interface Table {
  readonly kind: "Table";
  readonly apiVersion: "meta.k8s.io/v1";
  readonly metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
  readonly columnDefinitions: readonly ColumnDefinition[];
  readonly rows: readonly { readonly cells: readonly unknown[]; readonly object: object | null }[];
}

export interface TableOptions {
  /** What a row carries of its object. */
  readonly includeObject: "None" | "Metadata" | "Object";
  /** Of the list, or of the one object. */
  readonly resourceVersion?: string | undefined;
  readonly continue?: string | undefined;
  readonly remainingItemCount?: number | undefined;
  /** What ages count from; the wall clock unless a test says otherwise. */
  readonly now?: Date;
}

/** Columns by definition. A changed CustomResourceDefinition makes new definitions, so entries are never stale. */
const columnsByDefinition = new WeakMap<ResourceDefinition, readonly Column[]>();

/** Renders objects as a Table by the kind's printer columns. */
export function toTable(definition: ResourceDefinition, objects: readonly object[], options: TableOptions): Table {
  const { includeObject, now = new Date(), resourceVersion, remainingItemCount } = options;
  const columns = columnsFor(definition);
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: {
      ...(remainingItemCount === undefined ? {} : { remainingItemCount }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(options.continue === undefined || options.continue === "" ? {} : { continue: options.continue }),
    },
    columnDefinitions: columns.map((column) => column.definition),
    rows: objects.map((object) => ({
      cells: columns.map(({ cell }) => cell(object, now)),
      object: rowObject(object, includeObject),
    })),
  };
}

function rowObject(object: object, includeObject: TableOptions["includeObject"]): object | null {
  if (includeObject === "None") return null;
  return includeObject === "Object" ? object : toPartialObjectMetadata(object);
}

function columnsFor(definition: ResourceDefinition): readonly Column[] {
  let columns = columnsByDefinition.get(definition);
  if (columns === undefined) {
    columns = allColumns(definition);
    columnsByDefinition.set(definition, columns);
  }
  return columns;
}

/** The name comes first, except where a kind has it elsewhere. */
function allColumns(definition: ResourceDefinition): readonly Column[] {
  const builtIn = definition.definition === undefined ? builtInColumns(definition) : undefined;
  if (builtIn?.some((column) => column.definition.name === "Name")) return builtIn;
  if (builtIn !== undefined) return [NAME_COLUMN, ...builtIn];
  return [NAME_COLUMN, ...(definition.columns.length > 0 ? definition.columns.map(columnOf) : [AGE_COLUMN])];
}
