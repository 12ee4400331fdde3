import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { WEB_SERVER } from "../support/images.ts";
import { conditionOf, Installation } from "../support/installation.ts";
import { REGISTRY_USER, Registry } from "../support/registry.ts";

jest.setTimeout(180_000);

const PAYLOAD_BYTES = 40_000_000;
describe("images from a real registry", () => {
  let slipway: Installation;
  let open: Registry;
  let closed: Registry;

  beforeAll(async () => {
    [open, closed] = await Promise.all([Registry.start(), Registry.start({ credentials: true })]);
    slipway = await Installation.start();
  });
  afterAll(async () => {
    for (const registry of [open, closed]) await slipway?.forgetImages(registry.address);
    await slipway?.[Symbol.asyncDispose]();
    await Promise.all([open, closed].map((registry) => registry?.[Symbol.asyncDispose]()));
  });

  it("are pulled with progress, and run by their digest", async () => {
    const reference = await open.publish("team/big:1", PAYLOAD_BYTES);
    await slipway.deploy("big", { source: { image: { reference } }, ...WEB_SERVER });
    const pulling = await slipway.until(
      "big",
      ({ status }) => conditionOf(status, "SourceReady")?.reason === "Pulling",
      {
        everyMs: 20,
      },
    );
    expect(conditionOf(pulling.status, "SourceReady")?.message).toMatch(/\d/);
    const { status } = await slipway.untilPhase("big", "Running");
    expect(status?.workload?.image).toMatch(new RegExp(`^${open.address}/team/big@sha256:[0-9a-f]{64}$`));
    expect(conditionOf(status, "SourceReady")).toMatchObject({ status: "True" });
    await slipway.remove("big");
  });

  it("are pulled with credentials, which show nowhere", async () => {
    const reference = await closed.publish("team/private:1");
    const data = { ".dockerconfigjson": Buffer.from(closed.dockerConfig()).toString("base64") };
    await slipway.kubectl.apply({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "closed" },
      type: "kubernetes.io/dockerconfigjson",
      data,
    });
    await slipway.deploy("private", {
      source: { image: { reference, pullSecretRef: { name: "closed" } } },
      ...WEB_SERVER,
    });
    await slipway.untilPhase("private", "Running");
    const told = [
      JSON.stringify(await slipway.get("private")),
      JSON.stringify(await slipway.events("private")),
      JSON.stringify(await (await slipway.container("private")).inspect()),
      slipway.process.output,
    ].join("\n");
    const auth = Buffer.from(`${REGISTRY_USER.username}:${REGISTRY_USER.password}`).toString("base64");
    for (const secret of [REGISTRY_USER.password, auth]) expect(told).not.toContain(secret);
    await slipway.remove("private");
  });

  it("are refused without credentials, and pulled when these are added", async () => {
    const reference = await closed.publish("team/refused:1");
    await slipway.deploy("refused", { source: { image: { reference } }, ...WEB_SERVER });
    const { message } = await slipway.untilFailing("refused", "ImagePullUnauthorized");
    expect(message).toContain("pullSecretRef");
    await slipway.patch("refused", { spec: { source: { image: { pullSecretRef: { name: "closed" } } } } });
    await slipway.untilPhase("refused", "Running");
    await slipway.remove("refused");
  });

  it("are not asked for again where they are present", async () => {
    const own = await Registry.start();
    const reference = await own.publish("team/present:1");
    await slipway.deploy("first", { source: { image: { reference } }, ...WEB_SERVER });
    await slipway.untilPhase("first", "Running");
    await own[Symbol.asyncDispose]();
    await slipway.deploy("second", { source: { image: { reference } }, ...WEB_SERVER });
    await slipway.untilPhase("second", "Running");
    await slipway.remove("first");
    await slipway.remove("second");
    await slipway.forgetImages(own.address);
  });

  it("are looked up anew by Always when the spec changes", async () => {
    const reference = await open.publish("team/moving:1");
    const source = { image: { reference, pullPolicy: "Always" } };
    await slipway.deploy("moving", { source, ...WEB_SERVER });
    const before = await slipway.untilPhase("moving", "Running");
    await open.publish("team/moving:1");
    await slipway.deploy("moving", { source, ...WEB_SERVER, env: [{ name: "REVISION", value: "2" }] });
    const after = await slipway.until(
      "moving",
      ({ status }) => status?.phase === "Running" && status.workload?.image !== before.status?.workload?.image,
    );
    expect(after.status?.workload?.image).toMatch(/@sha256:/);
    expect(await slipway.containers("moving")).toHaveLength(1);
    await slipway.remove("moving");
  });
});
