import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { stringify } from "yaml";
import { buildQuickstartImage, QUICKSTART_IMAGE } from "../../examples/quickstart/build-image.ts";
import { engineClient } from "../../scripts/engine/engine-address.ts";
import { Installation } from "../support/installation.ts";
import { connectClient } from "../support/mcp/clients.ts";
import { startEverything } from "../support/mcp/everything.ts";
import { runProgram } from "../support/run-program.ts";

jest.setTimeout(180_000);

const EVERYTHING = fileURLToPath(
  new URL("../../node_modules/@modelcontextprotocol/server-everything/dist/index.js", import.meta.url),
);
const STDIO_IMAGE = { repo: "slipway.test/everything-stdio", tag: "1" };
const PASSWORD = "the-password-of-the-database";

/** A catalog of three types of runtime, converted, applied and used. */
describe("a catalog.yaml", () => {
  const folder = mkdtempSync(join(tmpdir(), "slipway-catalog-"));
  const engine = engineClient();
  let slipway: Installation;
  let remote: Awaited<ReturnType<typeof startEverything>>;

  beforeAll(async () => {
    await buildQuickstartImage(() => undefined);
    // A catalog's containers speak over their streams without being told so.
    const made = await engine.createContainer({ Image: QUICKSTART_IMAGE, Cmd: ["stdio"] });
    await made.commit(STDIO_IMAGE);
    await made.remove();
    remote = await startEverything("streamableHttp");
    slipway = await Installation.start({ engine });
  });
  afterAll(async () => {
    await slipway?.[Symbol.asyncDispose]();
    await remote?.[Symbol.asyncDispose]();
    await engine.getImage(`${STDIO_IMAGE.repo}:${STDIO_IMAGE.tag}`).remove({ force: true });
    rmSync(folder, { recursive: true, force: true });
  });

  it("becomes deployments, each where its type belongs, that answer at the gateway", async () => {
    const catalog = join(folder, "catalog.yaml");
    const servers = [
      {
        id: "dev-tools",
        runtime: {
          ...{ type: "local-process", command: process.execPath, args: [EVERYTHING, "stdio"] },
          // What a confined process starts in it sees, also where this checkout lies in /tmp.
          working_dir: process.cwd(),
        },
        env: { DB_HOST: "localhost", DB_PASSWORD: `\${PASSWORD}` },
      },
      { id: "prod-db", runtime: { type: "remote-sse", url: remote.url } },
      {
        id: "sandbox",
        runtime: {
          type: "docker",
          image: `${STDIO_IMAGE.repo}:${STDIO_IMAGE.tag}`,
          volumes: [`${folder}:/data:ro`],
          cpus: "0.5",
          memory: "192m",
        },
      },
    ];
    writeFileSync(catalog, stringify({ servers }));
    const manifests = await runProgram("./bin/slipway", ["convert", "-f", catalog], { env: { PASSWORD } });
    await slipway.kubectl.run([
      ...["patch", "runtimebackend", "docker", "--type=merge", "-p"],
      JSON.stringify({ spec: { docker: { allowedHostPaths: [folder] } } }),
    ]);
    await slipway.kubectl.run(["apply", "--server-side", "-f", "-"], { input: manifests });

    const places = { "dev-tools": "process", "prod-db": "remote", sandbox: "docker" };
    for (const [name, backend] of Object.entries(places)) {
      const { status } = await slipway.untilPhase(name, "Connected");
      expect([name, status?.workload?.backend]).toEqual([name, backend]);
      await using client = await connectClient("v1 streamable", `${slipway.process.endpoints.gateway}/${name}/mcp`);
      const { tools } = (await client.call("tools/list")) as { tools: { name: string }[] };
      expect(tools.map((tool) => tool.name)).toContain("echo");
    }

    await using client = await connectClient("v1 streamable", `${slipway.process.endpoints.gateway}/dev-tools/mcp`);
    const told = JSON.stringify(await client.call("tools/call", { name: "get-env", arguments: {} }));
    expect(told).toContain("localhost");
    expect(told).toContain(PASSWORD);

    const { HostConfig, Mounts } = await (await slipway.container("sandbox")).inspect();
    expect(HostConfig).toMatchObject({ Memory: 192 * 1024 * 1024, NanoCpus: 500_000_000 });
    expect(Mounts).toContainEqual(expect.objectContaining({ Source: folder, Destination: "/data", RW: false }));
  });
});
