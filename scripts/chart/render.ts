import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join, resolve } from "node:path";
import { installPackages } from "../engine/debian-packages.ts";
import { findProgram, isDebian } from "../engine/machine.ts";
import { CHART, type Values } from "./values.ts";

/** The program that renders charts as Helm does. */
export const RENDERER = "test/support/helm-render";
/** Of Debian: what it is built with. */
const PACKAGES = ["golang-go", "golang-github-masterminds-sprig-dev", "golang-k8s-sigs-yaml-dev"];
/** Where these put the sources of libraries. */
const GOPATH = "/usr/share/gocode";
const LIBRARIES = ["github.com/Masterminds/sprig", "sigs.k8s.io/yaml"];
const CACHE = ".cache";
const BUILD_TIMEOUT_MS = 5 * 60_000;
const RENDER_TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

export interface Rendering {
  /** The folder of another chart than Slipway's. */
  readonly chart?: string;
  /** Complete and valid: `mergedValues` makes them. */
  readonly values: Values;
  readonly namespace?: string;
  readonly releaseName?: string;
  /** Who will manage what is made, as its label says. */
  readonly service?: string;
  readonly isUpgrade?: boolean;
}

/** The chart's templates by their path, without those that made nothing. @throws {Error} with what a template said. */
export function renderChart({
  chart = CHART,
  values,
  namespace = "slipway-system",
  releaseName = "slipway",
  service = "Helm",
  isUpgrade = false,
}: Rendering): Readonly<Record<string, string>> {
  const request = {
    chart: resolve(chart),
    values,
    release: {
      ...{ Name: releaseName, Namespace: namespace, Service: service },
      ...{ IsInstall: !isUpgrade, IsUpgrade: isUpgrade, Revision: isUpgrade ? 2 : 1 },
    },
    kubeVersion: "v1.30.0",
    apiVersions: ["v1", "apps/v1"],
  };
  const output = execFileSync(renderer(), {
    input: JSON.stringify(request),
    encoding: "utf8",
    timeout: RENDER_TIMEOUT_MS,
    maxBuffer: MAX_OUTPUT_BYTES,
    stdio: ["pipe", "pipe", "pipe"],
  });
  return JSON.parse(output) as Record<string, string>;
}

/** Built once for each state of its source. */
function renderer(): string {
  const sources = globSync(`${RENDERER}/*.go`).sort();
  const hash = createHash("sha256");
  for (const source of sources) hash.update(readFileSync(source));
  const program = resolve(CACHE, `helm-render-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(program)) return program;
  requireGo();
  mkdirSync(CACHE, { recursive: true });
  const made = `${program}.${process.pid}`;
  execFileSync("go", ["build", "-trimpath", "-o", made, "."], {
    cwd: RENDERER,
    env: { ...process.env, GO111MODULE: "off", GOPATH, GOCACHE: join(resolve(CACHE), "go-build") },
    timeout: BUILD_TIMEOUT_MS,
    stdio: ["ignore", "ignore", "inherit"],
  });
  renameSync(made, program);
  return program;
}

/** @throws {Error} with what to install. */
function requireGo(): void {
  const isThere =
    findProgram("go") !== undefined && LIBRARIES.every((library) => existsSync(join(GOPATH, "src", library)));
  if (isThere) return;
  if (process.getuid?.() !== 0 || !isDebian()) {
    throw new Error(`rendering the chart needs Go; on Debian:  sudo apt-get install -y ${PACKAGES.join(" ")}`);
  }
  installPackages(PACKAGES, console.log);
}
