import { labelErrors } from "../registry/object-name.ts";
import type { ApiObject, Strategy } from "../registry/strategy.ts";

/** Set by the server, so that selectors can name a namespace. */
const NAME_LABEL = "kubernetes.io/metadata.name";
/** Namespaces that every cluster has; admission refuses to delete them. */
export const PROTECTED_NAMESPACES: ReadonlySet<string> = new Set(["default", "kube-system", "kube-public"]);

/** A namespace ends by its own finalizers, in `spec`, which the namespace controller removes once it is empty. */
export const namespaceStrategy: Partial<Strategy> = {
  nameErrors: labelErrors,
  deleteReturnsObject: true,
  deletesInTwoSteps: true,
  /** So that webhooks select by it too. A name that is generated is not there yet. */
  applyDefaults: labelWithName,
  prepareForCreate(object) {
    object.status = { phase: "Active" };
    const { finalizers } = specOf(object);
    object.spec = { finalizers: [...new Set([...(finalizers ?? []), "kubernetes"])] };
    labelWithName(object);
  },
  prepareForUpdate(object, previous) {
    object.spec = previous.spec;
    object.status = previous.status;
    labelWithName(object);
  },
  holdsDeletion: (object) => (specOf(object).finalizers ?? []).length > 0,
  markDeleted(object) {
    object.status = { ...(object.status as object), phase: "Terminating" };
  },
};

export function specOf(object: ApiObject): { finalizers?: string[] } {
  return (object.spec ?? {}) as { finalizers?: string[] };
}

function labelWithName({ metadata }: ApiObject): void {
  if (metadata.name) metadata.labels = { ...metadata.labels, [NAME_LABEL]: metadata.name };
}
