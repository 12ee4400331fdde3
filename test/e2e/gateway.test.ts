import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { ensureMcpImage } from "../support/images.ts";
import { Installation } from "../support/installation.ts";
import { connectClient } from "../support/mcp/clients.ts";
import { type Answered, ask, reasonIn } from "../support/mcp-gateway.ts";

jest.setTimeout(180_000);

/** Deployments of the real program, used by their URLs through its gateway. */
describe("the gateway of slipway up", () => {
  let slipway: Installation;

  beforeAll(async () => {
    await ensureMcpImage();
    slipway = await Installation.start({ args: ["--gateway-url", "http://localhost:1234"] });
  });
  afterAll(() => slipway?.[Symbol.asyncDispose]());

  it("serves a deployment at one URL from its start to its end", async () => {
    const { gateway } = slipway.process.endpoints;
    const url = `${gateway}/web/mcp`;
    expect((await ask(url, { body: "{}" })).status).toBe(404);
    await slipway.deploy("web", {
      guardrails: { profile: "unrestricted" },
      env: [{ name: "TOOLS", value: "one,two" }],
    });
    await slipway.untilPhase("web", "Connected");

    const tools = async (at: string) => {
      await using client = await connectClient("v1 streamable", at);
      const { tools } = (await client.call("tools/list")) as { tools: { name: string }[] };
      return tools.map(({ name }) => name);
    };
    await eventually("the gateway knows that it is ready", async () => (await ask(url, { body: "{}" })).status !== 503);
    expect(await tools(url)).toEqual(["one", "two"]);
    expect(await tools(`${gateway}/default/web/mcp`)).toEqual(["one", "two"]);
    const { servers } = JSON.parse((await ask(gateway)).body) as { servers: unknown[] };
    expect(servers).toEqual([
      {
        namespace: "default",
        name: "web",
        url: "http://localhost:1234/default/web/mcp",
        transport: "streamable-http",
        ready: true,
        tools: 2,
        protocolVersion: expect.stringMatching(/^20/),
      },
    ]);

    await slipway.patch("web", { spec: { env: [{ name: "TOOLS", value: "three" }] } });
    await eventually("the new revision answers", async () => (await tools(url)).join() === "three");
    await slipway.patch("web", { spec: { desiredState: "Stopped" } });
    const stopped = await eventually("it is stopped", async () => {
      const answered = await ask(url, { body: "{}" });
      return answered.status === 503 && reasonIn(answered) === "Stopped" ? answered : undefined;
    });
    expect(stopped.headers["retry-after"]).toBe("30");
    await slipway.kubectl.run(["delete", "runtimedeployment", "web"]);
    await eventually("it is gone", async () => (await ask(url, { body: "{}" })).status === 404);
  });

  it("loses no request of those that come all the time when a deployment rolls, and cuts no call", async () => {
    const { gateway } = slipway.process.endpoints;
    const url = `${gateway}/default/rolling/mcp`;
    const deploy = (tools: string) =>
      slipway.deploy("rolling", { guardrails: { profile: "unrestricted" }, env: [{ name: "TOOLS", value: tools }] });
    await deploy("first");
    await slipway.untilPhase("rolling", "Connected");
    const request = (method: string, params: object = {}) =>
      ask(url, { body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }) });
    await eventually("the gateway knows it", async () => (await request("tools/list")).status === 200);

    const answers: Answered[] = [];
    let isOver = false;
    const client = async () => {
      while (!isOver) answers.push(await request("tools/list"));
    };
    const long: Answered[] = [];
    // One of them is under way whenever the newer one takes over.
    const patient = async () => {
      while (!isOver) long.push(await request("tools/call", { name: "first", arguments: { ms: 5_000 } }));
    };
    const clients = [client(), client(), client(), patient()];
    await deploy("second");
    await eventually("the next one answers", () => answers.at(-1)?.body.includes("second") === true);
    isOver = true;
    await Promise.all(clients);

    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(answers.length).toBeGreaterThan(20);
    expect(long.map(({ status }) => status)).toEqual(long.map(() => 200));
    expect(long[0]?.body).toContain("first");
    const { status } = await slipway.untilPhase("rolling", "Connected");
    expect(status?.workload).toMatchObject({ generation: 2, restartCount: 0 });
    await slipway.remove("rolling");
  });
});

describe("the gateway where tokens are asked for", () => {
  let slipway: Installation;

  beforeAll(async () => {
    await ensureMcpImage();
    slipway = await Installation.start({ args: ["--gateway-access", "token"] });
  });
  afterAll(() => slipway?.[Symbol.asyncDispose]());

  it("lets in who has the right to use a server, and nobody else", async () => {
    const { gateway } = slipway.process.endpoints;
    await slipway.deploy("web", { guardrails: { profile: "unrestricted" } });
    await slipway.untilPhase("web", "Connected");
    const tokenOf = async (role?: string) => {
      const name = role ?? "nobody";
      await slipway.kubectl.run(["create", "serviceaccount", name]);
      const subject = `--serviceaccount=default:${name}`;
      if (role !== undefined)
        await slipway.kubectl.run(["create", "rolebinding", name, `--clusterrole=${role}`, subject]);
      return (await slipway.kubectl.run(["create", "token", name])).trim();
    };
    const statusFor = async (token: string | undefined, name = "web") => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const { status } = await ask(`${gateway}/${name}/mcp`, { method: "GET", headers });
      // The server's own word for a stream that it does not offer: it was asked.
      return status === 405 ? "let in" : status;
    };
    expect(await statusFor(undefined)).toBe(401);
    expect(await statusFor("forged")).toBe(401);
    expect(await statusFor(await tokenOf())).toBe(404);
    expect(await statusFor(await tokenOf("slipway-viewer"))).toBe(404);
    expect(await statusFor(await tokenOf("slipway-developer"))).toBe("let in");
    const agent = await tokenOf("slipway-user");
    expect(await statusFor(agent)).toBe("let in");
    expect(await statusFor(agent, "other")).toBe(404);
    await using client = await connectClient("v2 legacy", `${gateway}/web/mcp`, { authorization: `Bearer ${agent}` });
    expect(await client.call("tools/list")).toMatchObject({ tools: [{ name: "echo" }] });
    await slipway.kubectl.run(["delete", "rolebinding", "slipway-user"]);
    await eventually("the right is gone", async () => (await statusFor(agent)) === 404, { timeoutMs: 15_000 });
    await slipway.kubectl.run(["delete", "runtimedeployment", "web"]);
  });
});
