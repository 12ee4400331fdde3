import { readFile } from "node:fs/promises";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import {
  type Cluster,
  type Context,
  newClusters,
  newContexts,
  newUsers,
  type User,
} from "@kubernetes/client-node/dist/config_types.js";
import { parse } from "yaml";

/**
 * The API server and the identity that a kubeconfig's current context names. Only the config_types module of the client
 * library is loaded for it: the whole package brings its generated API, 340 ms and 90 MB.
 */
export interface KubeTarget {
  readonly cluster: Cluster;
  readonly user: KubeUser;
  /** The context's; absent where it names none. */
  readonly namespace?: string;
}

/** With what the library leaves out of a kubeconfig: the groups that it impersonates. */
export interface KubeUser extends User {
  readonly impersonateGroups?: readonly string[];
}

/** Where the target is read from. None given: the files of KUBECONFIG, else the pod's service account. */
export interface KubeconfigSource {
  kubeconfigPath?: string;
  kubeconfigText?: string;
  inCluster?: boolean;
}

/** Where a pod finds its service account. */
const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** @throws {Error} naming the file, the field and the remedy when there is no usable target. */
export async function loadKubeTarget(
  source: KubeconfigSource,
  env: NodeJS.ProcessEnv = process.env,
): Promise<KubeTarget> {
  if (source.kubeconfigText !== undefined) {
    return currentTarget([parseKubeconfig(source.kubeconfigText, "kubeconfig", "")], "kubeconfig");
  }
  if (source.kubeconfigPath !== undefined) return readTarget([source.kubeconfigPath]);
  const files = source.inCluster ? [] : (env.KUBECONFIG ?? "").split(delimiter).filter((file) => file !== "");
  return files.length > 0 ? readTarget(files) : serviceAccountTarget(env);
}

interface Kubeconfig {
  readonly clusters: Cluster[];
  readonly users: KubeUser[];
  readonly contexts: Context[];
  readonly currentContext: string | undefined;
}

/** Several files are one, the first that names something wins; of several, a missing one is skipped, as kubectl does. */
async function readTarget(files: readonly string[]): Promise<KubeTarget> {
  const configs: Kubeconfig[] = [];
  for (const file of files) {
    try {
      configs.push(parseKubeconfig(await readFile(file, "utf8"), file, dirname(file)));
    } catch (error) {
      if (files.length > 1 && isMissingFile(error)) continue;
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      throw new Error(`kubeconfig ${file} cannot be read (${code}): name another with --kubeconfig or KUBECONFIG`, {
        cause: error,
      });
    }
  }
  return currentTarget(configs, files.join(delimiter));
}

function parseKubeconfig(text: string, name: string, directory: string): Kubeconfig {
  let document: unknown;
  try {
    document = parse(text);
  } catch {
    // The parser's message quotes lines of the file, which may hold a token.
    throw new Error(`${name}: is not YAML`);
  }
  if (!isRecord(document)) throw new Error(`${name}: is not a kubeconfig`);
  const relative = (file: string) => (isAbsolute(file) ? file : join(directory, file));
  try {
    return {
      clusters: newClusters(document.clusters).map((cluster) => ({
        ...cluster,
        ...(cluster.caFile ? { caFile: relative(cluster.caFile) } : {}),
      })),
      users: newUsers(withTokenFiles(document.users, relative)).map((user) => ({
        ...user,
        ...(user.certFile ? { certFile: relative(user.certFile) } : {}),
        ...(user.keyFile ? { keyFile: relative(user.keyFile) } : {}),
        impersonateGroups: groupsOf(document.users, user.name),
      })),
      contexts: newContexts(document.contexts),
      currentContext: typeof document["current-context"] === "string" ? document["current-context"] : undefined,
    };
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** The library knows `tokenFile` only as an auth provider; in a kubeconfig it is a field of the user. */
function withTokenFiles(users: unknown, relative: (file: string) => string): unknown {
  if (!Array.isArray(users)) return users;
  return users.map((entry: unknown) => {
    if (!isRecord(entry) || !isRecord(entry.user) || typeof entry.user.tokenFile !== "string") return entry;
    const config = { tokenFile: relative(entry.user.tokenFile) };
    return { ...entry, user: { ...entry.user, token: undefined, "auth-provider": { name: "tokenFile", config } } };
  });
}

/** `as-groups` of a user. */
function groupsOf(users: unknown, name: string): readonly string[] {
  const entry: unknown = Array.isArray(users) && users.find((each) => isRecord(each) && each.name === name);
  const groups = isRecord(entry) && isRecord(entry.user) ? entry.user["as-groups"] : undefined;
  return Array.isArray(groups) ? groups.filter((group) => typeof group === "string") : [];
}

function currentTarget(configs: readonly Kubeconfig[], name: string): KubeTarget {
  const find = <T extends { name: string }>(list: (config: Kubeconfig) => T[], field: string, wanted: string): T => {
    const found = configs.flatMap(list).find((entry) => entry.name === wanted);
    if (!found) throw new Error(`${name}: ${field} "${wanted}" is not in it`);
    return found;
  };
  const current = configs.map(({ currentContext }) => currentContext).find((context) => context);
  if (!current) throw new Error(`${name}: current-context is not set; choose one with kubectl config use-context`);
  const context = find((config) => config.contexts, "context", current);
  const cluster = find((config) => config.clusters, "cluster", context.cluster);
  const user = context.user ? find((config) => config.users, "user", context.user) : { name: "anonymous" };
  const { namespace } = context;
  return { cluster: checked(cluster, name), user, ...(namespace ? { namespace } : {}) };
}

/** Credentials never travel in the clear, except within this machine or where the kubeconfig waives the check. */
function checked(cluster: Cluster, name: string): Cluster {
  const url = URL.parse(cluster.server);
  if (!url || !["https:", "http:"].includes(url.protocol)) {
    throw new Error(`${name}: cluster.server "${cluster.server}" is not an https URL`);
  }
  const loopback = ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  if (url.protocol === "http:" && !loopback && !cluster.skipTLSVerify) {
    throw new Error(`${name}: cluster.server "${cluster.server}" is not encrypted; use https`);
  }
  return cluster;
}

function serviceAccountTarget(env: NodeJS.ProcessEnv): KubeTarget {
  const host = env.KUBERNETES_SERVICE_HOST;
  const port = env.KUBERNETES_SERVICE_PORT;
  if (!host || !port) {
    throw new Error("no kubeconfig: pass --kubeconfig, set KUBECONFIG, or run in a pod with a service account");
  }
  return {
    cluster: {
      name: "in-cluster",
      server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
      caFile: `${SERVICE_ACCOUNT}/ca.crt`,
      skipTLSVerify: false,
    },
    user: {
      name: "service-account",
      authProvider: { name: "tokenFile", config: { tokenFile: `${SERVICE_ACCOUNT}/token` } },
    },
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isMissingFile(error: unknown): boolean {
  return isRecord(error) && error.code === "ENOENT";
}
