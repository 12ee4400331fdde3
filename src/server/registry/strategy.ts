import type { KubeObject } from "../../api/meta.ts";
import type { FieldError } from "../resource.ts";

/** An object on its way through the server. Kind-specific code narrows what it reads. */
export type ApiObject = KubeObject & Record<string, unknown>;

/**
 * What one kind does beyond what its schema says, as the `strategy.go` of each kind in Kubernetes. All are optional and
 * run in this order: prepare, then validation. They see the object in the version it is stored in.
 */
export interface Strategy {
  /** Why `name` cannot be used, in Kubernetes' words; empty when it can. */
  readonly nameErrors: (name: string, isPrefix: boolean) => readonly string[];
  /** True where an update without a resourceVersion replaces whatever is there. Custom objects refuse that. */
  readonly unconditionalUpdate: boolean;
  /** True where a PUT of what does not exist creates it. */
  readonly createOnUpdate: boolean;
  /** What a delete answers: built-in kinds differ in whether the object or a Status comes back. */
  readonly deleteReturnsObject: boolean;
  /** True where finalizers must have a domain: kinds of Kubernetes proper. Others are warned. */
  readonly qualifiedFinalizers: boolean;
  /** Why the object does not decode, where its schema does not say so. */
  decodeError?(object: ApiObject): string | undefined;
  /** Fills in what the schema's own defaults cannot, at every write. */
  applyDefaults?(object: ApiObject): void;
  prepareForCreate?(object: ApiObject): void;
  prepareForUpdate?(object: ApiObject, previous: ApiObject): void;
  validate?(object: ApiObject): FieldError[];
  validateUpdate?(object: ApiObject, previous: ApiObject): FieldError[];
  warnings?(object: ApiObject, previous?: ApiObject): string[];
  /** Finalizers that live outside `metadata`: true while the object may not go. */
  holdsDeletion?(object: ApiObject): boolean;
  /** True where the first delete only ever marks, and a second one removes. */
  readonly deletesInTwoSteps?: boolean;
  /** Called when a delete only marks the object. */
  markDeleted?(object: ApiObject, now: string): void;
}
