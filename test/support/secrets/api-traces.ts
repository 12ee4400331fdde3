import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Kubectl } from "../kubectl.ts";
import type { SecretWatch, Trace } from "./secret-watch.ts";

/** Holds Secrets, as it has to; what else is in it the API shows. */
const STORE = /^store\.db(-wal|-shm)?$/;

interface SecretObject {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

/** Has a watch learn the values of all Secrets that an API server has. */
export async function learnSecrets(watch: SecretWatch, kubectl: Kubectl): Promise<void> {
  for (const { name, value } of await secretsOf(kubectl)) watch.learn(name, value);
}

async function secretsOf(kubectl: Kubectl): Promise<{ name: string; value: string }[]> {
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
  const config = key === ".dockerconfigjson" ? fromJson(value) : undefined;
  const { auths = {} } = (config ?? {}) as { auths?: Record<string, { auth?: string; password?: string }> };
  return Object.values(auths).flatMap(({ auth, password }) => {
    const [, decoded = ""] = /^[^:]*:(.*)$/s.exec(Buffer.from(auth ?? "", "base64").toString("utf8")) ?? [];
    return [decoded, password ?? ""];
  });
}

/** Undefined for what is none: tests write that, too. */
function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Everything that an API server shows, but for Secrets. */
export async function apiTraces(kubectl: Kubectl): Promise<Trace[]> {
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

/** The files of a data directory, but for the store. */
export function fileTraces(folder: string): Trace[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !STORE.test(entry.name))
    .map((entry) => ({ where: `file ${entry.name}`, text: textOf(join(entry.parentPath, entry.name)) }));
}

/** Empty where it has gone meanwhile, or is somebody else's. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
