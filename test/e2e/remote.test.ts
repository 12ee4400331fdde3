import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { API_VERSION } from "../../src/api/v1alpha1/index.ts";
import { eventually } from "../support/eventually.ts";
import { ensureMcpImage, MCP_IMAGE } from "../support/images.ts";
import { Installation, readyOf } from "../support/installation.ts";
import { connectClient } from "../support/mcp/clients.ts";
import { ask } from "../support/mcp-gateway.ts";
import { earlierEra, json, ScriptedMcpServer } from "../support/scripted-mcp-server.ts";
import { secretWatch } from "../support/secrets/secret-watch.ts";

jest.setTimeout(180_000);

const EVERYTHING = fileURLToPath(
  new URL("../../node_modules/@modelcontextprotocol/server-everything/dist/index.js", import.meta.url),
);
/** Tells this test's processes from others. */
const MARK = `moved-${randomBytes(8).toString("hex")}`;
const QUERY = `key-${randomBytes(8).toString("hex")}`;

/** A server of somebody else's that lets in who has a token, and counts the others. */
async function startForeign() {
  const state = { token: newToken(), refused: 0 };
  const answer = earlierEra({ tools: ["theirs"] });
  const server = await ScriptedMcpServer.start((received, response) => {
    if (received.headers.authorization === state.token) return answer(received, response);
    state.refused += 1;
    json(response, { error: "who are you?" }, {}, 401);
  });
  return { server, state, url: `${server.url}?${QUERY}` };
}

/** Processes with that argument. */
function processesOf(argument: string): string[] {
  return readdirSync("/proc").filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      return readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0").includes(argument);
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
}

function newToken(): string {
  const token = `Bearer ${randomBytes(16).toString("hex")}`;
  secretWatch.learn("a token of the remote server", token);
  return token;
}

describe("a server that somebody else runs", () => {
  let slipway: Installation;
  let foreign: Awaited<ReturnType<typeof startForeign>>;

  beforeAll(async () => {
    await ensureMcpImage();
    foreign = await startForeign();
    slipway = await Installation.start();
  });
  afterAll(async () => {
    await slipway?.[Symbol.asyncDispose]();
    await foreign?.server[Symbol.asyncDispose]();
  });

  const setToken = (header: string) =>
    slipway.kubectl.apply({ apiVersion: "v1", kind: "Secret", metadata: { name: "theirs" }, stringData: { header } });
  const deploy = (name: string, spec: object) =>
    slipway.kubectl.apply({ apiVersion: API_VERSION, kind: "RuntimeDeployment", metadata: { name }, spec });
  const remote = (url: string) => {
    const secretKeyRef = { name: "theirs", key: "header" };
    const headers = [{ name: "Authorization", valueFrom: { secretKeyRef } }];
    const health = { periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 2 };
    return { backend: "remote", source: { remote: { url, headers } }, health };
  };
  const tools = async (name: string) => {
    await using client = await connectClient("v1 streamable", `${slipway.process.endpoints.gateway}/${name}/mcp`);
    const { tools } = (await client.call("tools/list")) as { tools: { name: string }[] };
    return tools.map((tool) => tool.name);
  };

  it("serves at the gateway's URL, with headers out of a Secret on every request", async () => {
    await setToken(foreign.state.token);
    await deploy("web", remote(foreign.url));
    const { status } = await slipway.untilPhase("web", "Connected");
    expect(status?.mcp?.toolNames).toEqual(["theirs"]);
    expect(status?.url).toContain("/default/web/mcp");
    await eventually("its tools are listed", async () => (await tools("web")).join() === "theirs");
    const headers = { authorization: "Bearer of-the-caller", "content-type": "application/json" };
    await ask(`${slipway.process.endpoints.gateway}/web/mcp`, { body: "{}", headers });
    expect(foreign.state.refused).toBe(0);
  });

  it("is the same after a crash of Slipway", async () => {
    const before = await slipway.get("web");
    await slipway.process.kill9();
    await slipway.process.start();
    await eventually("its tools are listed", async () => (await tools("web")).join() === "theirs");
    const after = await slipway.untilPhase("web", "Connected");
    expect(after.metadata.uid).toBe(before.metadata.uid);
    expect(after.status?.workload).toEqual(before.status?.workload);
    expect((await slipway.events("web")).map(({ reason }) => reason)).not.toContain("Recreated");
  });

  it("follows its Secret", async () => {
    const before = await slipway.get("web");
    foreign.state.token = newToken();
    await setToken(foreign.state.token);
    await slipway.until("web", ({ status }) => status?.workload?.id !== before.status?.workload?.id);
    await slipway.untilPhase("web", "Connected");
    await eventually("its tools are listed", async () => (await tools("web")).join() === "theirs");
  });

  it("follows what its backend allows", async () => {
    const allow = (allowedCidrs: readonly string[]) =>
      slipway.kubectl.run([
        ...["patch", "runtimebackend", "remote", "--type=merge", "-p"],
        JSON.stringify({ spec: { remote: { allowedCidrs } } }),
      ]);
    await allow([]);
    await slipway.until("web", (each) => readyOf(each)?.message.includes("remote.allowedCidrs") === true);
    await allow(["127.0.0.0/8"]);
    await slipway.untilPhase("web", "Connected");
    expect(await tools("web")).toEqual(["theirs"]);
  });

  it("moves to an Engine, to a process and back, stays who it is and leaves nothing", async () => {
    const { metadata, status } = await slipway.get("web");
    const elsewhere = { image: null, process: null, remote: null };
    const stays = async (backend: string, spec: Record<string, unknown> & { source: object }) => {
      await slipway.patch("web", { spec: { ...spec, backend, source: { ...elsewhere, ...spec.source } } });
      await slipway.until("web", (each) => each.status?.workload?.backend === backend);
      const there = await slipway.untilPhase("web", "Connected");
      expect([there.metadata.uid, there.status?.url]).toEqual([metadata.uid, status?.url]);
      return await tools("web");
    };
    const guardrails = { profile: "unrestricted" };
    const image = { image: { reference: MCP_IMAGE, pullPolicy: "Never" } };
    expect(await stays("docker", { source: image, guardrails, transport: null })).not.toContain("theirs");
    const { execPath, cwd } = globalThis.process;
    // What a confined process starts in it sees, also where this checkout lies in /tmp.
    const process = { process: { command: execPath, args: [EVERYTHING, "stdio", MARK], workingDir: cwd() } };
    expect(await stays("process", { source: process, transport: { type: "stdio" } })).toContain("echo");
    expect(await slipway.containers("web")).toEqual([]);
    expect(processesOf(MARK)).not.toEqual([]);
    expect(await stays("remote", { ...remote(foreign.url), transport: null })).toEqual(["theirs"]);
    await eventually("nothing of it runs", async () => processesOf(MARK).length === 0);
    expect(await slipway.leftovers()).toEqual([]);
  });

  it("is not asked any more once it is stopped or deleted, and lives on", async () => {
    await slipway.patch("web", { spec: { desiredState: "Stopped" } });
    await slipway.untilPhase("web", "Stopped");
    // A probe that was under way may still arrive.
    const ours = () => foreign.server.received.filter(({ headers }) => headers["content-length"] === "2").length;
    const asked = ours();
    expect((await ask(`${slipway.process.endpoints.gateway}/web/mcp`, { body: "{}" })).status).toBe(503);
    expect(ours()).toBe(asked);
    await slipway.kubectl.run(["delete", "runtimedeployment", "web"]);
    await slipway.untilGone("web");
    expect((await ask(foreign.url, { body: "{}" })).status).toBe(401);
  });

  it("is not reached where clouds keep their secrets", async () => {
    await deploy("closed", remote(`http://169.254.169.254/latest?${QUERY}`));
    const { status } = await slipway.until("closed", (each) =>
      JSON.stringify(each.status?.conditions ?? "").includes("remote.allowedCidrs"),
    );
    expect(status?.phase).not.toBe("Connected");
    const events = await slipway.events("closed");
    for (const told of [status, events, slipway.process.output]) expect(JSON.stringify(told)).not.toContain(QUERY);
    await slipway.remove("closed");
  });
});
