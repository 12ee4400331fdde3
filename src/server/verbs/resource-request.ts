import type { UserInfo } from "../access/access.ts";
import type { Accepted } from "../http/accept.ts";
import type { HttpRequest } from "../http/answer.ts";
import type { StatusSubject } from "../http/status-error.ts";
import type { ServedResource } from "../registry/served-resource.ts";

/** A request for a stored resource, authenticated, authorized and negotiated. */
export interface ResourceRequest {
  readonly http: HttpRequest;
  readonly query: URLSearchParams;
  readonly user: UserInfo;
  /** The address that it came from. */
  readonly from: string;
  readonly resource: ServedResource;
  /** Empty for the object itself. */
  readonly subresource: string;
  /** Empty at cluster level. */
  readonly namespace: string;
  /** Empty for a collection. */
  readonly name: string;
  readonly accepted: Accepted;
  /** Becomes `Warning` headers. */
  readonly warnings: Set<string>;
  /** Adds to the request's line in the audit log. */
  readonly annotate: (key: string, value: string) => void;
  /** For a PUT or PATCH that would create: who may change an object may not therefore make one. @throws {StatusError} 403. */
  authorizeCreate(): void;
}

/** How errors about an object name it: by the plural. */
export function subjectOf(resource: ServedResource, name: string): StatusSubject {
  return { group: resource.definition.group, kind: resource.definition.plural, name };
}

/** How `Invalid` names it: by the kind. */
export function kindSubjectOf(resource: ServedResource, name: string): StatusSubject {
  // The group of the stored form: an Event is one of the core group, whichever API it came through.
  return { group: resource.storedGroup, kind: resource.definition.kind, name };
}

/** The key in the store. */
export function storeKey(resource: ServedResource, namespace: string, name: string): string {
  return resource.definition.namespaced ? `${namespace}/${name}` : name;
}
