import type { UserInfo } from "../access/access.ts";
import type { ResourceDefinition } from "../resource.ts";

/**
 * A resource that is answered and never stored, such as SubjectAccessReview: only `create` reaches it. The core has
 * authenticated and authorized the request and checked the body against `definition.schema`.
 */
export interface VirtualResource {
  /** `verbs` is `["create"]`. */
  readonly definition: ResourceDefinition;
  /** Returns the whole answer, apiVersion and kind included (201). @throws {StatusError} to refuse. */
  create(request: VirtualRequest): object | Promise<object>;
}

/**
 * A subresource of a stored kind that takes a body of another kind by POST, such as `serviceaccounts/token`. The parent
 * exists when `create` is called.
 */
export interface VirtualSubresource extends VirtualResource {
  readonly parent: { readonly group: string; readonly version: string; readonly plural: string };
  /** The last segment of the path, such as `token`. */
  readonly subresource: string;
}

export interface VirtualRequest {
  readonly user: UserInfo;
  /** Empty for cluster-scoped resources. */
  readonly namespace: string;
  /** The parent's name, for a subresource; else empty. */
  readonly name: string;
  /** The parent as it is stored, for a subresource. */
  readonly parent?: Readonly<Record<string, unknown>>;
  /** The body: pruned, defaulted and valid by the schema. Yours to change. */
  readonly object: Record<string, unknown>;
  readonly dryRun: boolean;
}
