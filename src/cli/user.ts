import { readFile } from "node:fs/promises";
import { systemClock } from "../machinery/clock.ts";
import {
  formatKubeconfig,
  type KubeconfigCluster,
  kubeconfigPath,
  parseKubeconfig,
} from "../server/access/kubeconfig.ts";
import { UserDirectory, UserExists, UserLimitReached, userLimit } from "../server/access/user-directory.ts";
import { problemOfName } from "../server/access/user-name.ts";
import { UsageError } from "./usage-error.ts";

/** Most groups of one user. */
const groupLimit = 100;

/** Where the commands write: what was asked for, and remarks on it. */
export interface Output {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

/**
 * `slipway user add NAME [--group G]… --data-dir DIR`: prints the new user's kubeconfig, the only copy of its token. A
 * running server knows the user at once.
 * @throws {UsageError} naming what was wrong, the value and the remedy.
 */
export async function addUser(
  options: { name: string; groups: readonly string[]; dataDir: string },
  { stdout }: Output = process,
): Promise<void> {
  const { name, groups, dataDir } = options;
  refuseName("NAME", name);
  for (const group of groups) refuseName("--group", group);
  if (groups.length > groupLimit) {
    throw new UsageError(`--group: ${groups.length} groups; a user can have ${groupLimit}`);
  }
  const cluster = await clusterOf(dataDir);
  const token = await new UserDirectory(dataDir, systemClock).add(name, groups).catch((error: unknown) => {
    if (error instanceof UserExists) throw new UsageError(existsMessage(name, dataDir));
    if (error instanceof UserLimitReached) {
      throw new UsageError(
        `NAME: ${JSON.stringify(name)} would be one more than ${userLimit} users; revoke some first`,
      );
    }
    throw error;
  });
  stdout.write(formatKubeconfig(cluster, name, token));
}

/** `slipway user list --data-dir DIR`: name, groups and time of creation, one user a line. */
export async function listUsers({ dataDir }: { dataDir: string }, { stdout, stderr }: Output = process): Promise<void> {
  await clusterOf(dataDir);
  const { users, broken } = await new UserDirectory(dataDir, systemClock).list();
  const own = users.filter(({ name }) => problemOfName(name) === undefined);
  const rows = [
    ["NAME", "GROUPS", "CREATED"],
    ...own.map((user) => [user.name, user.groups.join(",") || "-", user.createdAt]),
  ];
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const [name = "", groups = "", created = ""] of rows) {
    stdout.write(`${name.padEnd(widths[0] ?? 0)}   ${groups.padEnd(widths[1] ?? 0)}   ${created}\n`);
  }
  for (const file of broken) {
    stderr.write(`${file}: not a whole user record, so nobody logs in by it; revoke the user, or remove the file\n`);
  }
}

/**
 * `slipway user revoke NAME --data-dir DIR`: a running server refuses the token from its next request on.
 * @throws {UsageError} when there is no such user.
 */
export async function revokeUser(
  { name, dataDir }: { name: string; dataDir: string },
  { stdout }: Output = process,
): Promise<void> {
  refuseName("NAME", name);
  await clusterOf(dataDir);
  if (!(await new UserDirectory(dataDir, systemClock).revoke(name))) {
    throw new UsageError(
      `NAME: there is no user ${JSON.stringify(name)} in ${dataDir}; see 'slipway user list --data-dir ${dataDir}'`,
    );
  }
  stdout.write(`user ${name} revoked\n`);
}

function refuseName(field: "NAME" | "--group", value: string): void {
  const problem = problemOfName(value);
  if (problem === undefined) return;
  const remedy = value.toLowerCase().startsWith("system:")
    ? "; to make an administrator, bind a role: kubectl create clusterrolebinding NAME --clusterrole=cluster-admin --user=NAME"
    : "; choose another, such as alice or alice@example.com";
  throw new UsageError(`${field}: ${JSON.stringify(value)} ${problem}${remedy}`);
}

function existsMessage(name: string, dataDir: string): string {
  return (
    `NAME: user ${JSON.stringify(name)} exists already, and its token cannot be shown again; ` +
    `for a new one, first run 'slipway user revoke ${name} --data-dir ${dataDir}'`
  );
}

/** Where the server of the data directory is reached and whom to trust there, from the kubeconfig that it wrote. */
async function clusterOf(dataDir: string): Promise<KubeconfigCluster> {
  const file = kubeconfigPath(dataDir);
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    const remedy = `start 'slipway up --data-dir ${dataDir}' there once, or name its directory`;
    throw new UsageError(`--data-dir: ${dataDir} has no readable kubeconfig (${error.code}); ${remedy}`);
  });
  const cluster = knownCluster(text);
  if (cluster) return cluster;
  throw new UsageError(
    `--data-dir: ${file} names no server with its certificate; restart 'slipway up' to write it anew`,
  );
}

function knownCluster(text: string): KubeconfigCluster | undefined {
  try {
    return parseKubeconfig(text).cluster;
  } catch {
    // Not YAML: as good as empty.
    return undefined;
  }
}
