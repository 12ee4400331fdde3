import { spawnSync } from "node:child_process";

/** Nobody is there to answer a question, and another apt-get may be at work. */
const OPTIONS = ["-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=3"];
const ENVIRONMENT = { DEBIAN_FRONTEND: "noninteractive", NEEDRESTART_SUSPEND: "1" };
const TIMEOUT_MS = 10 * 60_000;

/**
 * Installs Debian packages after saying so. Needs root.
 * @throws {Error} with what apt-get said and the command to try by hand.
 */
export function installPackages(packages: readonly string[], say: (line: string) => void): void {
  say(`Installing ${packages.join(" and ")} with apt-get; this takes a minute.`);
  aptGet("update");
  aptGet("install", "-y", ...packages);
}

function aptGet(...args: string[]): void {
  const { status, stdout, stderr, error } = spawnSync("apt-get", [...OPTIONS, ...args], {
    encoding: "utf8",
    env: { ...process.env, ...ENVIRONMENT },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: TIMEOUT_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status === 0) return;
  const said = `${stdout ?? ""}${stderr ?? ""}`.trim().split("\n").slice(-15).join("\n");
  throw new Error(
    `apt-get ${args.join(" ")} failed (${error?.message ?? `exit code ${status}`}):\n${said}\nMend that, then try again.`,
  );
}
