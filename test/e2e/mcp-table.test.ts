import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { buildQuickstartImage, QUICKSTART_IMAGE } from "../../examples/quickstart/build-image.ts";
import { packageVersion } from "../../examples/quickstart/packages.ts";
import { engineClient } from "../../scripts/engine/engine-address.ts";
import { API_VERSION } from "../../src/api/v1alpha1/index.ts";
import { eventually } from "../support/eventually.ts";
import { Installation } from "../support/installation.ts";
import { listen } from "../support/listen.ts";
import { type ClientKind, connectClient } from "../support/mcp/clients.ts";
import { EVERY_FEATURE, EVERY_FEATURE_IMAGE, ensureEveryFeatureImage, startEveryFeature } from "../support/mcp/every-feature.ts";
import { EVERYTHING, startEverything } from "../support/mcp/everything.ts";
import { BIG_CHARACTERS, type FeatureName, FEATURES, type ServerProgram } from "../support/mcp/features.ts";

jest.setTimeout(300_000);

const CLIENTS = ["v1 streamable", "v2 legacy", "v2 auto", "v2 pinned"] as const satisfies readonly ClientKind[];
const names = Object.keys(FEATURES) as FeatureName[];

const UNCONFINED = { guardrails: { profile: "unrestricted" }, resources: { cpu: "2", memory: "512Mi" } };
const image = (reference: string) => ({ ...UNCONFINED, source: { image: { reference, pullPolicy: "Never" } } });
const local = (program: string) => ({
  backend: "process",
  source: { process: { command: process.execPath, args: [program, "stdio"] } },
  transport: { type: "stdio" },
});
const npm = "@modelcontextprotocol/server-everything";
const version = packageVersion(npm, new URL("../..", import.meta.url).pathname);
const remote = (url: string) => ({ backend: "remote", source: { remote: { url } } });

interface Server {
  readonly name: string;
  readonly program: ServerProgram;
  readonly place: string;
  readonly spec: (urls: Record<ServerProgram, string>) => object;
}

const SERVERS: readonly Server[] = [
  { name: "e-http", program: "everything", place: "container, streamable-http", spec: () => image(QUICKSTART_IMAGE) },
  {
    ...{ name: "e-sse", program: "everything", place: "container, sse" },
    spec: () => ({ ...image(QUICKSTART_IMAGE), args: ["sse"], transport: { type: "sse", port: 8080 } }),
  },
  {
    ...{ name: "e-stdio", program: "everything", place: "container, stdio" },
    spec: () => ({ ...image(QUICKSTART_IMAGE), args: ["stdio"], transport: { type: "stdio" } }),
  },
  { name: "e-process", program: "everything", place: "process, stdio", spec: () => local(EVERYTHING) },
  {
    ...{ name: "e-package", program: "everything", place: "package, stdio" },
    spec: () => ({ backend: "process", source: { package: { npm, version } }, transport: { type: "stdio" } }),
  },
  {
    ...{ name: "e-remote", program: "everything", place: "remote, streamable-http" },
    spec: (urls) => remote(urls.everything),
  },
  {
    ...{ name: "f-http", program: "every-feature", place: "container, streamable-http" },
    spec: () => image(EVERY_FEATURE_IMAGE),
  },
  {
    ...{ name: "f-stdio", program: "every-feature", place: "container, stdio" },
    spec: () => ({ ...image(EVERY_FEATURE_IMAGE), args: ["stdio"], transport: { type: "stdio" } }),
  },
  { name: "f-process", program: "every-feature", place: "process, stdio", spec: () => local(EVERY_FEATURE) },
  {
    ...{ name: "f-remote", program: "every-feature", place: "remote, streamable-http" },
    spec: (urls) => remote(urls["every-feature"]),
  },
];

describe("clients and servers of both eras, wherever the servers run", () => {
  const stack = new AsyncDisposableStack();
  let slipway: Installation;
  let bigFile: (deployment: string) => Promise<string>;

  beforeAll(async () => {
    const started = performance.now();
    const [everything, everyFeature] = await Promise.all([
      startEverything("streamableHttp"),
      startEveryFeature(),
      buildQuickstartImage(() => undefined),
      ensureEveryFeatureImage(),
    ]);
    stack.use(everything);
    stack.use(everyFeature);
    slipway = stack.use(await Installation.start());
    const urls = { everything: everything.url, "every-feature": everyFeature.url };
    await Promise.all(
      SERVERS.map(async ({ name, spec }) => {
        await slipway.kubectl.apply({
          ...{ apiVersion: API_VERSION, kind: "RuntimeDeployment", metadata: { name, namespace: "default" } },
          spec: { health: { periodSeconds: 5, timeoutSeconds: 10 }, ...spec(urls) },
        });
        await slipway.untilPhase(name, "Connected", { timeoutMs: 120_000 });
        console.log(name, performance.now() - started);
      }),
    );
  }, 240_000);
  afterAll(() => stack.disposeAsync());

  it("all", async () => {
    const t = performance.now();
    const rows: string[] = [];
    const limit = Number(process.env.CONC ?? 6);
    const todo = SERVERS.flatMap((server) => CLIENTS.map((kind) => ({ server, kind })));
    const worker = async () => {
      for (let next = todo.shift(); next; next = todo.shift()) {
        const { server, kind } = next;
        const begun = performance.now();
        try {
          const { status } = await slipway.get(server.name);
          await using client = await connectClient(kind, String(status?.url));
          const outcomes = await Promise.all(
            names.map(async (name) => {
              try {
                await FEATURES[name]({ client, server: server.program });
                return "ok";
              } catch (error) {
                return `${name}: ${(error as Error).message.slice(0, 150)}`;
              }
            }),
          );
          rows.push(`${server.name} ${kind} ${client.protocolVersion} ${Math.round(performance.now() - begun)} ms | ${outcomes.join(" | ")}`);
        } catch (error) {
          rows.push(`${server.name} ${kind} ${(error as Error).stack}`);
        }
      }
    };
    await Promise.all(Array.from({ length: limit }, worker));
    console.log(rows.toSorted().join("\n"), performance.now() - t);
  });
});
