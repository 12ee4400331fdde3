import {
  forbiddenBecause,
  notFound,
  qualified,
  resourceNotFound,
  StatusError,
  type StatusSubject,
} from "../http/status-error.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import type { StoredObject } from "../storage/store.ts";
import { subjectOf } from "./resource-request.ts";
import type { ServerContext } from "./server-context.ts";

/**
 * The NamespaceLifecycle admission plugin: nothing new in a namespace that does not exist or is ending. Looks at durable
 * state; the namespace controller waits for writes under way before it takes a namespace for empty.
 */
export function ensureNamespace(
  context: ServerContext,
  resource: ServedResource,
  namespace: string,
  name: string,
): void {
  if (!resource.definition.namespaced) return;
  const stored = context.store.get("namespaces", namespace);
  if (!stored) throw notFound({ group: "", kind: "namespaces", name: namespace });
  if (!isEnding(stored)) return;
  throw terminating(subjectOf(resource, name), namespace);
}

/** Nothing new of a kind whose definition is being deleted, or is gone. */
export function ensureDefinition(context: ServerContext, resource: ServedResource, name: string): void {
  if (!resource.isCustom) return;
  const { group, plural } = resource.definition;
  const stored = context.store.get("apiextensions.k8s.io/customresourcedefinitions", `${plural}.${group}`);
  if (!stored) throw resourceNotFound();
  if (!isEnding(stored)) return;
  throw forbiddenBecause(
    subjectOf(resource, name),
    "create not allowed while custom resource definition is terminating",
  );
}

/** Every create asks this of a namespace or a definition, which may be long, so each state of one is parsed once. */
function isEnding(stored: StoredObject): boolean {
  let ending = endings.get(stored);
  if (ending === undefined) {
    const { metadata } = JSON.parse(stored.json) as { metadata: { deletionTimestamp?: string } };
    ending = metadata.deletionTimestamp !== undefined;
    endings.set(stored, ending);
  }
  return ending;
}

const endings = new WeakMap<StoredObject, boolean>();

function terminating(subject: StatusSubject, namespace: string): StatusError {
  const { kind, group, name } = subject;
  const message = `${qualified(kind, group)} ${JSON.stringify(name)} is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`;
  return new StatusError(403, "Forbidden", message, {
    ...(name === "" ? {} : { name }),
    ...(group === "" ? {} : { group }),
    kind,
    causes: [
      {
        reason: "NamespaceTerminating",
        message: `namespace ${namespace} is being terminated`,
        field: "metadata.namespace",
      },
    ],
  });
}
