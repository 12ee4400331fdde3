import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { buildQuickstartImage } from "../../examples/quickstart/build-image.ts";
import { API_VERSION } from "../../src/api/v1alpha1/index.ts";
import { Installation } from "../support/installation.ts";
import { listen } from "../support/listen.ts";
import { connectClient, type McpClient } from "../support/mcp/clients.ts";
import { ensureEveryFeatureImage, startEveryFeature } from "../support/mcp/every-feature.ts";
import { startEverything } from "../support/mcp/everything.ts";
import { BIG_CHARACTERS, FEATURES, type FeatureName, notified, offers } from "../support/mcp/features.ts";
import { PLACES, type Place } from "../support/mcp/places.ts";

jest.setTimeout(240_000);

const GUIDE = join(import.meta.dirname, "../../docs/guides/gateway.md");
const STATELESS = "2026-07-28";
const CLIENTS = [
  { kind: "v1 streamable", revision: undefined },
  { kind: "v2 legacy", revision: "2025-11-25" },
  { kind: "v2 auto", revision: STATELESS },
  { kind: "v2 pinned", revision: STATELESS },
] as const;
type Client = (typeof CLIENTS)[number];
const NAMES = Object.keys(FEATURES) as FeatureName[];

/** What cannot be, and what is there instead. */
interface Limit {
  readonly feature: FeatureName;
  readonly applies: (place: Place, client: Client) => boolean;
  /** As the guide's table has it. */
  readonly mark: string;
  readonly instead: (client: McpClient) => Promise<void>;
}

const LIMITS: readonly Limit[] = [
  {
    feature: "logging",
    // Earlier servers log to a session, and a message says nothing of the request that it is about.
    applies: ({ program }, { revision }) => program === "everything" && revision === STATELESS,
    mark: "clients of 2025 ¹",
    async instead(client) {
      expect(offers(client, "logging")).toBe(false);
      // The server logs who subscribes.
      await (await client.v2?.listen({ resourceSubscriptions: ["demo://logged"] }))?.close();
      expect(notified(client, "notifications/message")).toEqual([]);
    },
  },
  {
    feature: "logging",
    // A message says nothing of the request that it is about, and all clients have one pipe.
    applies: ({ program, transport }) => program === "every-feature" && transport === "stdio",
    mark: "no ²",
    async instead(client) {
      expect(offers(client, "logging")).toBe(false);
      const _meta = { "io.modelcontextprotocol/logLevel": "debug" };
      await client.call("tools/call", { name: "logs", arguments: { message: "to nobody" }, _meta });
      expect(notified(client, "notifications/message")).toEqual([]);
      if (client.protocolVersion === STATELESS) return;
      await expect(client.call("logging/setLevel", { level: "debug" })).rejects.toThrow();
    },
  },
];

function limitOf(feature: FeatureName, place: Place, client: Client): Limit | undefined {
  return LIMITS.find((limit) => limit.feature === feature && limit.applies(place, client));
}

/** What was found, by feature: "works", a limit's mark, or what went wrong. */
type Row = Readonly<Record<string, string>>;

describe("a client uses a server", () => {
  const stack = new AsyncDisposableStack();
  const rows = new Map<string, Promise<Row>>();
  let slipway: Installation;
  let bigFileFor: (place: Place) => Promise<string>;

  beforeAll(async () => {
    const [everything, everyFeature] = await Promise.all([
      startEverything("streamableHttp"),
      startEveryFeature(),
      buildQuickstartImage(() => undefined),
      ensureEveryFeatureImage(),
    ]);
    stack.use(everything);
    stack.use(everyFeature);
    bigFileFor = await serveBigFile();
    slipway = stack.use(await Installation.start());
    stack.defer(() => slipway.end());
    const urls = { everything: everything.url, "every-feature": everyFeature.url };
    for (const place of PLACES) {
      let before: Promise<unknown> = deploy(place, urls);
      for (const client of CLIENTS) {
        // One after the other: callers without a token are one caller, whose requests share what it has at a server.
        const row = before.then(() => converse(place, client));
        // Its test tells.
        before = row.catch(() => undefined);
        rows.set(keyOf(place, client), row);
      }
    }
  });
  afterAll(() => stack.disposeAsync());

  async function deploy({ name, spec }: Place, urls: Parameters<Place["spec"]>[0]): Promise<void> {
    await slipway.kubectl.apply({
      ...{ apiVersion: API_VERSION, kind: "RuntimeDeployment", metadata: { name, namespace: "default" } },
      spec: { health: { periodSeconds: 5, timeoutSeconds: 10 }, ...spec(urls) },
    });
    await slipway.untilPhase(name, "Connected", { timeoutMs: 120_000 });
  }

  /** A file that does not compress, where containers find it, too. */
  async function serveBigFile(): Promise<typeof bigFileFor> {
    const content = randomBytes(0.8 * BIG_CHARACTERS);
    const files = createServer((_request, response) => void response.end(content));
    const [, port] = (await listen(files, 0, "0.0.0.0")).split(":");
    stack.defer(() => void files.close());
    return async ({ name, where }) => {
      if (where !== "container") return `http://127.0.0.1:${port}/`;
      const { NetworkSettings } = await (await slipway.container(name)).inspect();
      return `http://${Object.values(NetworkSettings.Networks)[0]?.Gateway}:${port}/`;
    };
  }

  async function converse(place: Place, kind: Client): Promise<Row> {
    const { status } = await slipway.get(place.name);
    await using client = await connectClient(kind.kind, String(status?.url));
    expect(client.protocolVersion).toBe(kind.revision);
    // Servers that listen take no requests of 8 MB.
    const bigFile = place.transport === "stdio" ? {} : { bigFile: await bigFileFor(place) };
    const talk = async (feature: FeatureName) => {
      const limit = limitOf(feature, place, kind);
      try {
        if (limit) await limit.instead(client);
        else await FEATURES[feature]({ client, server: place.program, ...bigFile });
        return [feature, limit?.mark ?? "works"] as const;
      } catch (error) {
        return [feature, (error as Error).message] as const;
      }
    };
    // One after the other: who can be asked has a server of 2025 for each call at a time, and starting those takes longest.
    const found: (readonly [string, string])[] = [];
    for (const feature of NAMES) found.push(await talk(feature));
    return Object.fromEntries(found);
  }

  const cells = PLACES.flatMap((place) => CLIENTS.map((client) => ({ place, client })));
  const titles = cells.map(({ place, client }) => ({
    ...{ place, client, kind: client.kind, where: place.where, transport: place.transport, server: place.program },
  }));

  it.each(titles)("$kind at $server, $where, $transport", async ({ place, client }) => {
    const wanted = NAMES.map((name) => [name, limitOf(name, place, client)?.mark ?? "works"]);
    expect(await rows.get(keyOf(place, client))).toEqual(Object.fromEntries(wanted));
  });

  it("as the guide has it", async () => {
    const found = await Promise.all(PLACES.map((place) => lineOf(place)));
    const header = ["Server of", "It runs as", ...NAMES];
    const table = [header, header.map(() => "---"), ...found].map((line) => `| ${line.join(" | ")} |`).join("\n");
    expect(readFileSync(GUIDE, "utf8")).toContain(`\n${table}\n`);
  });

  async function lineOf(place: Place): Promise<string[]> {
    const found = await Promise.all(CLIENTS.map((client) => rows.get(keyOf(place, client))));
    const words = NAMES.map((name) => found.find((row) => row?.[name] !== "works")?.[name] ?? "yes");
    const revision = place.program === "everything" ? "2025" : "2026";
    return [revision, `${place.where}, ${place.transport}`, ...words];
  }
});

function keyOf(place: Place, { kind }: Client): string {
  return `${place.name} ${kind}`;
}
