import { createHash } from "node:crypto";
import { type Answer, type HttpRequest, header, json, pageNotFound, text } from "../http/answer.ts";
import { methodNotSupported, StatusError } from "../http/status-error.ts";
import { openApiV2 } from "../openapi/v2.ts";
import { encodeOpenApiV2, OPENAPI_V2_PROTOBUF } from "../openapi/v2-protobuf.ts";
import { openApiV3 } from "../openapi/v3.ts";
import type { ResourceRegistry } from "../registry/resource-registry.ts";
import { aggregatedGroups } from "./aggregated.ts";
import { type ApiGroup, apiGroups, apiResources } from "./api-groups.ts";
import { describeGroups, type GroupVersionContents } from "./group-contents.ts";
import { versionInfo } from "./version.ts";

const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

export interface DiscoveryOptions {
  readonly registry: ResourceRegistry;
  /** `host:port`, which `/api` gives as the server's address. */
  readonly address: () => string;
  /** Undefined while the server is ready; else why it is not. */
  readonly problem: () => string | undefined;
}

/** Everything outside resources: what is served, in which schema, and whether the server is well. */
export class Discovery {
  readonly #options: DiscoveryOptions;
  /** Answers by path, dropped whenever what is served changes. */
  readonly #cache = new Map<string, Answer>();
  #generation = -1;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
  }

  answer(http: HttpRequest): Answer {
    const path = http.path.length > 1 ? http.path.replace(/\/$/, "") : http.path;
    const health = this.#health(path);
    if (health) return health;
    const form = formOf(path, header(http, "accept"));
    const answer = this.#cached(`${path} ${form}`, () => this.#describe(path, form));
    if (!answer) return path.startsWith("/openapi/") ? { status: 404 } : pageNotFound();
    if (isResourceList(path) && http.method !== "GET" && http.method !== "HEAD") throw methodNotSupported();
    if (path === "/version" && http.method !== "GET") throw methodNotSupported();
    const { etag } = answer.headers ?? {};
    if (etag !== undefined && header(http, "if-none-match") === etag) {
      return { status: 304, headers: { etag, vary: "Accept" } };
    }
    return answer;
  }

  #cached(key: string, make: () => Answer | undefined): Answer | undefined {
    const { generation } = this.#options.registry;
    if (generation !== this.#generation) this.#cache.clear();
    this.#generation = generation;
    const known = this.#cache.get(key);
    if (known) return known;
    const answer = make();
    // Only paths that exist are kept, so their number is bounded.
    if (answer) this.#cache.set(key, answer);
    return answer;
  }

  #describe(path: string, form: Form): Answer | undefined {
    const contents = describeGroups(this.#options.registry);
    const [, root, group, version] = path.split("/");
    if (root === "openapi") return this.#openApi(path, contents, form);
    if (path === "/version") return json(200, versionInfo());
    if (form === "aggregated") return aggregatedAnswer(contents, path === "/api");
    if (path === "/api") return json(200, this.#apiVersions());
    if (path === "/api/v1") return json(200, apiResources(contents, "", "v1"));
    if (root !== "apis" || path.split("/").length > 4) return undefined;
    const groups = apiGroups(contents);
    if (group === undefined) return json(200, { kind: "APIGroupList", apiVersion: "v1", groups });
    if (version === undefined) return groupAnswer(groups.find(({ name }) => name === group));
    const resources = apiResources(contents, group, version);
    return resources ? json(200, resources) : undefined;
  }

  #apiVersions(): object {
    const serverAddressByClientCIDRs = [{ clientCIDR: "0.0.0.0/0", serverAddress: this.#options.address() }];
    return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs };
  }

  #openApi(path: string, contents: readonly GroupVersionContents[], form: Form): Answer | undefined {
    if (path === "/openapi/v2") {
      const document = openApiV2(contents.flatMap(({ definitions: all }) => all));
      if (form !== "protobuf") return json(200, document);
      return { status: 200, contentType: OPENAPI_V2_PROTOBUF, body: encodeOpenApiV2(document) };
    }
    if (path === "/openapi/v3") return openApiIndex(contents);
    const found = contents.find((candidate) => path === `/openapi/v3/${candidate.path}`);
    if (found) return json(200, openApiV3(found.definitions));
    return path === "/openapi/v3/version"
      ? json(200, { openapi: "3.0.0", info: { title: "Slipway", version: "1" }, paths: {} })
      : undefined;
  }

  #health(path: string): Answer | undefined {
    const [, root, check, more] = path.split("/");
    if ((root !== "healthz" && root !== "livez" && root !== "readyz") || more !== undefined) return undefined;
    if (check !== undefined && check !== "ping" && check !== "etcd") return pageNotFound();
    const problem = check === "ping" || root === "livez" ? undefined : this.#options.problem();
    if (problem === undefined) return text(200, "ok");
    throw new StatusError(500, "InternalError", `${root} check failed: ${problem}`);
  }
}

/** How a client wants to have it told. */
type Form = "plain" | "aggregated" | "protobuf";

function formOf(path: string, accept: string): Form {
  if ((path === "/api" || path === "/apis") && accept.includes("as=APIGroupDiscoveryList")) return "aggregated";
  return path === "/openapi/v2" && accept.includes("proto-openapi.spec.v2") ? "protobuf" : "plain";
}

/** `/api/v1`, `/apis/GROUP/VERSION`: the resources of a group version, which nobody can write to. */
function isResourceList(path: string): boolean {
  return /^\/api\/[^/]+$|^\/apis\/[^/]+\/[^/]+$/.test(path);
}

function groupAnswer(group: ApiGroup | undefined): Answer | undefined {
  return group && json(200, { kind: "APIGroup", apiVersion: "v1", ...group });
}

function aggregatedAnswer(contents: readonly GroupVersionContents[], isCore: boolean): Answer {
  const items = aggregatedGroups(contents.filter(({ group }) => (group === "") === isCore));
  const body = JSON.stringify({
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
    items,
  });
  const etag = `"${createHash("sha512").update(body).digest("hex").toUpperCase()}"`;
  return { status: 200, contentType: AGGREGATED, headers: { etag, vary: "Accept" }, body };
}

/** kubectl caches each document under the hash in its URL. */
function openApiIndex(contents: readonly GroupVersionContents[]): Answer {
  const paths: Record<string, { serverRelativeURL: string }> = {};
  for (const { path, definitions } of contents) {
    const hash = createHash("sha256").update(JSON.stringify(definitions)).digest("hex").slice(0, 32).toUpperCase();
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
  }
  paths.version = { serverRelativeURL: "/openapi/v3/version" };
  return text(200, JSON.stringify({ paths }));
}
