import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { buildQuickstartImage, QUICKSTART_IMAGE } from "../../examples/quickstart/build-image.ts";
import { API_VERSION } from "../../src/api/v1alpha1/index.ts";
import { Installation } from "../support/installation.ts";
import { type ClientKind, connectClient } from "../support/mcp/clients.ts";
import { EVERY_FEATURE } from "../support/mcp/every-feature.ts";
import { EVERYTHING } from "../support/mcp/everything.ts";
import { callTool, type ServerProgram } from "../support/mcp/features.ts";
import { ofImage, ofProcess } from "../support/mcp/places.ts";

jest.setTimeout(240_000);

const CLIENTS = 50;
const CALLS = 8;
const KINDS: readonly ClientKind[] = ["v1 streamable", "v2 legacy", "v2 auto", "v2 pinned"];

interface Crowded {
  readonly name: string;
  readonly server: ServerProgram;
  readonly spec: object;
  /** Who can be asked has a server of 2025 for itself, and then there is nothing to cross. */
  readonly capabilities?: object;
}

const SERVERS: readonly Crowded[] = [
  { name: "process-of-2025", server: "everything", spec: ofProcess(EVERYTHING), capabilities: {} },
  { name: "process-of-2026", server: "every-feature", spec: ofProcess(EVERY_FEATURE) },
  { name: "http-of-2025", server: "everything", spec: ofImage(QUICKSTART_IMAGE), capabilities: {} },
];

describe(`${CLIENTS} clients of all kinds at once`, () => {
  let slipway: Installation;

  beforeAll(async () => {
    await buildQuickstartImage(() => undefined);
    slipway = await Installation.start();
    const deployed = SERVERS.map(async ({ name, spec }) => {
      const metadata = { name, namespace: "default" };
      await slipway.kubectl.apply({ apiVersion: API_VERSION, kind: "RuntimeDeployment", metadata, spec });
      await slipway.untilPhase(name, "Connected");
    });
    await Promise.all(deployed);
  });
  afterAll(async () => {
    await slipway?.end();
    await slipway?.[Symbol.asyncDispose]();
  });

  it.each(SERVERS)(
    "have their own answers, and nothing of another's, of $name",
    async ({ name, server, capabilities }) => {
      const { status } = await slipway.get(name);
      const crowd = await Promise.all(
        Array.from({ length: CLIENTS }, (_, index) => {
          const kind = KINDS[index % KINDS.length] ?? "v2 auto";
          return connectClient(kind, String(status?.url), {}, capabilities);
        }),
      );
      const marks = crowd.map((_, index) => `client-${index}-${randomUUID()}`);
      await Promise.all(
        crowd.map(async (client, index) => {
          const mark = marks[index] ?? "";
          const echoes = Array.from({ length: CALLS }, async (_, call) => {
            const message = `${mark} ${call} ${"x".repeat(call * 1_000)}`;
            expect(await callTool(client, "echo", { message })).toBe(`Echo: ${message}`);
          });
          let progress = 0;
          const onProgress = () => {
            progress += 1;
          };
          const steps =
            server === "everything"
              ? callTool(client, "trigger-long-running-operation", { duration: 0.5, steps: 3 }, { onProgress })
              : callTool(client, "steps", {}, { onProgress });
          await Promise.all([...echoes, steps]);
          expect(progress).toBe(3);
        }),
      );
      for (const [index, { recorded }] of crowd.entries()) {
        const received = JSON.stringify(recorded.filter(({ way }) => way === "received"));
        expect(marks.filter((mark) => received.includes(mark))).toEqual([marks[index]]);
      }
      await Promise.all(crowd.map((client) => client[Symbol.asyncDispose]()));
      expect((await slipway.get(name)).status?.workload?.restartCount).toBe(0);
    },
  );
});
