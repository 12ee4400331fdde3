import type { JsonObject } from "../fields/field.ts";
import type { Identity, Right } from "../iam/api-keys.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** A call that was let in. */
export interface ApiCall<T = undefined> {
  readonly url: URL;
  readonly caller: Identity;
  /** `YYYY-MM-DD`. */
  readonly version: string;
  /** What the path names. */
  readonly target: T;
  /** Empty where the route takes none. */
  readonly body: JsonObject;
}

export interface Route<T> {
  readonly method: Method;
  /** `/projects/{project_id}/apps`. */
  readonly path: string;
  readonly right: Right;
  /** The SDK leaves `version` out of two operations. */
  readonly versionOptional?: boolean;
  /** Finds what the path names. @throws {ApiError} 404, 409 */
  readonly find: (params: Readonly<Record<string, string>>, caller: Identity) => T;
  /** Where set, `If-Match` must be sent and name this. */
  readonly entityTag?: (target: T) => string;
  readonly handle: (call: ApiCall<T>) => Response | Promise<Response>;
}

/** A route with what it finds tied to what it handles, so that routes of all kinds fit one list. */
export interface AnyRoute extends Pick<Route<unknown>, "method" | "path" | "right" | "versionOptional"> {
  find(params: Readonly<Record<string, string>>, caller: Identity): Found;
}

export interface Found {
  /** Set where `If-Match` is needed. */
  readonly entityTag: (() => string) | undefined;
  handle(call: Omit<ApiCall, "target">): Response | Promise<Response>;
}

export function route<T>(definition: Route<T>): AnyRoute {
  const { method, path, right, versionOptional = false } = definition;
  return {
    method,
    path,
    right,
    versionOptional,
    find(params, caller) {
      const target = definition.find(params, caller);
      const { entityTag } = definition;
      return {
        entityTag: entityTag && (() => entityTag(target)),
        handle: (call) => definition.handle({ ...call, target }),
      };
    },
  };
}

/** The parameters of a path that fits the route's. */
export function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const [wanted, given] = [pattern.split("/"), path.split("/")];
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? "";
    if (!part.startsWith("{")) {
      if (part !== value) return undefined;
    } else if (value === "") return undefined;
    else params[part.slice(1, -1)] = decoded(value);
  }
  return params;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    // What is no valid encoding names nothing, and stays as it is.
    return segment;
  }
}
