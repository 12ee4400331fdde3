import { StatusError } from "../../http/status-error.ts";
import { withValueAt } from "../../registry/field-path.ts";
import type { ServedResource } from "../../registry/served-resource.ts";
import type { ApiObject } from "../../registry/strategy.ts";
import { deepEqual } from "../../schema/deep-equal.ts";
import { shapeObject } from "../../verbs/decode-object.ts";
import { isRecord } from "../../verbs/metadata-shape.ts";
import { scaleOf } from "../../verbs/scale.ts";
import type { AdmissionRequest } from "../admission.ts";
import { type Kind, kindOf } from "./review-request.ts";

/** How one webhook is shown the objects of a request: in the version that its rules name, or as a Scale. */
export class ObjectView {
  readonly kind: Kind;
  readonly #from: ServedResource;
  readonly #to: ServedResource;
  readonly #isScale: boolean;

  constructor(from: ServedResource, to: ServedResource, subresource: string) {
    this.#from = from;
    this.#to = to;
    this.#isScale = subresource === "scale";
    this.kind = this.#isScale ? { group: "autoscaling", version: "v1", kind: "Scale" } : kindOf(to.definition);
  }

  /** Null for what is not there, as AdmissionReviews have it. Not to be changed. */
  show(object: Readonly<Record<string, unknown>> | undefined): Readonly<Record<string, unknown>> | null {
    if (object === undefined) return null;
    if (this.#isScale) return { ...scaleOf(this.#from.definition, object as ApiObject) };
    return this.#to === this.#from ? object : convert(object as ApiObject, this.#from, this.#to);
  }

  /**
   * Takes a changed view over into the request's object, pruned, defaulted and of known types again. Returns whether
   * anything differs. @throws {StatusError} when it is no object of the kind any more.
   */
  takeOver(request: AdmissionRequest, view: unknown): boolean {
    const { object } = request;
    if (object === undefined) return false;
    const next = this.#isScale ? this.#withReplicas(structuredClone(object), view) : this.#reshape(view);
    if (deepEqual(object, next)) return false;
    for (const key of Object.keys(object)) delete object[key];
    Object.assign(object, next);
    return true;
  }

  #reshape(view: unknown): Record<string, unknown> {
    const shaped = shape(view, this.#to);
    return this.#to === this.#from ? shaped : shape(convert(shaped, this.#to, this.#from), this.#from);
  }

  #withReplicas(object: Record<string, unknown>, view: unknown): Record<string, unknown> {
    const replicas = isRecord(view) && isRecord(view.spec) ? (view.spec.replicas ?? 0) : undefined;
    if (typeof replicas !== "number" || !Number.isInteger(replicas)) {
      throw new StatusError(500, undefined, "spec.replicas of the Scale is no integer");
    }
    const { scale } = this.#from.definition.subresources;
    return scale ? withValueAt(object as ApiObject, scale.specReplicasPath, replicas) : object;
  }
}

function shape(value: unknown, resource: ServedResource): ApiObject {
  const options = { dryRun: false, fieldValidation: "Ignore", fieldManager: "", force: false } as const;
  return shapeObject({ resource, warnings: new Set() }, value, options);
}

/** Another version of the same object. Kinds without a conversion differ in their version alone. */
function convert(object: ApiObject, from: ServedResource, to: ServedResource): ApiObject {
  const copy = structuredClone(object);
  const stored = from.conversion ? from.conversion.toStored(copy) : copy;
  const converted = to.conversion ? to.conversion.fromStored(stored) : stored;
  converted.apiVersion = to.apiVersion;
  converted.kind = to.definition.kind;
  if (to.isCustom) {
    to.schema?.prune(converted);
    to.schema?.applyDefaults(converted);
  }
  return converted;
}
