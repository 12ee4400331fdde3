import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { ensureMcpImage, makeUniqueImage } from "../support/images.ts";
import { conditionOf, Installation } from "../support/installation.ts";
import { REGISTRY_USER, Registry } from "../support/registry.ts";

jest.setTimeout(180_000);

const PAYLOAD_BYTES = 40_000_000;
/** Images made for this test answer HTTP, not MCP. */
const WEB = { transport: { path: "/marker.txt" }, health: { probe: "http", periodSeconds: 1 } };

describe("images from a real registry", () => {
  let slipway: Installation;
  let open: Registry;
  let closed: Registry;

  beforeAll(async () => {
    await ensureMcpImage();
    [open, closed] = await Promise.all([Registry.start(), Registry.start({ credentials: true })]);
    slipway = await Installation.start();
  });
  afterAll(async () => {
    await slipway?.[Symbol.asyncDispose]();
    await Promise.all([open, closed].map((registry) => registry?.[Symbol.asyncDispose]()));
  });

  it("are pulled with progress, and run by their digest", async () => {
    const reference = await publish(open, "team/big:1", PAYLOAD_BYTES);
    await slipway.deploy("big", { source: { image: { reference } }, ...WEB });
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
    await forget("big", reference);
  });

  it("are pulled with credentials, which show nowhere", async () => {
    const reference = await publish(closed, "team/private:1");
    const data = { ".dockerconfigjson": Buffer.from(closed.dockerConfig()).toString("base64") };
    await slipway.kubectl.apply({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "closed" },
      type: "kubernetes.io/dockerconfigjson",
      data,
    });
    await slipway.deploy("private", { source: { image: { reference, pullSecretRef: { name: "closed" } } }, ...WEB });
    await slipway.untilPhase("private", "Running");
    const told = [
      JSON.stringify(await slipway.get("private")),
      JSON.stringify(await slipway.events("private")),
      JSON.stringify(await (await slipway.container("private")).inspect()),
      slipway.process.output,
    ].join("\n");
    const auth = Buffer.from(`${REGISTRY_USER.username}:${REGISTRY_USER.password}`).toString("base64");
    for (const secret of [REGISTRY_USER.password, auth]) expect(told).not.toContain(secret);
    await forget("private", reference);
  });

  it("are refused without credentials, and pulled when these are added", async () => {
    const reference = await publish(closed, "team/refused:1");
    await slipway.deploy("refused", { source: { image: { reference } }, ...WEB });
    const { message } = await slipway.untilFailing("refused", "ImagePullUnauthorized");
    expect(message).toContain("pullSecretRef");
    await slipway.patch("refused", { spec: { source: { image: { pullSecretRef: { name: "closed" } } } } });
    await slipway.untilPhase("refused", "Running");
    await forget("refused", reference);
  });

  it("are not asked for again where they are present", async () => {
    const own = await Registry.start();
    const reference = await publish(own, "team/present:1");
    await slipway.deploy("first", { source: { image: { reference } }, ...WEB });
    await slipway.untilPhase("first", "Running");
    await own[Symbol.asyncDispose]();
    await slipway.deploy("second", { source: { image: { reference } }, ...WEB });
    await slipway.untilPhase("second", "Running");
    await slipway.remove("first");
    await forget("second", reference);
  });

  it("are looked up anew by Always when the spec changes", async () => {
    const reference = await publish(open, "team/moving:1");
    const source = { image: { reference, pullPolicy: "Always" } };
    await slipway.deploy("moving", { source, ...WEB });
    const before = await slipway.untilPhase("moving", "Running");
    await publish(open, "team/moving:1");
    await slipway.deploy("moving", { source, ...WEB, env: [{ name: "REVISION", value: "2" }] });
    const after = await slipway.until(
      "moving",
      ({ status }) => status?.phase === "Running" && status.workload?.image !== before.status?.workload?.image,
    );
    expect(after.status?.workload?.image).toMatch(/@sha256:/);
    expect(await slipway.containers("moving")).toHaveLength(1);
    await forget("moving", reference);
  });

  /** An image that only the registry has. Answers its reference. */
  async function publish(registry: Registry, name: string, payloadBytes = 0): Promise<string> {
    const local = `slipway.test/unique:${name.replaceAll(/\W/g, "-")}`;
    await makeUniqueImage(local, payloadBytes, slipway.engine);
    const reference = await registry.push(local, name, slipway.engine);
    await slipway.engine.getImage(local).remove({ force: true });
    return reference;
  }

  async function forget(name: string, reference: string): Promise<void> {
    await slipway.remove(name);
    await slipway.engine
      .getImage(reference)
      .remove({ force: true })
      .catch((error: { statusCode?: number }) => {
        if (error.statusCode !== 404) throw error;
      });
  }
});
