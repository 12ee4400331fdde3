/**
 * `metadata` as Go's decoder sees it: a struct with typed fields. Kubernetes refuses other types with 400 before any
 * validation, and drops fields it does not know.
 */

/** The body's metadata does not decode. */
export class MetadataTypeError extends Error {
  override readonly name = "MetadataTypeError";
}

/** What a check works on. `holder[key]` is neither undefined nor null. */
interface Place {
  readonly holder: Record<string, unknown>;
  readonly key: string;
  /** How messages call the struct, such as `ObjectMeta` or `ObjectMeta.metadata`. */
  readonly struct: string;
  /** Collects the paths of fields that Kubernetes does not know. */
  readonly unknown: string[];
}

type Check = (place: Place) => void;

const string: Check = ({ holder, key, struct }) => {
  if (typeof holder[key] !== "string") throw mismatch(holder[key], key, "string", struct);
  if (holder[key] === "") delete holder[key];
};

const integer: Check = ({ holder, key, struct }) => {
  if (!Number.isInteger(holder[key])) throw mismatch(holder[key], key, "int64", struct);
};

const boolean: Check = ({ holder, key, struct }) => {
  if (typeof holder[key] !== "boolean") throw mismatch(holder[key], key, "bool", struct);
};

const time: Check = ({ holder, key, struct }) => {
  const value = holder[key];
  if (typeof value !== "string") throw mismatch(value, key, "string", struct);
  if (value !== "" && !Number.isNaN(Date.parse(value))) return;
  throw new MetadataTypeError(
    `parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(value)} as "2006"`,
  );
};

const stringMap: Check = ({ holder, key, struct }) => {
  const value = holder[key];
  if (!isRecord(value)) throw mismatch(value, key, "map[string]string", struct);
  const names = Object.keys(value);
  for (const name of names) {
    if (value[name] === null) value[name] = "";
    else if (typeof value[name] !== "string") throw mismatch(value[name], key, "string", struct);
  }
  if (names.length === 0) delete holder[key];
};

const stringList: Check = ({ holder, key, struct }) => {
  const value = holder[key];
  if (!Array.isArray(value)) throw mismatch(value, key, "[]string", struct);
  for (const item of value) if (typeof item !== "string") throw mismatch(item, key, "string", struct);
  if (value.length === 0) delete holder[key];
};

const OWNER_FIELDS = new Map<string, Check>([
  ["apiVersion", string],
  ["kind", string],
  ["name", string],
  ["uid", string],
  ["controller", boolean],
  ["blockOwnerDeletion", boolean],
]);

const owners: Check = ({ holder, key, struct, unknown }) => {
  const value = holder[key];
  if (!Array.isArray(value)) throw mismatch(value, key, "[]v1.OwnerReference", struct);
  value.forEach((owner, index) => {
    if (!isRecord(owner)) throw mismatch(owner, key, "v1.OwnerReference", struct);
    checkFields(owner, OWNER_FIELDS, { path: `metadata.${key}[${index}]`, struct: "OwnerReference", unknown });
  });
  if (value.length === 0) delete holder[key];
};

const MANAGED_FIELDS = new Set(["manager", "operation", "apiVersion", "time", "fieldsType", "fieldsV1", "subresource"]);

const managedFields: Check = ({ holder, key, struct, unknown }) => {
  const value = holder[key];
  if (!Array.isArray(value)) throw mismatch(value, key, "[]v1.ManagedFieldsEntry", struct);
  value.forEach((entry, index) => {
    if (!isRecord(entry)) throw mismatch(entry, key, "v1.ManagedFieldsEntry", struct);
    for (const field of Object.keys(entry)) {
      if (MANAGED_FIELDS.has(field)) continue;
      unknown.push(`metadata.${key}[${index}].${field}`);
      delete entry[field];
    }
  });
};

const FIELDS = new Map<string, Check>([
  ["name", string],
  ["generateName", string],
  ["namespace", string],
  ["selfLink", string],
  ["uid", string],
  ["resourceVersion", string],
  ["generation", integer],
  ["creationTimestamp", time],
  ["deletionTimestamp", time],
  ["deletionGracePeriodSeconds", integer],
  ["labels", stringMap],
  ["annotations", stringMap],
  ["ownerReferences", owners],
  ["finalizers", stringList],
  ["managedFields", managedFields],
]);

/**
 * Brings `object.metadata` into shape in place: nulls and unknown fields go. Returns the paths of unknown fields. Custom
 * objects are decoded apart from their metadata, which messages show.
 * @throws {MetadataTypeError} in the words of encoding/json.
 */
export function shapeMetadata(object: Record<string, unknown>, isCustom: boolean): string[] {
  const unknown: string[] = [];
  const { metadata } = object;
  if (metadata === undefined || metadata === null) object.metadata = {};
  else if (isRecord(metadata)) {
    checkFields(metadata, FIELDS, {
      path: "metadata",
      struct: isCustom ? "ObjectMeta" : "ObjectMeta.metadata",
      unknown,
    });
  } else {
    const type = jsonType(metadata);
    throw new MetadataTypeError(
      isCustom
        ? `json: cannot unmarshal ${type} into Go value of type v1.ObjectMeta`
        : `json: cannot unmarshal ${type} into Go struct field ${object.kind}.metadata of type v1.ObjectMeta`,
    );
  }
  return unknown;
}

function checkFields(
  holder: Record<string, unknown>,
  fields: ReadonlyMap<string, Check>,
  { path, struct, unknown }: { path: string; struct: string; unknown: string[] },
): void {
  for (const key of Object.keys(holder)) {
    const check = fields.get(key);
    if (check === undefined) {
      unknown.push(`${path}.${key}`);
      delete holder[key];
    } else if (holder[key] === null) delete holder[key];
    else check({ holder, key, struct, unknown });
  }
}

function mismatch(value: unknown, field: string, goType: string, struct: string): MetadataTypeError {
  return new MetadataTypeError(
    `json: cannot unmarshal ${jsonType(value)} into Go struct field ${struct}.${field} of type ${goType}`,
  );
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
