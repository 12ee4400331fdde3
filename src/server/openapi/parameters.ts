/** A query or path parameter, in a form from which both versions of OpenAPI are written. */
export interface Parameter {
  readonly name: string;
  readonly in: "query" | "path";
  readonly type: "string" | "boolean" | "integer";
  readonly description: string;
}

function query(name: string, type: Parameter["type"], description: string): Parameter {
  return { name, in: "query", type, description };
}

export const namespaceParameter: Parameter = {
  name: "namespace",
  in: "path",
  type: "string",
  description: "The namespace of the object.",
};
export const nameParameter: Parameter = {
  name: "name",
  in: "path",
  type: "string",
  description: "The name of the object.",
};
export const prettyParameter = query("pretty", "string", "`true`: the answer is indented.");

const DRY_RUN = query("dryRun", "string", "`All`: the request is checked and answered, but nothing is stored.");
const FIELD_MANAGER = query("fieldManager", "string", "Who makes the change.");
const FIELD_VALIDATION = query(
  "fieldValidation",
  "string",
  "What becomes of unknown and duplicate fields: Ignore, Warn or Strict.",
);

/** Of create, update. */
export const writeParameters: readonly Parameter[] = [DRY_RUN, FIELD_MANAGER, FIELD_VALIDATION];
export const patchParameters: readonly Parameter[] = [
  ...writeParameters,
  query("force", "boolean", "Server-side apply takes fields that others own."),
];
export const deleteParameters: readonly Parameter[] = [
  DRY_RUN,
  query("gracePeriodSeconds", "integer", "Seconds until the object goes."),
  query("propagationPolicy", "string", "What happens to dependents: Orphan, Background or Foreground."),
];
export const listParameters: readonly Parameter[] = [
  query("allowWatchBookmarks", "boolean", "A watch may send bookmarks."),
  query("continue", "string", "Where the next page begins, from the page before."),
  query("fieldSelector", "string", "Fields that the objects must have."),
  query("labelSelector", "string", "Labels that the objects must have."),
  query("limit", "integer", "How many objects a page has at most."),
  query("resourceVersion", "string", "Which version of the list is meant."),
  query("resourceVersionMatch", "string", "Exact or NotOlderThan."),
  query("sendInitialEvents", "boolean", "A watch begins with the objects that there are."),
  query("timeoutSeconds", "integer", "How long the request may take."),
  query("watch", "boolean", "Changes are sent as they happen."),
];

/** OpenAPI 3 puts the type into a schema, Swagger 2 does not. */
export function publishParameter({ name, in: place, type, description }: Parameter, version: 2 | 3): object {
  return {
    name,
    in: place,
    description,
    ...(place === "path" ? { required: true } : {}),
    ...(version === 3 ? { schema: { type, uniqueItems: true } } : { type, uniqueItems: true }),
  };
}
