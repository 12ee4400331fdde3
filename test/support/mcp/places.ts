import { join } from "node:path";
import { QUICKSTART_IMAGE } from "../../../examples/quickstart/build-image.ts";
import { packageVersion } from "../../../examples/quickstart/packages.ts";
import { EVERY_FEATURE, EVERY_FEATURE_IMAGE } from "./every-feature.ts";
import { EVERYTHING } from "./everything.ts";
import type { ServerProgram } from "./features.ts";

const NPM = "@modelcontextprotocol/server-everything";
const VERSION = packageVersion(NPM, join(import.meta.dirname, "../../.."));
const UNCONFINED = { guardrails: { profile: "unrestricted" }, resources: { cpu: "2", memory: "512Mi" } };
const STDIO = { args: ["stdio"], transport: { type: "stdio" } };

/** Fields of a spec that run an image, over HTTP unless told otherwise. */
export const ofImage = (reference: string): Record<string, unknown> & { source: object } => ({
  ...UNCONFINED,
  source: { image: { reference, pullPolicy: "Never" } },
});

/** A program of Node as a process that speaks over its pipes. */
export const ofProcess = (program: string, ...args: string[]): Record<string, unknown> & { source: object } => ({
  backend: "process",
  // What a confined process starts in it sees, also where this checkout lies in /tmp.
  source: { process: { command: process.execPath, args: [program, "stdio", ...args], workingDir: process.cwd() } },
  transport: { type: "stdio" },
});

/** A server that listens already. */
export const ofRemote = (url: string): Record<string, unknown> & { source: object } => ({
  backend: "remote",
  source: { remote: { url } },
});

/** A server, where it runs and how it is reached there. */
export interface Place {
  readonly name: string;
  readonly program: ServerProgram;
  readonly where: "container" | "process" | "package" | "remote";
  readonly transport: "streamable-http" | "sse" | "stdio";
  /** `urls`: of those that run before. */
  readonly spec: (urls: Readonly<Record<ServerProgram, string>>) => object;
}

/** Both programs everywhere where they can run: there is no sse in revision 2026-07-28, and only one of them is on npm. */
export const PLACES: readonly Place[] = [
  {
    ...{ name: "earlier-http", program: "everything", where: "container", transport: "streamable-http" },
    spec: () => ofImage(QUICKSTART_IMAGE),
  },
  {
    ...{ name: "earlier-sse", program: "everything", where: "container", transport: "sse" },
    spec: () => ({ ...ofImage(QUICKSTART_IMAGE), args: ["sse"], transport: { type: "sse", port: 8080 } }),
  },
  {
    ...{ name: "earlier-stdio", program: "everything", where: "container", transport: "stdio" },
    spec: () => ({ ...ofImage(QUICKSTART_IMAGE), ...STDIO }),
  },
  {
    ...{ name: "earlier-process", program: "everything", where: "process", transport: "stdio" },
    spec: () => ofProcess(EVERYTHING),
  },
  {
    ...{ name: "earlier-package", program: "everything", where: "package", transport: "stdio" },
    spec: () => ({
      backend: "process",
      source: { package: { npm: NPM, version: VERSION } },
      transport: { type: "stdio" },
    }),
  },
  {
    ...{ name: "earlier-remote", program: "everything", where: "remote", transport: "streamable-http" },
    spec: (urls) => ofRemote(urls.everything),
  },
  {
    ...{ name: "later-http", program: "every-feature", where: "container", transport: "streamable-http" },
    spec: () => ofImage(EVERY_FEATURE_IMAGE),
  },
  {
    ...{ name: "later-stdio", program: "every-feature", where: "container", transport: "stdio" },
    spec: () => ({ ...ofImage(EVERY_FEATURE_IMAGE), ...STDIO }),
  },
  {
    ...{ name: "later-process", program: "every-feature", where: "process", transport: "stdio" },
    spec: () => ofProcess(EVERY_FEATURE),
  },
  {
    ...{ name: "later-remote", program: "every-feature", where: "remote", transport: "streamable-http" },
    spec: (urls) => ofRemote(urls["every-feature"]),
  },
];
