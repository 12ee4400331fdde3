/** What one request to the API server asks for, in the words of Kubernetes' own metrics and audit log. */
export interface ApiCall {
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`. */
  readonly verb: string;
  /** Plural with its subresource, such as `runtimedeployments/status`; `none` for what is no resource. Never a name of an object. */
  readonly resource: string;
}

/** Told of requests to the API server. Called synchronously. */
export interface ApiCallMetrics {
  /** One exchange is over: repeated ones count each. Of a watch its beginning. `code` is undefined where there was no answer. */
  answered?(call: ApiCall, code: number | undefined, tookMs: number): void;
  /** A request waited this long for its turn in the limits of `--kube-api-qps` before it was sent. */
  throttled?(call: ApiCall, waitedMs: number): void;
}

const VERBS: Readonly<Record<string, string>> = {
  GET: "get",
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** Pure. Reads it from the request line: `/api/v1/…` and `/apis/GROUP/VERSION/…`, with or without a namespace. */
export function apiCallOf(method: string, target: string): ApiCall {
  const [path = "", query = ""] = target.split("?", 2);
  const verb = VERBS[method] ?? "other";
  const parts = path.split("/").slice(1);
  const rest = parts[0] === "api" ? parts.slice(2) : parts[0] === "apis" ? parts.slice(3) : [];
  // A namespace itself is `namespaces/NAME`, without anything behind it.
  const [plural, name, subresource] = rest[0] === "namespaces" && rest.length > 2 ? rest.slice(2) : rest;
  if (plural === undefined) return { verb, resource: "none" };
  const resource = subresource === undefined ? plural : `${plural}/${subresource}`;
  if (method !== "GET" || name !== undefined) return { verb, resource };
  return { verb: /(^|&)watch=true(&|$)/.test(query) ? "watch" : "list", resource };
}
