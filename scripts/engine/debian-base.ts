import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type Docker from "dockerode";
import { installPackages } from "./debian-packages.ts";
import { followBuild } from "./image-progress.ts";
import { findProgram, isDebian } from "./machine.ts";

/** Docker Hub's image of Debian's current stable release. */
export const DEBIAN_IMAGE = "debian:bookworm-slim";
/** What is made here where Docker Hub is out of reach. Under a name of its own: it is not what Docker Hub calls that. */
const OWN_BASE = "slipway.local/debian:bookworm";
/** A registry that is there begins to send within this time. */
const PULL_IDLE_MS = 15_000;
const DEBOOTSTRAP_TIMEOUT_MS = 15 * 60_000;

/**
 * An image of Debian on this Engine: the one that is there, else Docker Hub's, else, as root on Debian or Ubuntu, one that
 * debootstrap makes from Debian's packages.
 * @throws {Error} with what to type.
 */
export async function debianBase(engine: Docker, say: (line: string) => void): Promise<string> {
  for (const reference of [DEBIAN_IMAGE, OWN_BASE]) if (await isPresent(engine, reference)) return reference;
  say(`Pulling ${DEBIAN_IMAGE}.`);
  try {
    await followBuild(await engine.pull(DEBIAN_IMAGE), PULL_IDLE_MS);
    return DEBIAN_IMAGE;
  } catch (error) {
    const cause = (error as Error).message;
    if (process.getuid?.() !== 0 || !isDebian()) throw new Error(unreachable(cause));
    say(`Docker Hub is out of reach (${cause}).`);
  }
  if (findProgram("debootstrap") === undefined) installPackages(["debootstrap"], say);
  say("Making a base image with debootstrap from Debian's packages; this takes a minute.");
  await bootstrap(engine);
  return OWN_BASE;
}

async function isPresent(engine: Docker, reference: string): Promise<boolean> {
  try {
    await engine.getImage(reference).inspect();
    return true;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return false;
    throw error;
  }
}

async function bootstrap(engine: Docker): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-debian-"));
  try {
    const { status, stdout, error } = spawnSync(
      findProgram("debootstrap") ?? "debootstrap",
      ["--variant=minbase", "bookworm", folder, "http://deb.debian.org/debian"],
      { encoding: "utf8", timeout: DEBOOTSTRAP_TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 },
    );
    if (status !== 0) {
      const said = stdout.trim().split("\n").slice(-5).join("\n");
      throw new Error(unreachable(`debootstrap failed (${error?.message ?? `exit code ${status}`}):\n${said}`));
    }
    const tar = spawn("tar", ["-C", folder, "--exclude=./var/cache/apt/archives/*.deb", "-c", "."], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(tar, "exit");
    const [repo, tag] = OWN_BASE.split(":");
    const options = { repo, tag };
    await followBuild(await engine.importImage(tar.stdout as unknown as string, options), DEBOOTSTRAP_TIMEOUT_MS);
    await ended;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function unreachable(cause: string): string {
  return `there is no Debian to build from: ${cause}
Mend the network, or bring the image from a machine that has one:
  docker pull ${DEBIAN_IMAGE} && docker save ${DEBIAN_IMAGE} -o debian.tar     (there)
  docker load -i debian.tar                                                     (here)`;
}
