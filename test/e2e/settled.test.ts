import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { secrets } from "../../src/api/core.ts";
import { eventually } from "../support/eventually.ts";
import { ensureMcpImage } from "../support/images.ts";
import { Installation, SANDBOXED } from "../support/installation.ts";

jest.setTimeout(180_000);

const RECONCILES = 100;

describe("a deployment that has settled", () => {
  let slipway: Installation;

  beforeAll(async () => {
    await ensureMcpImage();
    slipway = await Installation.start();
    await slipway.kubectl.run(["create", "secret", "generic", "settings", "--from-literal=TOOLS=a,b"]);
  });
  afterAll(async () => {
    await slipway?.[Symbol.asyncDispose]();
  });

  it(`is not written, though it is probed every second and reconciled ${RECONCILES} times`, async () => {
    await slipway.deploy("calm", { ...SANDBOXED, envFrom: [{ secretRef: { name: "settings" } }] });
    await slipway.untilPhase("calm", "Connected");
    // The last writes of the start, such as the end of Reconciling, may still be under way.
    await eventually("the deployment has settled", async () => (await slipway.countWrites("calm", 2_000)) === 0);
    const before = await slipway.get("calm");
    const { id } = await slipway.container("calm");
    const reconciledBefore = await reconciles();

    // Each touch of a Secret that it refers to is a reconcile of its own, since it waits for the one before.
    for (let touch = 1; touch <= RECONCILES; touch += 1) {
      await touchSecret(touch);
      const wanted = reconciledBefore + touch;
      await eventually(`${touch} reconciles`, async () => (await reconciles()) >= wanted, { everyMs: 10 });
    }

    const after = await slipway.get("calm");
    expect(after.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    expect((await slipway.container("calm")).id).toBe(id);
    expect(after.status).toMatchObject({ phase: "Connected", workload: { restartCount: 0 } });
  });

  async function touchSecret(touch: number): Promise<void> {
    const client = await slipway.client();
    const body = { metadata: { annotations: { touch: String(touch) } } };
    await client.patch(secrets, { namespace: "default", name: "settings" }, { type: "merge", body });
  }

  /** Reconciles of RuntimeDeployments so far, from the controller's metrics. */
  async function reconciles(): Promise<number> {
    const response = await fetch(`${slipway.process.endpoints.metrics}/metrics`, {
      signal: AbortSignal.timeout(10_000),
    });
    const lines = (await response.text()).split("\n");
    const counts = lines.filter((line) => /^slipway_reconcile\w*_total\{[^}]*runtime-?deployment/i.test(line));
    if (counts.length === 0) throw new Error("no metric counts the reconciles of RuntimeDeployments");
    return counts.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  }
});
