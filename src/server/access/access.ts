import type { IncomingMessage } from "node:http";

/** Who asks. Groups include `system:authenticated`. */
export interface UserInfo {
  readonly username: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
  /** Who really asks, where that is somebody who acts as this user. */
  readonly impersonator?: UserInfo;
}

/** What is asked, as RBAC sees it. */
export type RequestAttributes =
  | {
      readonly kind: "resource";
      readonly verb: string;
      readonly group: string;
      readonly version: string;
      readonly resource: string;
      readonly subresource: string;
      /** Empty for cluster-scoped requests. */
      readonly namespace: string;
      /** Empty for collections. */
      readonly name: string;
    }
  | { readonly kind: "path"; readonly verb: string; readonly path: string };

export interface Authenticator {
  /**
   * Undefined when the request carries no credential that this server knows: the answer is 401.
   * @throws {StatusError} when it may not act as the user that it asks to impersonate.
   */
  authenticate(request: IncomingMessage): Promise<UserInfo | undefined>;
}

export interface Authorizer {
  authorize(user: UserInfo, attributes: RequestAttributes): Decision;
}

export interface Decision {
  readonly allowed: boolean;
  /** Why, in the words of kube-apiserver, such as `RBAC: allowed by ClusterRoleBinding "x" of …`. */
  readonly reason: string;
}
