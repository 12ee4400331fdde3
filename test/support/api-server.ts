import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import type { CustomResourceDefinition } from "../../src/api/custom-resource-definition.ts";
import { type Clock, systemClock } from "../../src/machinery/clock.ts";
import { parseKubeconfig } from "../../src/server/access/kubeconfig.ts";
import { UserDirectory } from "../../src/server/access/user-directory.ts";
import { type ApiServer, type ApiServerOptions, startApiServer } from "../../src/server/api-server.ts";
import { Kubectl } from "./kubectl.ts";
import { recordingLogger } from "./recording-logger.ts";
import { apiTraces, fileTraces, learnSecrets } from "./secrets/api-traces.ts";
import { secretWatch } from "./secrets/secret-watch.ts";

/** An API server for one test, on a port and in a directory of its own. `await using` closes and removes it, and finds what it shows of secrets. */
export interface TestApiServer extends AsyncDisposable {
  readonly server: ApiServer;
  readonly url: string;
  readonly caPem: string;
  /** Token of a user in `system:masters`. */
  readonly adminToken: string;
  /** Path of the admin's kubeconfig. */
  readonly kubeconfig: string;
  readonly dataDir: string;
  /** Path of a new kubeconfig for another user of these groups. */
  addUser(name: string, groups?: readonly string[]): Promise<string>;
  /** Stops the server; the directory stays until disposal, so that another can start on it. */
  close(): Promise<void>;
}

export interface TestApiServerOptions {
  /** Installed at start; Slipway's own from `crds/` unless told otherwise. */
  readonly crds?: readonly CustomResourceDefinition[];
  /** An existing directory, which is left there. Its admin keeps the token from start to start. */
  readonly dataDir?: string;
  /** Loopback unless told otherwise. */
  readonly host?: string;
  /** Any free one unless told otherwise. */
  readonly port?: number;
  readonly clock?: Clock;
  readonly admission?: ApiServerOptions["admission"];
  readonly beforeServing?: ApiServerOptions["beforeServing"];
  readonly audit?: ApiServerOptions["audit"];
}

export async function startTestApiServer(options: TestApiServerOptions = {}): Promise<TestApiServer> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "slipway-api-")));
  const server = await startApiServer({
    dataDir,
    listen: { host: options.host ?? "127.0.0.1", port: options.port ?? 0 },
    crds: options.crds ?? (await slipwayDefinitions()),
    logger: recordingLogger().logger,
    ...(options.clock ? { clock: options.clock } : {}),
    ...(options.admission ? { admission: options.admission } : {}),
    ...(options.beforeServing ? { beforeServing: options.beforeServing } : {}),
    ...(options.audit ? { audit: options.audit } : {}),
  });
  const users = new UserDirectory(dataDir, options.clock ?? systemClock);
  const { url, caPem } = server;
  const writeKubeconfig = async (name: string, token: string) => {
    const path = join(dataDir, `${name}.kubeconfig`);
    const text = JSON.stringify(kubeconfigOf({ url, caPem, name, token }));
    // The disk of a server that is started again may be full.
    if (!existsSync(path) || (await readFile(path, "utf8")) !== text) await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  const adminToken = await users.ensure("admin", ["system:masters"], await knownToken(dataDir));
  let open = true;
  const close = async () => {
    open = false;
    await server.close();
  };
  const kubeconfig = await writeKubeconfig("admin", adminToken);
  const lookForSecrets = async () => {
    if (!open || !secretWatch.isAwake) return;
    const kubectl = new Kubectl(kubeconfig);
    await learnSecrets(secretWatch, kubectl);
    secretWatch.inspect([...(await apiTraces(kubectl)), ...fileTraces(dataDir)]);
  };
  return {
    server,
    url,
    caPem,
    adminToken,
    kubeconfig,
    dataDir,
    addUser: async (name, groups = []) => writeKubeconfig(name, await users.ensure(name, groups, undefined)),
    close,
    async [Symbol.asyncDispose]() {
      try {
        await lookForSecrets();
      } finally {
        await close();
        if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
      }
    },
  };
}

async function knownToken(dataDir: string): Promise<string | undefined> {
  const path = join(dataDir, "admin.kubeconfig");
  if (!existsSync(path)) return undefined;
  return parseKubeconfig(await readFile(path, "utf8")).token;
}

/** The definitions that Slipway installs, as `crds/` has them. */
export async function slipwayDefinitions(): Promise<CustomResourceDefinition[]> {
  const directory = new URL("../../crds/", import.meta.url);
  const files = (await readdir(directory)).filter((file) => file.endsWith(".yaml")).sort();
  return Promise.all(files.map(async (file) => parse(await readFile(new URL(file, directory), "utf8"))));
}

export function kubeconfigOf({
  url,
  caPem,
  name,
  token,
}: {
  url: string;
  caPem: string;
  name: string;
  token: string;
}): object {
  const cluster = { server: url, "certificate-authority-data": Buffer.from(caPem).toString("base64") };
  return {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    clusters: [{ name: "test", cluster }],
    users: [{ name, user: { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: name } }],
  };
}
