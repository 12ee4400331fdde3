import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestApiServer } from "../api-server.ts";
import { Kubectl } from "../kubectl.ts";

/** Whether KUBECONFIG names the API server to use; otherwise one of ours is started. */
export const isExternalCluster = process.env.CONFORMANCE === "external";

/** An API server whose admission nobody of Slipway has a part in. */
export interface Cluster extends AsyncDisposable {
  /** Path of an administrator's kubeconfig, with nothing but its current context. */
  readonly kubeconfig: string;
  /** What it calls this machine. */
  readonly webhookHost: string;
  /** Where to listen for it. */
  readonly listenHost: string;
  /** Path of a kubeconfig for another user of these groups. */
  addUser(name: string, groups: readonly string[]): Promise<string>;
}

export function startCluster(): Promise<Cluster> {
  return isExternalCluster ? externalCluster() : ownCluster();
}

async function ownCluster(): Promise<Cluster> {
  const api = await startTestApiServer();
  return {
    ...{ kubeconfig: api.kubeconfig, webhookHost: "127.0.0.1", listenHost: "127.0.0.1" },
    addUser: (name, groups) => api.addUser(name, groups),
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  };
}

interface Config {
  readonly users: readonly { readonly name: string; readonly user: object }[];
}

/** Users are impersonated there: API servers have no common way to make any. */
async function externalCluster(): Promise<Cluster> {
  const { CONFORMANCE_WEBHOOK_HOST: webhookHost, KUBECONFIG = "" } = process.env;
  if (!webhookHost) throw new Error("CONFORMANCE_WEBHOOK_HOST has to say how that server reaches this machine");
  const directory = await mkdtemp(join(tmpdir(), "slipway-cluster-"));
  const config = JSON.parse(
    await new Kubectl(KUBECONFIG).run(["config", "view", "--raw", "--flatten", "--minify", "-o", "json"]),
  ) as Config;
  const write = async (name: string, user: object) => {
    const path = join(directory, `${name}.kubeconfig`);
    const users = config.users.map((each) => ({ ...each, user: { ...each.user, ...user } }));
    await writeFile(path, JSON.stringify({ ...config, users }), { mode: 0o600 });
    return path;
  };
  return {
    ...{ kubeconfig: await write("admin", {}), webhookHost, listenHost: "0.0.0.0" },
    addUser: (name, groups) => write(name, { as: name, "as-groups": groups }),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}
