import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { buildQuickstartImage } from "../../examples/quickstart/build-image.ts";
import { CodeEngineEmulator } from "../support/code-engine/emulator.ts";
import { PlainClient } from "../support/code-engine/plain-client.ts";
import { codeEngineBackend, quickstartOnCodeEngine } from "../support/code-engine-manifests.ts";
import { eventually } from "../support/eventually.ts";
import { conditionOf, Installation } from "../support/installation.ts";

jest.setTimeout(240_000);

const PATIENCE = { timeoutMs: 120_000 };
const SUBDOMAIN = `\${${"CE_SUBDOMAIN"}}`;

describe("two servers in one project", () => {
  let emulator: CodeEngineEmulator;
  let slipway: Installation;
  let admin: PlainClient;
  let home: string;

  beforeAll(async () => {
    await buildQuickstartImage(() => undefined);
    emulator = await CodeEngineEmulator.start({ docker: "real" });
    home = `/projects/${emulator.createProject({ name: "tools" }).id}`;
    admin = new PlainClient(emulator.handlers, emulator.createApiKey());
    slipway = await Installation.start();
    await slipway.kubectl.apply(...codeEngineBackend({ emulator, apiKey: emulator.createApiKey() }));
  });
  afterAll(async () => {
    await slipway?.[Symbol.asyncDispose]();
    await emulator?.[Symbol.asyncDispose]();
  });

  async function appOf(name: string): Promise<Record<string, unknown>> {
    const { status } = await slipway.get(name);
    return (await admin.get(`${home}/apps/${status?.workload?.id}`)).body;
  }

  /** Variables of the containers that really run for a deployment. */
  async function variables(name: string): Promise<readonly string[]> {
    const { status } = await slipway.get(name);
    const found: string[] = [];
    for (const { Id } of await slipway.engine.listContainers()) {
      // Others come and go on the same Engine.
      const about = await slipway.engine
        .getContainer(Id)
        .inspect()
        .catch(() => undefined);
      const env = about?.Config.Env ?? [];
      if (env.includes(`CE_APP=${status?.workload?.id}`)) found.push(...env);
    }
    return found;
  }

  it("know each other by their addresses inside their containers, also where the other one comes later", async () => {
    const env = [{ name: "PEER", value: `http://peer.${SUBDOMAIN}.svc.cluster.local/mcp` }];
    await slipway.kubectl.apply(quickstartOnCodeEngine("caller", { env, dependencies: ["peer"] }));
    const alone = await slipway.untilPhase("caller", "Running", PATIENCE);
    expect(conditionOf(alone.status, "Accepted")?.message).toContain("there is no RuntimeDeployment peer");
    const kubeconfig = ["--kubeconfig", slipway.kubectl.kubeconfig];
    const { stdout } = await slipway.process.command("status", "caller", ...kubeconfig);
    expect(stdout).toContain("there is no RuntimeDeployment peer");

    await slipway.kubectl.apply(quickstartOnCodeEngine("peer"));
    await slipway.untilPhase("peer", "Running", PATIENCE);
    const { endpoint_internal } = await appOf("peer");
    const wanted = `PEER=${endpoint_internal}/mcp`;
    await eventually("its container knows the address", async () => (await variables("caller")).includes(wanted), {
      ...PATIENCE,
      explain: async () => JSON.stringify(await variables("caller")),
    });
    const after = await slipway.until(
      "caller",
      ({ status }) => conditionOf(status, "Accepted")?.message === "the spec can be run",
      PATIENCE,
    );
    expect(after.status?.workload?.restartCount).toBe(0);
    expect(after.metadata.generation).toBe(alone.metadata.generation);
  });

  it("stay what they are when Slipway starts again", async () => {
    const revision = async () => (await appOf("caller")).status_details as Record<string, unknown>;
    const { latest_created_revision: before } = await revision();
    await slipway.process.terminate();
    await slipway.process.start();
    await slipway.patch("caller", { spec: { dependencies: [] } });
    await slipway.until("caller", ({ metadata, status }) => status?.observedGeneration === metadata.generation);
    expect((await revision()).latest_created_revision).toBe(before);
  });
});
