import { describe, expect, it } from "@jest/globals";
import { startTestApiServer } from "../support/api-server.ts";
import { PlainClient } from "../support/code-engine/plain-client.ts";
import { CodeEngineWorld } from "../support/code-engine-under-test.ts";
import { Kubectl } from "../support/kubectl.ts";
import { secretWatch } from "../support/secrets/secret-watch.ts";

const PASSWORD = "registry-password-0123";

describe("the watch for secrets", () => {
  it.each<{ because: string; secretOf: (world: CodeEngineWorld) => Promise<string>; what: string }>([
    { because: "an API key", secretOf: async ({ apiKey }) => apiKey, what: "an API key" },
    {
      because: "a token",
      secretOf: ({ emulator, apiKey }) => new PlainClient(emulator.handlers, apiKey).token(),
      what: "a token of IAM",
    },
    {
      because: "a registry's password",
      async secretOf({ emulator, apiKey, project }) {
        const data = { server: "icr.io", username: "iamapikey", password: PASSWORD };
        const secret = { name: "r", format: "registry", data };
        await new PlainClient(emulator.handlers, apiKey).post(`/projects/${project.id}/secrets`, secret);
        return PASSWORD;
      },
      what: "password of a registry secret",
    },
  ])("knows of each emulator $because, and reads each log", async ({ secretOf, what }) => {
    await using world = await CodeEngineWorld.start();
    const secret = await secretOf(world);
    secretWatch.settle();
    world.log.logger.debug("sent", { request: { headers: { authorization: `Bearer ${secret}` } } });
    expect(() => secretWatch.settle()).toThrow(`a debug line of a log shows ${what}, as plain`);
    world.log.lines.length = 0;
    secretWatch.settle();
  });

  it("reads the errors and the health of each backend", async () => {
    await using world = await CodeEngineWorld.start();
    // A project whose name is a secret shows up wherever the name is told.
    const project = { name: world.apiKey };
    const backend = world.backend({ spec: world.spec({ project }) });
    secretWatch.settle();
    await backend.health(AbortSignal.timeout(10_000));
    expect(() => secretWatch.settle()).toThrow("an answer of backend.health shows an API key");
    await backend.observe({ uid: "u", namespace: "n", name: "x" }, AbortSignal.timeout(10_000)).catch(() => undefined);
    expect(() => secretWatch.settle()).toThrow("an error of backend.observe shows an API key");
    secretWatch.forget();
  });

  it("reads what an API server shows, when it is disposed of", async () => {
    await using world = await CodeEngineWorld.start();
    const api = await startTestApiServer();
    const metadata = { name: "leaky", namespace: "default" };
    const data = { url: `https://me:${encodeURIComponent(world.apiKey)}@example.com` };
    await new Kubectl(api.kubeconfig).apply({ apiVersion: "v1", kind: "ConfigMap", metadata, data });
    await expect(api[Symbol.asyncDispose]()).rejects.toThrow("ConfigMap default/leaky shows an API key");
  });
});
