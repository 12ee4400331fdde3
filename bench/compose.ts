import { type ExecFileSyncOptions, execFile, execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { settle } from "./engine.ts";

/** A command line that runs Docker Compose v2; what follows are its arguments. */
export type ComposeCommand = readonly [string, ...string[]];

const CACHE = resolve(".cache/docker-compose");
const PLUGIN = join(CACHE, "root/usr/libexec/docker/cli-plugins/docker-compose");

/**
 * Finds Docker Compose v2: installed, or taken from Debian's pool without installing it (bookworm has none; trixie's is
 * a static binary). Undefined, with the reason on stderr, where there is none to be had.
 */
export function findCompose(): ComposeCommand | undefined {
  for (const command of [["docker", "compose"], ["docker-compose"], [PLUGIN]] as ComposeCommand[]) {
    const [program, ...args] = command;
    const { status, stdout } = spawnSync(program, [...args, "version"], { encoding: "utf8" });
    if (status === 0 && /v?2\.|v?[3-9]\./.test(stdout)) return command;
  }
  try {
    downloadFromDebian();
    return [PLUGIN];
  } catch (error) {
    console.error(`bench: no Docker Compose to compare with: ${(error as Error).message}`);
    return undefined;
  }
}

function downloadFromDebian(): void {
  const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
  if (!existsSync(keyring)) throw new Error("install the Docker Compose plugin, version 2");
  mkdirSync(join(CACHE, "lists/partial"), { recursive: true });
  mkdirSync(join(CACHE, "archives/partial"), { recursive: true });
  const sources = join(CACHE, "sources.list");
  writeFileSync(sources, `deb [signed-by=${keyring}] http://deb.debian.org/debian trixie main\n`);
  const options = [
    `Dir::Etc::sourcelist=${sources}`,
    "Dir::Etc::sourceparts=-",
    `Dir::State::lists=${join(CACHE, "lists")}`,
    `Dir::Cache=${CACHE}`,
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  const quiet: ExecFileSyncOptions = { cwd: CACHE, stdio: ["ignore", "ignore", "inherit"], timeout: 120_000 };
  execFileSync("apt-get", [...options, "update"], quiet);
  execFileSync("apt-get", [...options, "download", "docker-compose"], quiet);
  const archive = readdirSync(CACHE).find((name) => name.endsWith(".deb"));
  if (archive === undefined) throw new Error("trixie's docker-compose could not be downloaded");
  execFileSync("dpkg", ["-x", archive, "root"], quiet);
}

/** Below the ports that the kernel hands out by itself, and not those of Slipway. */
const FIRST_PORT = 19_000;

/** Wall time of `docker compose up -d` for `count` services of one image, in milliseconds. */
export async function timeCompose([program, ...args]: ComposeCommand, image: string, count: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-bench-compose-"));
  const file = join(folder, "compose.yaml");
  writeFileSync(file, stringify(composeFile(image, count)));
  const compose = async (...command: string[]) => {
    const all = [...args, "--file", file, "--project-name", "slipway-bench", ...command];
    await promisify(execFile)(program, all, { timeout: 300_000, maxBuffer: 16 * 1024 * 1024 });
  };
  try {
    const began = performance.now();
    await compose("up", "--detach", "--pull", "never");
    return performance.now() - began;
  } finally {
    await compose("down", "--volumes", "--timeout", "1");
    rmSync(folder, { recursive: true });
    await settle();
  }
}

/** The same limits, ports and hardening that Slipway gives to a container. */
function composeFile(image: string, count: number): object {
  const service = (index: number) => ({
    image,
    init: true,
    restart: "always",
    ports: [`127.0.0.1:${FIRST_PORT + index}:8080`],
    cpus: 0.5,
    mem_limit: "512m",
    memswap_limit: "512m",
    pids_limit: 100,
    security_opt: ["no-new-privileges"],
  });
  return { services: Object.fromEntries([...Array(count).keys()].map((index) => [`server-${index}`, service(index)])) };
}
