import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { parse } from "yaml";
import { buildQuickstartImage, QUICKSTART_IMAGE } from "../../examples/quickstart/build-image.ts";
import type { RuntimeDeployment } from "../../src/api/v1alpha1/index.ts";
import { eventually } from "../support/eventually.ts";
import { Installation } from "../support/installation.ts";

const MANIFEST = "examples/quickstart/everything.yaml";

jest.setTimeout(180_000);

describe("the quickstart", () => {
  let slipway: Installation;
  let everything: RuntimeDeployment;

  beforeAll(async () => {
    await buildQuickstartImage(() => undefined);
    slipway = await Installation.start({ args: ["-f", MANIFEST] });
    everything = await slipway.untilPhase("everything", "Connected");
  });
  afterAll(async () => {
    await slipway?.[Symbol.asyncDispose]();
  });

  it("runs the image that is built", () => {
    expect(parse(readFileSync(MANIFEST, "utf8"))).toMatchObject({
      spec: { source: { image: { reference: QUICKSTART_IMAGE } } },
    });
  });

  it("shows what the server says of itself", () => {
    const { mcp, workload, url } = everything.status ?? {};
    expect(mcp).toMatchObject({ serverInfo: { name: "mcp-servers/everything" }, protocolVersion: expect.any(String) });
    expect(mcp?.toolNames).toContain("echo");
    expect(mcp?.tools).toBeGreaterThan(10);
    expect(workload).toMatchObject({ backend: "docker", image: expect.stringMatching(/^sha256:/), restartCount: 0 });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/default\/everything\/mcp$/);
  });

  it("lets a client call a tool at its URL", async () => {
    const client = new Client({ name: "test", version: "1" });
    await client.connect(new StreamableHTTPClientTransport(new URL(everything.status?.url ?? "")));
    try {
      const { tools } = await client.listTools();
      expect(tools).toHaveLength(everything.status?.mcp?.tools ?? -1);
      const { content } = await client.callTool({ name: "echo", arguments: { message: "ahoy" } });
      expect(content).toEqual([{ type: "text", text: expect.stringContaining("ahoy") }]);
    } finally {
      await client.close();
    }
  });

  it("reads well in kubectl", async () => {
    const [header, row] = (await slipway.kubectl.run(["get", "rtd"])).split("\n");
    expect(header?.split(/\s+/)).toEqual(
      ["NAME", "PHASE", "READY", "BACKEND", "URL", "RESTARTS", "AGE", ""].slice(0, 7),
    );
    expect(row).toMatch(
      /^everything +Connected +True +docker +http:\/\/127\.0\.0\.1:\d+\/default\/everything\/mcp +0 +\d+/,
    );
    await slipway.kubectl.run(["wait", "--for=condition=Ready", "rtd/everything", "--timeout=5s"]);
    expect(await slipway.kubectl.run(["describe", "rtd", "everything"])).toMatch(/Events:[\s\S]*Normal +Connected/);
  });

  it("runs as nobody in particular, without privileges", async () => {
    const { Config, HostConfig } = await (await slipway.container("everything")).inspect();
    expect(Config.User).toBe("65532:65532");
    expect(HostConfig).toMatchObject({ Privileged: false, NanoCpus: 500_000_000, Memory: 256 * 1024 * 1024 });
  });

  it("leaves nothing behind when it is deleted", async () => {
    await slipway.kubectl.run(["delete", "rtd", "everything", "--timeout=60s"]);
    await eventually("nothing is left", async () => (await slipway.leftovers()).length === 0, {
      explain: async () => (await slipway.leftovers()).join("\n"),
    });
  });
});

describe("the quickstart without an Engine", () => {
  let slipway: Installation;

  beforeAll(async () => {
    const args = ["-f", "examples/quickstart/package.yaml"];
    slipway = await Installation.start({ args, env: { DOCKER_HOST: "unix:///nonexistent/docker.sock" } });
  });
  afterAll(async () => {
    await slipway?.[Symbol.asyncDispose]();
  });

  it("runs the same version of the same server", () => {
    const { npm, version } = parse(readFileSync("examples/quickstart/package.yaml", "utf8")).spec.source.package;
    expect(QUICKSTART_IMAGE).toBe(`slipway.local/everything:${version}`);
    expect(npm).toBe("@modelcontextprotocol/server-everything");
  });

  it("lets a client call a tool, and leaves nothing behind", async () => {
    const { status } = await slipway.untilPhase("everything-npm", "Connected", { timeoutMs: 120_000 });
    expect(status?.workload).toMatchObject({ backend: "process", restartCount: 0 });
    const said = await slipway.process.command("call", "everything-npm", "echo", "--args", '{"message": "ahoy"}');
    expect(said).toEqual({ code: 0, stdout: "Echo: ahoy\n", stderr: "" });
    await slipway.kubectl.run(["delete", "rtd", "everything-npm", "--timeout=60s"]);
  });
});
