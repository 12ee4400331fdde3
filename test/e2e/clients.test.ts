import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { parse } from "jsonc-parser";
import { buildQuickstartImage, QUICKSTART_IMAGE } from "../../examples/quickstart/build-image.ts";
import { eventually } from "../support/eventually.ts";
import { Installation } from "../support/installation.ts";
import { connectClient } from "../support/mcp/clients.ts";

const SLIPWAY = resolve(import.meta.dirname, "../../bin/slipway");

jest.setTimeout(120_000);

interface Entry {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Clients of a server that runs in a container, from the command line and by the configuration that is written for them. */
describe("clients of a server of slipway up", () => {
  let slipway: Installation;
  let home: string;
  let token: string;

  beforeAll(async () => {
    await buildQuickstartImage(() => undefined);
    home = mkdtempSync(join(tmpdir(), "slipway-clients-"));
    slipway = await Installation.start({ args: ["--gateway-access", "token"] });
    const { kubectl } = slipway;
    await kubectl.run(["create", "serviceaccount", "agent"]);
    await kubectl.run([
      ...["create", "rolebinding", "agent"],
      ...["--clusterrole=slipway-user", "--serviceaccount=default:agent"],
    ]);
    token = (await kubectl.run(["create", "token", "agent"])).trim();
    await slipway.deploy("web", { source: { image: { reference: QUICKSTART_IMAGE, pullPolicy: "Never" } } });
    await slipway.untilPhase("web", "Connected");
  });
  afterAll(async () => {
    await slipway?.[Symbol.asyncDispose]();
    rmSync(home, { recursive: true, force: true });
  });

  /** The real program, in a home of its own. */
  function run(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: "", KUBECONFIG: slipway.kubectl.kubeconfig };
    return new Promise((resolve) => {
      execFile(SLIPWAY, args, { env, cwd: home, timeout: 60_000 }, (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr });
      });
    });
  }

  /** What the client's own variables stand for is put in, as the client does. */
  async function callEcho({ url, headers = {} }: Entry, variables: Readonly<Record<string, string>>) {
    const known = Object.entries(headers).map(([name, value]) => [
      name,
      value.replace(/\$\{([^}]+)\}/g, (_, variable: string) => variables[variable] ?? ""),
    ]);
    await using client = await connectClient("v2 auto", url, Object.fromEntries(known));
    return await client.call("tools/call", { name: "echo", arguments: { message: "ahoy" } });
  }

  it("lists and calls its tools", async () => {
    const listed = await run("tools", "web");
    expect(listed).toMatchObject({ code: 0, stderr: "" });
    expect(listed.stdout).toMatch(/^NAME +ARGUMENTS +DESCRIPTION\necho +message +Echoes back/);
    const called = await run("call", "web", "echo", "--args", '{"message": "ahoy"}');
    expect(called).toMatchObject({ code: 0, stderr: "" });
    expect(called.stdout).toBe("Echo: ahoy\n");
  });

  it("says what is wrong, with the exit code that tells whose fault it is", async () => {
    expect(await run("call", "web", "ech")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('slipway: default/web has no tool "ech"; it has echo, '),
    });
    expect(await run("call", "web", "echo", "--args", "[]")).toMatchObject({ code: 2 });
    expect(await run("tools", "nothing")).toMatchObject({ code: 1 });
    expect(await run("connect", "web", "--client", "emacs")).toMatchObject({ code: 2 });
  });

  it("is what VS Code's file leads to, whose comments stay", async () => {
    mkdirSync(join(home, ".vscode"));
    const file = join(home, ".vscode/mcp.json");
    const before = '{\n  // of the team\n  "servers": {}\n}\n';
    writeFileSync(file, before);
    const { code, stdout } = await run("connect", "web", "--client", "vscode", "--write");
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(`added servers.web to ${file}`) });
    const text = readFileSync(file, "utf8");
    expect(text).toContain("// of the team");
    expect(text).not.toContain(token);
    const { servers, inputs } = parse(text) as { servers: { web: Entry }; inputs: { id: string }[] };
    expect(inputs.map(({ id }) => id)).toEqual(["slipway-token"]);
    expect(await callEcho(servers.web, { "input:slipway-token": token })).toMatchObject({
      content: [{ type: "text", text: expect.stringContaining("ahoy") }],
    });
    const backup = readdirSync(join(home, ".vscode")).find((name) => name.endsWith(".bak")) ?? "";
    expect(readFileSync(join(home, ".vscode", backup), "utf8")).toBe(before);
  });

  it("is what Cursor's file leads to", async () => {
    expect(await run("connect", "web", "--client", "cursor", "--write")).toMatchObject({ code: 0 });
    const { mcpServers } = JSON.parse(readFileSync(join(home, ".cursor/mcp.json"), "utf8"));
    expect(await callEcho(mcpServers.web, { "env:SLIPWAY_TOKEN": token })).toMatchObject({ content: [{}] });
  });

  it("is what the usual form leads to, with a token that was given", async () => {
    const { stdout } = await run("connect", "web", "--client", "json", "--token", token);
    expect(await callEcho(JSON.parse(stdout).mcpServers.web, {})).toMatchObject({ content: [{}] });
  });

  it("is what Claude Desktop starts a program for", async () => {
    expect(await run("connect", "web", "--client", "claude-desktop", "--write")).toMatchObject({ code: 0 });
    const file = join(home, ".config/Claude/claude_desktop_config.json");
    expect(JSON.parse(readFileSync(file, "utf8")).mcpServers.web).toMatchObject({
      command: "npx",
      args: [
        "-y",
        "mcp-remote",
        `${slipway.process.endpoints.gateway}/default/web/mcp`,
        "--header",
        expect.any(String),
      ],
      env: { AUTHORIZATION: expect.stringContaining("PASTE-A-TOKEN-HERE") },
    });
  });

  it("says why it does not answer once it is stopped", async () => {
    await slipway.patch("web", { spec: { desiredState: "Stopped" } });
    await slipway.untilPhase("web", "Stopped");
    // The gateway hears of it a little later than the API.
    const said = await eventually("it is not ready", async () => {
      const { code, stderr } = await run("tools", "web");
      return code === 0 ? undefined : stderr;
    });
    expect(said).toMatch(
      /^slipway: default\/web is not ready: (Draining|Stopped): .*; 'slipway status web -n default' tells more\n$/,
    );
    await slipway.remove("web");
  });
});
