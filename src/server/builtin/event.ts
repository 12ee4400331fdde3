import { invalidValue, requiredValue } from "../registry/metadata-validation.ts";
import { qualifiedNameErrors } from "../registry/object-name.ts";
import type { Conversion } from "../registry/served-resource.ts";
import type { ApiObject, Strategy } from "../registry/strategy.ts";
import type { FieldError } from "../resource.ts";

/** Events are one kind with two faces: stored as core/v1, and shown as events.k8s.io/v1 by renaming fields. */

const RENAMED: readonly (readonly [core: string, events: string])[] = [
  ["involvedObject", "regarding"],
  ["message", "note"],
  ["source", "deprecatedSource"],
  ["firstTimestamp", "deprecatedFirstTimestamp"],
  ["lastTimestamp", "deprecatedLastTimestamp"],
  ["count", "deprecatedCount"],
  ["reportingComponent", "reportingController"],
];
const TO_EVENTS = new Map(RENAMED);
const TO_CORE = new Map(RENAMED.map(([core, events]) => [events, core]));

export const eventConversion: Conversion = {
  fromStored: (object) => withoutEmptyReporter(rename(object, TO_EVENTS, "events.k8s.io/v1")),
  toStored: (object) => rename(object, TO_CORE, "v1"),
};

/** events.k8s.io leaves out what core/v1 shows as empty text. */
function withoutEmptyReporter(object: ApiObject): ApiObject {
  for (const field of ["reportingController", "reportingInstance"]) if (object[field] === "") delete object[field];
  return object;
}

function rename(object: ApiObject, names: ReadonlyMap<string, string>, apiVersion: string): ApiObject {
  const renamed: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(object)) renamed[names.get(key) ?? key] = value;
  renamed.apiVersion = apiVersion;
  return renamed as ApiObject;
}

export const coreEventStrategy: Partial<Strategy> = {
  createOnUpdate: true,
  prepareForCreate: fillAbsent,
  prepareForUpdate: fillAbsent,
  validate(object) {
    const isNew = isNewStyle(object);
    return isNew ? strictErrors(object, CORE_NAMES) : placeErrors(object, CORE_NAMES);
  },
};

export const eventStrategy: Partial<Strategy> = {
  createOnUpdate: true,
  prepareForCreate: fillDeprecated,
  prepareForUpdate: fillDeprecated,
  validate: (object) => strictErrors(object, EVENTS_NAMES),
};

function fillDeprecated(object: ApiObject): void {
  object.deprecatedSource ??= {};
  object.deprecatedFirstTimestamp ??= null;
  object.deprecatedLastTimestamp ??= null;
  object.eventTime ??= null;
}

/** Go writes these members also when they are empty. */
function fillAbsent(object: ApiObject): void {
  object.source ??= {};
  object.firstTimestamp ??= null;
  object.lastTimestamp ??= null;
  object.eventTime ??= null;
  object.reportingComponent ??= "";
  object.reportingInstance ??= "";
}

interface Names {
  readonly object: string;
  readonly component: string;
  readonly message: string;
}

const CORE_NAMES: Names = { object: "involvedObject", component: "reportingComponent", message: "message" };
const EVENTS_NAMES: Names = { object: "regarding", component: "reportingController", message: "note" };

/** An event with an eventTime follows the rules of events.k8s.io, whichever API it came through. */
function isNewStyle({ eventTime }: ApiObject): boolean {
  return typeof eventTime === "string";
}

const MAX_INSTANCE = 128;
const MAX_ACTION = 128;
const MAX_REASON = 128;
const MAX_NOTE = 1024;

function strictErrors(object: ApiObject, names: Names): FieldError[] {
  const errors = placeErrors(object, names);
  const component = text(object[names.component]);
  if (!isNewStyle(object)) errors.push(requiredValue("eventTime", ""));
  for (const message of qualifiedNameErrors(component)) errors.push(invalidValue(names.component, component, message));
  if (component === "") errors.push(requiredValue(names.component, ""));
  errors.push(...boundErrors("reportingInstance", object.reportingInstance, MAX_INSTANCE));
  errors.push(...boundErrors("action", object.action, MAX_ACTION));
  errors.push(...boundErrors("reason", object.reason, MAX_REASON));
  if (text(object[names.message]).length > MAX_NOTE) {
    errors.push(invalidValue("message", "", `can have at most ${MAX_NOTE} characters`));
  }
  if (object.type !== "Normal" && object.type !== "Warning") {
    errors.push(invalidValue("type", "", `has invalid value: ${text(object.type)}`));
  }
  return errors;
}

function boundErrors(path: string, value: unknown, most: number): FieldError[] {
  const content = text(value);
  if (content === "") return [requiredValue(path, "")];
  return content.length > most ? [invalidValue(path, "", `can have at most ${most} characters`)] : [];
}

/** An event lies in the namespace of its object; those of cluster-scoped objects in `default`. */
function placeErrors(object: ApiObject, names: Names): FieldError[] {
  const { namespace = "" } = (object[names.object] ?? {}) as { namespace?: string };
  const own = object.metadata.namespace ?? "";
  if (namespace === own || (namespace === "" && (own === "default" || own === "kube-system"))) return [];
  return [invalidValue("involvedObject.namespace", namespace, "does not match event.namespace")];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
