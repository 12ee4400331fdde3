/** A request for a resource, taken apart by its path as k8s.io/apiserver/pkg/endpoints/request does. */
export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** Segments beyond the subresource. */
  readonly rest: readonly string[];
}

/**
 * The parts of `/api/v1/…` or `/apis/GROUP/VERSION/…`; undefined for any other path and for discovery. Segments are
 * decoded first and split afterwards, as Go does: `a%2Fb` is two segments.
 */
export function parseResourcePath(path: string): ResourcePath | undefined {
  const segments = splitPath(path);
  if (segments === undefined) return undefined;
  const [root, ...others] = segments;
  if (root === "api" && others.length >= 2) return locate("", others[0] as string, others.slice(1));
  if (root === "apis" && others.length >= 3) return locate(others[0] as string, others[1] as string, others.slice(2));
  return undefined;
}

/** Decoded segments without empty ones at the ends; undefined where the escapes are broken. */
export function splitPath(path: string): string[] | undefined {
  if (!path.includes("%")) return path.replace(/^\/+|\/+$/g, "").split("/");
  try {
    return decodeURIComponent(path)
      .replace(/^\/+|\/+$/g, "")
      .split("/");
  } catch {
    return undefined;
  }
}

function locate(group: string, version: string, segments: readonly string[]): ResourcePath {
  if (segments[0] !== "namespaces") return parts(group, version, "", segments);
  // `/namespaces/NAME` and its subresources are the Namespace itself; anything deeper is inside it.
  const isNamespaceItself =
    segments.length <= 2 || (segments.length === 3 && NAMESPACE_SUBRESOURCES.has(segments[2] ?? ""));
  if (isNamespaceItself) return { ...parts(group, version, segments[1] ?? "", segments), namespace: "" };
  return parts(group, version, segments[1] ?? "", segments.slice(2));
}

const NAMESPACE_SUBRESOURCES = new Set(["status", "finalize"]);

function parts(group: string, version: string, namespace: string, segments: readonly string[]): ResourcePath {
  const [resource = "", name = "", subresource = "", ...rest] = segments;
  return { group, version, resource, subresource, namespace, name, rest };
}
