import { afterAll, beforeAll, expect, it, jest } from "@jest/globals";
import { CodeEngineEmulator } from "../support/code-engine/emulator.ts";
import { PlainClient } from "../support/code-engine/plain-client.ts";
import { DEFAULT_QUOTAS } from "../support/code-engine/settings.ts";
import { codeEngineBackend, quickstartOnCodeEngine } from "../support/code-engine-manifests.ts";
import { eventually } from "../support/eventually.ts";
import { conditionOf, Installation, readyOf } from "../support/installation.ts";

jest.setTimeout(120_000);

let emulator: CodeEngineEmulator;
let slipway: Installation;
let admin: PlainClient;
let apps: string;

beforeAll(async () => {
  emulator = await CodeEngineEmulator.start({ docker: "simulated" });
  const project = emulator.createProject({ name: "tools" });
  const apiKey = emulator.createApiKey();
  admin = new PlainClient(emulator.handlers, apiKey);
  apps = `/projects/${project.id}/apps`;
  slipway = await Installation.start();
  await slipway.kubectl.apply(...codeEngineBackend({ emulator, apiKey }));
});
afterAll(async () => {
  await slipway?.[Symbol.asyncDispose]();
  await emulator?.[Symbol.asyncDispose]();
});

it("names the quota that the 41st app meets, waits instead of trying on, and runs once there is room", async () => {
  for (let count = 0; count < DEFAULT_QUOTAS.apps; count++)
    await admin.post(apps, { name: `other-${count}`, image_reference: "registry.test/other:1" });
  await slipway.kubectl.apply(quickstartOnCodeEngine("late", { exposure: { visibility: "project" } }));

  const refused = await slipway.untilFailing("late", "QuotaExceeded", { timeoutMs: 60_000 });
  expect(refused.message).toContain("the project has 40 apps, and Code Engine lets it have 40");
  const { status } = await slipway.get("late");
  expect(status?.phase).toBe("Error");
  expect(conditionOf(status, "Reconciling")?.reason).toBe("QuotaExceeded");

  emulator.calls.clear();
  await new Promise((resolve) => setTimeout(resolve, 15_000));
  expect(emulator.calls.writes()).toEqual([]);
  expect(emulator.calls.count()).toBeLessThanOrEqual(10);

  await admin.delete(`${apps}/other-0`);
  await eventually("there is room", async () => (await admin.get(`${apps}/other-0`)).status === 404);
  await slipway.patch("late", { spec: { env: [{ name: "AGAIN", value: "yes" }] } });
  const found = await slipway.untilPhase("late", "Running", { timeoutMs: 60_000 });
  expect(readyOf(found)?.reason).toBe("PlatformReady");
});
