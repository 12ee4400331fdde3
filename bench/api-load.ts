import { readFileSync } from "node:fs";
import { KubeConfig } from "@kubernetes/client-node";
import { Agent, type Dispatcher } from "undici";
import { inParallel } from "./engine.ts";
import { median } from "./row.ts";
import { type WatchResult, watchLoad } from "./watch-load.ts";

/** What one run of the load found. CPU is user and system time of the server, where its process ID was given. */
export interface ApiLoadResult {
  readonly perSecond: Record<ApiPhase, number>;
  readonly cpuMsPerRequest: Record<ApiPhase, number>;
  readonly listMs: number;
  /** Of the server, before and after its watchers, where its process ID was given. */
  readonly residentMB: { readonly requests: number; readonly watches: number };
  readonly watch: WatchResult;
}

export type ApiPhase = "create" | "status patch" | "server-side apply" | "get";

const CLIENTS = 16;
const OBJECTS = 2_000;
const WARM_UP = 300;
const LISTS = 7;
const NAMESPACE = "slipway-bench";
const WARM_NAMESPACE = "slipway-bench-warm";
/** A clock tick of /proc/PID/stat on Linux. */
const TICK_MS = 10;

const JSON_TYPE = "application/json";
const MERGE_TYPE = "application/merge-patch+json";
const APPLY_TYPE = "application/apply-patch+yaml";

/**
 * The load on an API server, in a process of its own: `node api-load.ts KUBECONFIG CRD.json [PID]`. Installs the
 * definition, works with 16 keep-alive connections, prints one line of JSON and removes what it made.
 */
async function main([kubeconfig, crdFile, pid]: readonly string[]): Promise<void> {
  if (kubeconfig === undefined || crdFile === undefined)
    throw new Error("usage: api-load.ts KUBECONFIG CRD.json [PID]");
  const { api, open } = await connect(kubeconfig);
  const crd = JSON.parse(readFileSync(crdFile, "utf8")) as Definition;
  const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  await api("POST", definitions, JSON_TYPE, crd);
  try {
    await established(api, `${definitions}/${crd.metadata.name}`);
    for (const name of [NAMESPACE, WARM_NAMESPACE]) {
      await api("POST", "/api/v1/namespaces", JSON_TYPE, { metadata: { name } });
    }
    await phases(api, crd, { namespace: WARM_NAMESPACE, count: WARM_UP, pid: undefined });
    const { perSecond, cpuMsPerRequest } = await phases(api, crd, { namespace: NAMESPACE, count: OBJECTS, pid });
    const path = pathOf(crd, NAMESPACE);
    const listMs = await timeList(api, path);
    const requests = residentMB(pid);
    const { metadata } = JSON.parse(await api("GET", `${path}?limit=1`)) as {
      metadata: { resourceVersion: string };
    };
    const watch = await watchLoad({
      open: (signal) => open(`${path}?watch=true&resourceVersion=${metadata.resourceVersion}`, signal),
      change: (turn) => api("PATCH", `${path}/object-${turn}/status`, MERGE_TYPE, statusOf(OBJECTS + turn)),
      clients: CLIENTS,
    });
    const resident = { requests, watches: residentMB(pid) };
    const result: ApiLoadResult = { perSecond, cpuMsPerRequest, listMs, residentMB: resident, watch };
    console.log(JSON.stringify(result));
  } finally {
    for (const name of [NAMESPACE, WARM_NAMESPACE]) await api("DELETE", `/api/v1/namespaces/${name}`);
    await api("DELETE", `${definitions}/${crd.metadata.name}`);
  }
}

interface Definition {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly names: { readonly plural: string; readonly kind: string };
    readonly versions: readonly { readonly name: string }[];
  };
}

type Api = (method: Dispatcher.HttpMethod, path: string, contentType?: string, body?: unknown) => Promise<string>;

/** Reads a stream, each on a connection of its own. */
type Open = (path: string, signal: AbortSignal) => Promise<Dispatcher.ResponseData["body"]>;

/** Sends requests with the credentials of a kubeconfig. Any answer but 2xx ends the benchmark. */
async function connect(kubeconfig: string): Promise<{ api: Api; open: Open }> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const tls: { ca?: string; cert?: string; key?: string; headers: Record<string, string> } = { headers: {} };
  await config.applyToHTTPSOptions(tls);
  const { ca, cert, key } = tls;
  const connection = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  const agent = new Agent({ connections: CLIENTS, pipelining: 1, connect: connection });
  const origin = config.getCurrentCluster()?.server;
  if (origin === undefined) throw new Error(`${kubeconfig}: the current context names no cluster`);
  const api: Api = async (method, path, contentType, body) => {
    const { statusCode, body: answer } = await agent.request({
      origin,
      path,
      method,
      headers: { ...tls.headers, accept: JSON_TYPE, ...(contentType && { "content-type": contentType }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (statusCode >= 300) throw new Error(`${method} ${path}: ${statusCode}: ${text.slice(0, 500)}`);
    return text;
  };
  const watchers = new Agent({ pipelining: 1, bodyTimeout: 0, connect: connection });
  const open: Open = async (path, signal) => {
    const headers = { ...tls.headers, accept: JSON_TYPE };
    const { statusCode, body } = await watchers.request({ origin, path, method: "GET", headers, signal });
    if (statusCode !== 200) throw new Error(`GET ${path}: ${statusCode}: ${(await body.text()).slice(0, 500)}`);
    return body;
  };
  return { api, open };
}

async function established(api: Api, path: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!/"type":\s*"Established"/.test(await api("GET", path)) || performance.now() > deadline) {
    if (performance.now() > deadline) throw new Error(`${path} was not established within 30 s`);
  }
  // kube-apiserver serves a new kind a moment after it says so.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
}

function pathOf({ spec }: Definition, namespace: string): string {
  return `/apis/${spec.group}/${spec.versions[0]?.name}/namespaces/${namespace}/${spec.names.plural}`;
}

interface Load {
  readonly namespace: string;
  readonly count: number;
  readonly pid: string | undefined;
}

/** The four kinds of request one after the other, each `count` times. */
async function phases(
  api: Api,
  crd: Definition,
  load: Load,
): Promise<Pick<ApiLoadResult, "perSecond" | "cpuMsPerRequest">> {
  const path = pathOf(crd, load.namespace);
  const objects = [...Array(load.count).keys()].map((index) => ({ index, name: `object-${index}` }));
  const requests: Record<ApiPhase, (object: { index: number; name: string }) => Promise<string>> = {
    create: ({ name }) => api("POST", path, JSON_TYPE, objectOf(crd, name, 0)),
    "status patch": ({ index, name }) => api("PATCH", `${path}/${name}/status`, MERGE_TYPE, statusOf(index)),
    "server-side apply": ({ index, name }) =>
      api("PATCH", `${path}/${name}?fieldManager=bench&force=true`, APPLY_TYPE, objectOf(crd, name, index + 1)),
    get: ({ name }) => api("GET", `${path}/${name}`),
  };
  const perSecond = {} as Record<ApiPhase, number>;
  const cpuMsPerRequest = {} as Record<ApiPhase, number>;
  for (const [phase, request] of Object.entries(requests) as [ApiPhase, (typeof requests)[ApiPhase]][]) {
    const [began, cpu] = [performance.now(), cpuMs(load.pid)];
    await inParallel(objects, CLIENTS, async (object) => void (await request(object)));
    perSecond[phase] = (load.count * 1_000) / (performance.now() - began);
    cpuMsPerRequest[phase] = (cpuMs(load.pid) - cpu) / load.count;
  }
  return { perSecond, cpuMsPerRequest };
}

/** As a person declares one; the server adds the defaults. Every `turn` makes another spec. */
function objectOf({ spec }: Definition, name: string, turn: number): object {
  return {
    apiVersion: `${spec.group}/${spec.versions[0]?.name}`,
    kind: spec.names.kind,
    metadata: { name, labels: { app: name, team: "bench" } },
    spec: {
      source: { image: { reference: "ghcr.io/example/server:1.0" } },
      env: [{ name: "TURN", value: String(turn) }],
    },
  };
}

function statusOf(turn: number): object {
  const at = new Date().toISOString().replace(/\.\d+/, "");
  const condition = {
    type: "Ready",
    status: "True",
    reason: "Connected",
    message: `turn ${turn}`,
    lastTransitionTime: at,
  };
  return { status: { observedGeneration: 1, phase: "Connected", conditions: [condition] } };
}

async function timeList(api: Api, path: string): Promise<number> {
  const times: number[] = [];
  for (let list = 0; list < LISTS; list += 1) {
    const began = performance.now();
    const found = (await api("GET", path)).split('"uid":').length - 1;
    times.push(performance.now() - began);
    if (found < OBJECTS) throw new Error(`the list has ${found} of ${OBJECTS} objects`);
  }
  return median(times);
}

function residentMB(pid: string | undefined): number {
  if (pid === undefined) return Number.NaN;
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return (Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024) / 1e6;
}

/** User and system time that a process of this machine has had so far. */
function cpuMs(pid: string | undefined): number {
  if (pid === undefined) return Number.NaN;
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

await main(process.argv.slice(2));
