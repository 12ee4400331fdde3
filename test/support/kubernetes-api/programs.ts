import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { installPackages } from "../../../scripts/engine/debian-packages.ts";
import { findProgram, isDebian } from "../../../scripts/engine/machine.ts";

/** Where the program that is built lies: one source file, and the libraries of Kubernetes from Debian. */
const SOURCE = "test/support/kubernetes-api/server";
const CACHE = ".cache";
/** The release of Debian whose packages are of a current Kubernetes. */
const RELEASE = "sid";
const MIRROR = "http://deb.debian.org/debian";
const LIBRARIES = "golang-k8s-apiextensions-apiserver-dev";
const PACKAGES = ["golang-go", LIBRARIES];
/** Hundreds of packages, none of which has to survive a crash or be read by anybody. */
const NOTHING_LASTS = ["--force-unsafe-io", "--path-exclude=/usr/share/doc/*"].flatMap((option) => [
  "-o",
  `Dpkg::Options::=${option}`,
]);
const STEP_TIMEOUT_MS = 40 * 60_000;
const ENVIRONMENT = {
  ...{ PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/build", DEBIAN_FRONTEND: "noninteractive" },
  ...{ GO111MODULE: "off", GOPATH: "/usr/share/gocode", GOCACHE: "/build/cache", CGO_ENABLED: "0" },
};

/** Paths of programs. */
export interface Programs {
  readonly server: string;
  readonly etcd: string;
  /** The version of Debian's package of the libraries, which is that of Kubernetes with 0 for 1: `0.36.4-1`. */
  readonly version: string;
}

/**
 * The server of custom resources of Kubernetes, and etcd. Built once for each state of the source, in a Debian of its own that
 * is removed again: 3 GB for as long as that takes, which is some ten minutes.
 * @throws {Error} with what is missing, or what failed.
 */
export function kubernetesPrograms(say: (line: string) => void): Programs {
  const hash = createHash("sha256");
  for (const file of globSync(`${SOURCE}/*.go`).sort()) hash.update(readFileSync(file));
  const folder = resolve(CACHE, `kubernetes-api-${hash.digest("hex").slice(0, 16)}`);
  if (!existsSync(folder)) build(folder, say);
  return {
    server: join(folder, "server"),
    etcd: join(folder, "etcd"),
    version: readFileSync(join(folder, "version"), "utf8"),
  };
}

function build(folder: string, say: (line: string) => void): void {
  if (process.getuid?.() !== 0 || !isDebian()) {
    throw new Error("building the API server of Kubernetes needs root on Debian or Ubuntu, for debootstrap");
  }
  if (findProgram("debootstrap") === undefined) installPackages(["debootstrap"], say);
  const root = mkdtempSync(join(tmpdir(), "slipway-debian-sid-"));
  const made = `${folder}.${process.pid}`;
  try {
    say(`Making a Debian ${RELEASE} to build in.`);
    run("debootstrap", ["--variant=minbase", RELEASE, root, MIRROR]);
    say(`Installing ${PACKAGES.join(" and ")} in it.`);
    within(root, "/", ["apt-get", "install", "-y", "--no-install-recommends", ...NOTHING_LASTS, ...PACKAGES]);
    // Taken out of its package, which would make a service and a user of it.
    mkdirSync(join(root, "build"));
    within(root, "/build", ["sh", "-c", "apt-get download etcd-server && dpkg -x etcd-server_*.deb etcd"]);
    say("Building the API server of Kubernetes; this takes ten minutes.");
    for (const file of globSync(`${SOURCE}/*.go`)) copyFileSync(file, join(root, "build", "main.go"));
    within(root, "/build", ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", "server", "main.go"]);
    const [, version = ""] = within(root, "/", ["dpkg-query", "-W", LIBRARIES]).trim().split("\t");
    mkdirSync(made, { recursive: true });
    copyFileSync(join(root, "build/server"), join(made, "server"));
    copyFileSync(join(root, "build/etcd/usr/bin/etcd"), join(made, "etcd"));
    writeFileSync(join(made, "version"), version);
    renameSync(made, folder);
  } finally {
    rmSync(root, { recursive: true, force: true });
    rmSync(made, { recursive: true, force: true });
  }
}

/** In that Debian, with a /proc that is gone when the command has ended. */
function within(root: string, folder: string, command: readonly string[]): string {
  const own = ["--mount", "--pid", "--fork", "--kill-child", `--root=${root}`, `--wd=${folder}`, "--mount-proc"];
  return run("unshare", [...own, "nice", ...command], ENVIRONMENT);
}

function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const { status, stdout, stderr, error } = spawnSync(findProgram(program) ?? program, args, {
    encoding: "utf8",
    env: { ...process.env, ...env },
    timeout: STEP_TIMEOUT_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status === 0) return stdout;
  const said = `${stdout ?? ""}${stderr ?? ""}`.trim().split("\n").slice(-20).join("\n");
  throw new Error(`${program} ${args.join(" ")} failed (${error?.message ?? `exit code ${status}`}):\n${said}`);
}
