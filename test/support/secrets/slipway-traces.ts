import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { SlipwayProcess } from "../slipway-process.ts";
import type { Trace } from "./secret-watch.ts";

/** Holds Secrets, as it has to; what else is in it the API shows. */
const STORE = /^store\.db(-wal|-shm)?$/;

interface SecretObject {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

/** Values of all Secrets that the API has, for a watch to learn. */
export async function secretsOf({ kubectl }: SlipwayProcess): Promise<{ name: string; value: string }[]> {
  const { items } = JSON.parse(await kubectl.run(["get", "secrets", "-A", "-o", "json"])) as { items: SecretObject[] };
  return items.flatMap(({ metadata: { namespace, name }, data = {} }) =>
    Object.entries(data).flatMap(([key, encoded]) => {
      const value = Buffer.from(encoded, "base64").toString("utf8");
      const secret = `${key} of Secret ${namespace}/${name}`;
      return [
        { name: secret, value },
        ...passwordsIn(key, value).map((password) => ({ name: secret, value: password })),
      ];
    }),
  );
}

function passwordsIn(key: string, value: string): string[] {
  if (key !== ".dockerconfigjson") return [];
  const { auths = {} } = JSON.parse(value) as { auths?: Record<string, { auth?: string; password?: string }> };
  return Object.values(auths).flatMap(({ auth, password }) => {
    const [, decoded = ""] = /^[^:]*:(.*)$/s.exec(Buffer.from(auth ?? "", "base64").toString("utf8")) ?? [];
    return [decoded, password ?? ""];
  });
}

/** All that a running `slipway up` shows: its log, its API but for Secrets, metrics, processes, and its files. */
export async function slipwayTraces(slipway: SlipwayProcess): Promise<readonly Trace[]> {
  const { pid, dataDir, endpoints } = slipway;
  const metrics = await (await fetch(`${endpoints.metrics}/metrics`)).text();
  return [
    outputTrace(slipway),
    { where: "metrics", text: metrics },
    ...(await apiTraces(slipway)),
    ...(pid === undefined ? [] : familyOf(pid).flatMap(processTraces)),
    ...fileTraces(dataDir),
  ];
}

/** It stays when the process has ended. */
export function outputTrace({ output }: SlipwayProcess): Trace {
  return { where: "the log of slipway", text: output };
}

async function apiTraces({ kubectl }: SlipwayProcess): Promise<Trace[]> {
  const told = await kubectl.run(["api-resources", "--verbs=list", "--output=name"]);
  const kinds = told.split("\n").filter((kind) => kind !== "" && kind !== "secrets");
  const show = ["get", kinds.join(","), "--all-namespaces", "--output=json", "--show-managed-fields"];
  const { items } = JSON.parse(await kubectl.run(show)) as {
    items: { kind: string; metadata: { namespace?: string; name: string } }[];
  };
  return items.map((item) => {
    const { kind, metadata } = item;
    return { where: `${kind} ${metadata.namespace ?? ""}/${metadata.name}`, text: JSON.stringify(item) };
  });
}

/** A process and all that it started. */
function familyOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    const stat = /^\d+$/.test(entry) ? textOf(`/proc/${entry}/stat`) : "";
    // The name, in brackets, may hold anything; state and parent follow.
    const [, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (parent !== undefined) parents.set(Number(entry), Number(parent));
  }
  const family = [pid];
  for (const member of family) for (const [child, parent] of parents) if (parent === member) family.push(child);
  return family;
}

function processTraces(pid: number): Trace[] {
  return ["cmdline", "environ"].map((file) => ({ where: `/proc/PID/${file}`, text: textOf(`/proc/${pid}/${file}`) }));
}

function fileTraces(folder: string): Trace[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !STORE.test(entry.name))
    .map((entry) => ({ where: `file ${entry.name}`, text: textOf(join(entry.parentPath, entry.name)) }));
}

/** Empty where it has gone meanwhile, or is somebody else's. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
