import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { RuntimeDeployment } from "../../src/api/v1alpha1/index.ts";
import { getCondition } from "../../src/machinery/conditions.ts";
import { connectMcp } from "../support/context-forge/connect-mcp.ts";
import { FakeContextForge } from "../support/context-forge/fake-context-forge.ts";
import { eventually } from "../support/eventually.ts";
import { ensureMcpImage } from "../support/images.ts";
import { Installation } from "../support/installation.ts";

jest.setTimeout(180_000);

/** The real program and real containers, with a ContextForge that connects through Slipway's gateway, which asks for tokens. */
describe("registration with an external gateway", () => {
  let forge: FakeContextForge;
  let slipway: Installation;

  beforeAll(async () => {
    await ensureMcpImage();
    forge = await FakeContextForge.start({ connect: connectMcp });
    slipway = await Installation.start({ args: ["--gateway-access", "token"] });
    const { kubectl } = slipway;
    await kubectl.run(["create", "serviceaccount", "contextforge"]);
    const binding = ["--clusterrole=slipway-user", "--serviceaccount=default:contextforge"];
    await kubectl.run(["create", "rolebinding", "contextforge", ...binding]);
    const serverToken = (await kubectl.run(["create", "token", "contextforge", "--duration=1h"])).trim();
    await slipway.kubectl.apply(
      {
        ...{ apiVersion: "v1", kind: "Secret", metadata: { name: "contextforge", namespace: "default" } },
        stringData: { token: forge.token, "server-token": serverToken },
      },
      {
        ...{ apiVersion: "slipway.dev/v1alpha1", kind: "McpGateway", metadata: { name: "contextforge" } },
        spec: {
          type: "contextforge",
          url: forge.url,
          tokenSecretRef: { namespace: "default", name: "contextforge", key: "token" },
          serverTokenSecretRef: { namespace: "default", name: "contextforge", key: "server-token" },
        },
      },
    );
    await slipway.kubectl.run(["wait", "mcpgateway/contextforge", "--for=condition=Available", "--timeout=30s"]);
  });
  afterAll(async () => {
    await slipway?.[Symbol.asyncDispose]();
    await forge?.[Symbol.asyncDispose]();
  });

  const deploy = (name: string, desiredState = "Running") =>
    slipway.deploy(name, {
      guardrails: { profile: "unrestricted" },
      env: [{ name: "TOOLS", value: "one,two" }],
      registerWith: [{ name: "contextforge" }],
      desiredState,
    });
  const reasonOf = ({ status }: RuntimeDeployment) => getCondition(status?.conditions, "Registered")?.reason;
  const untilRegistered = (name: string, reason = "Registered") =>
    slipway.until(name, (deployment) => reasonOf(deployment) === reason);

  it("follows a deployment from its first Ready to its end, over the death of the controller", async () => {
    await deploy("web");
    await untilRegistered("web");
    const gateway = slipway.process.endpoints.gateway.replace("127.0.0.1", "localhost");
    const [entry] = forge.entries.values();
    expect(entry).toMatchObject({
      name: "default.web",
      url: `${gateway}/default/web/mcp`,
      toolCount: 2,
      enabled: true,
    });
    expect(await slipway.kubectl.run(["get", "mgw", "contextforge"])).toMatch(/contextforge +True/);

    const metrics = await (await fetch(`${slipway.process.endpoints.metrics}/metrics`)).text();
    expect(metrics).toContain('slipway_registrations{gateway="contextforge",active="true"} 1');
    const { resourceVersion } = (await slipway.get("web")).metadata;
    await sleep(3_000);
    expect((await slipway.get("web")).metadata.resourceVersion).toBe(resourceVersion);

    await deploy("web", "Stopped");
    await untilRegistered("web", "RegistrationInactive");
    expect(forge.entries.get(entry?.id ?? "")?.enabled).toBe(false);
    await deploy("web");
    await untilRegistered("web");
    expect(forge.entries.get(entry?.id ?? "")?.enabled).toBe(true);

    await slipway.process.kill9();
    await slipway.process.start();
    const moved = slipway.process.endpoints.gateway.replace("127.0.0.1", "localhost");
    await eventually("the entry has today's URL", async () => {
      const [only, ...others] = forge.entries.values();
      return only?.id === entry?.id && only?.url === `${moved}/default/web/mcp` && others.length === 0;
    });
    const { workload } = (await slipway.get("web")).status ?? {};
    await slipway.patch("web", { spec: { registerWith: [] } });
    await slipway.until(
      "web",
      ({ metadata, status }) =>
        reasonOf({ status } as RuntimeDeployment) === undefined && status?.observedGeneration === metadata.generation,
    );
    expect([...forge.entries.values()]).toEqual([]);
    expect((await slipway.get("web")).status?.workload?.id).toBe(workload?.id);
    await slipway.patch("web", { spec: { registerWith: [{ name: "contextforge" }] } });
    await untilRegistered("web");
    await slipway.remove("web");
    expect([...forge.entries.values()]).toEqual([]);
  });

  it("makes one entry where the answer to the first attempt is lost, and takes nobody else's", async () => {
    forge.fail("POST", "lost answer");
    const theirs = forge.add({ name: "default.taken", url: "http://elsewhere.test/mcp" });
    await deploy("lost");
    await deploy("taken");
    await untilRegistered("lost");
    await untilRegistered("taken", "RegistrationConflict");
    expect([...forge.entries.values()].map(({ name }) => name).sort()).toEqual(["default.lost", "default.taken"]);
    expect(forge.entries.get(theirs.id)).toBe(theirs);
    for (const name of ["lost", "taken"]) await slipway.remove(name);
    expect([...forge.entries.values()]).toEqual([theirs]);
    await slipway.kubectl.run(["delete", "mcpgateway", "contextforge", "--timeout=30s"]);
  });
});
