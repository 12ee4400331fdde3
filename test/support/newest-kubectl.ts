import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { isDebian } from "../../scripts/engine/machine.ts";

const run = promisify(execFile);
const FOLDER = join(tmpdir(), "slipway-newest-kubectl");
const PROGRAM = join(FOLDER, "root", "usr", "bin", "kubectl");
const TIMEOUT_MS = 120_000;
const MAX_AGE_MS = 7 * 24 * 3_600_000;

/**
 * The newest kubectl that Debian has, in its development suite, beside whichever is installed: downloaded and verified by apt,
 * unpacked and not installed. Undefined, with the reason on stderr, where that is not possible.
 */
export async function newestKubectl(): Promise<string | undefined> {
  if (!isDebian()) return undefined;
  try {
    if (!(await isFresh())) await download();
    return PROGRAM;
  } catch (error) {
    process.stderr.write(`the newest kubectl cannot be had, so it is not tried: ${String(error)}\n`);
    return undefined;
  }
}

async function isFresh(): Promise<boolean> {
  if (!existsSync(PROGRAM)) return false;
  const { stdout } = await run("stat", ["--format=%Z", PROGRAM], { timeout: TIMEOUT_MS });
  return Date.now() - Number(stdout) * 1_000 < MAX_AGE_MS;
}

async function download(): Promise<void> {
  await rm(FOLDER, { recursive: true, force: true });
  for (const folder of ["state/lists/partial", "cache/archives/partial", "root"])
    await mkdir(join(FOLDER, folder), { recursive: true });
  const source =
    "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian sid main\n";
  await writeFile(join(FOLDER, "sources.list"), source);
  const settings = [
    `Dir::Etc::sourcelist=${FOLDER}/sources.list`,
    "Dir::Etc::sourceparts=/dev/null",
    "Dir::Etc::preferences=/dev/null",
    "Dir::Etc::preferencesparts=/dev/null",
    `Dir::State=${FOLDER}/state`,
    // What is installed does not count.
    "Dir::State::status=/dev/null",
    `Dir::Cache=${FOLDER}/cache`,
    "APT::Sandbox::User=root",
    "Acquire::Languages=none",
  ].flatMap((setting) => ["-o", setting]);
  const options = { cwd: FOLDER, timeout: TIMEOUT_MS };
  await run("apt-get", [...settings, "--quiet", "update"], options);
  await run("apt-get", [...settings, "--quiet", "download", "kubectl"], options);
  const archive = (await readdir(FOLDER)).find((name) => name.endsWith(".deb"));
  if (archive === undefined) throw new Error("apt-get downloaded no package");
  await run("dpkg-deb", ["--extract", archive, "root"], options);
}
