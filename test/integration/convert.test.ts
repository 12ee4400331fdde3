import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parseAllDocuments } from "yaml";
import { type ConvertOptions, convert } from "../../src/cli/convert.ts";
import { startTestApiServer } from "../support/api-server.ts";
import { Kubectl } from "../support/kubectl.ts";

const CATALOG = join(import.meta.dirname, "../support/catalogs/mixed.yaml");
const ENVIRONMENT = {
  DB_PASSWORD: "pass-of-the-db",
  TOKEN: "token-of-the-vendor",
  TENANT_ID: "the-tenant",
  REGION: "region-of-ours",
};
const SECRETS = Object.values(ENVIRONMENT);

async function run(options: ConvertOptions, { env = ENVIRONMENT as NodeJS.ProcessEnv, input = "" } = {}) {
  const said = { stdout: "", stderr: "" };
  const output = (name: "stdout" | "stderr") => ({
    write(chunk: string | Uint8Array) {
      said[name] += String(chunk);
    },
  });
  const { signal } = new AbortController();
  const stdin = (async function* () {
    yield input;
  })();
  const code = await convert(options, { stdout: output("stdout"), stderr: output("stderr"), env, signal, stdin });
  return { code, ...said };
}

interface Manifest {
  kind: string;
  metadata: { name: string; namespace?: string };
  spec: Record<string, unknown>;
  stringData: Record<string, string>;
}

function manifestsIn(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

describe("slipway convert", () => {
  it("prints one deployment for each server, in the place of its type", async () => {
    const { code, stdout } = await run({ filename: CATALOG, namespace: "team-a" });
    expect(code).toBe(0);
    const deployments = manifestsIn(stdout).filter(({ kind }) => kind === "RuntimeDeployment");
    expect(deployments.map(({ metadata, spec }) => [metadata, spec.backend, spec.transport])).toEqual([
      [expect.objectContaining({ name: "dev-tools", namespace: "team-a" }), "process", { type: "stdio" }],
      [{ name: "prod-db", namespace: "team-a" }, "remote", { type: "streamable-http" }],
      [{ name: "events", namespace: "team-a" }, "remote", { type: "sse" }],
      [{ name: "sandbox", namespace: "team-a" }, "docker-mcp-network", { type: "stdio" }],
    ]);
    expect(deployments[0]?.spec.source).toEqual({
      process: {
        command: "npx",
        args: ["-y", "@modelcontextprotocol/server-filesystem", "$HOME and 'quotes' \"of both kinds\""],
        workingDir: "/opt/mcp",
      },
    });
    expect(deployments[3]?.spec).toMatchObject({
      source: { image: { reference: "mcp/my-server:latest" } },
      resources: { cpu: "0.5", memory: "512Mi" },
      volumes: [
        { name: "volume-1", mountPath: "/container/data", readOnly: true, hostPath: { path: "/host/data" } },
        { name: "volume-2", mountPath: "/cache", hostPath: { path: "/host/cache" } },
      ],
    });
  });

  it("puts what it resolved into Secrets, and nowhere else", async () => {
    const { stdout, stderr } = await run({ filename: CATALOG });
    const manifests = manifestsIn(stdout);
    const secrets = manifests.filter(({ kind }) => kind === "Secret");
    expect(secrets.map(({ metadata, stringData }) => [metadata.name, stringData])).toEqual([
      ["dev-tools-env", { PGPASSWORD: "pass-of-the-db" }],
      ["prod-db-headers", { Authorization: "Bearer token-of-the-vendor", "X-Tenant-ID": "the-tenant" }],
      ["sandbox-env", { LICENSE: `\${NOT_RESOLVED} "as it stands"`, REGION: "region-of-ours" }],
    ]);
    const rest = JSON.stringify(manifests.filter(({ kind }) => kind !== "Secret")) + stderr;
    for (const secret of SECRETS) expect(rest).not.toContain(secret);
    const [tools, db] = manifests.filter(({ kind }) => kind === "RuntimeDeployment");
    expect(tools?.spec.env).toContainEqual({
      name: "PGPASSWORD",
      valueFrom: { secretKeyRef: { name: "dev-tools-env", key: "PGPASSWORD" } },
    });
    expect(tools?.spec.env).toContainEqual({ name: "PGPORT", value: "5432" });
    expect(db?.spec.source).toMatchObject({
      remote: {
        url: "https://mcp.vendor.com/v1",
        headers: [
          { name: "Authorization", valueFrom: { secretKeyRef: { name: "prod-db-headers", key: "Authorization" } } },
          { name: "X-Tenant-ID", valueFrom: { secretKeyRef: { name: "prod-db-headers", key: "X-Tenant-ID" } } },
          { name: "X-Request-Source", value: "mcp-gateway" },
        ],
      },
    });
  });

  it("says what is different, and what else has to be done", async () => {
    const { stderr } = await run({ filename: CATALOG });
    for (const says of [
      "dev-tools: Secret dev-tools-env holds PGPASSWORD",
      "events: it is spoken to as sse, by the path of its URL",
      "sandbox: container_name is left out",
      "sandbox: RuntimeBackend docker-mcp-network stands for its network mcp-network",
      "sandbox: spec.docker.allowedHostPaths of its RuntimeBackend has to list /host/data, /host/cache",
      "keep the output out of version control",
    ]) {
      expect(stderr).toContain(says);
    }
  });

  it("keeps networks apart whose names become alike", async () => {
    const networks = ["a_b", "a-b", "A-b", "a-b"];
    const servers = networks.map(
      (network, at) => `- id: s${at}\n  runtime: {type: docker, image: x, network: "${network}"}`,
    );
    const { stdout } = await run({ filename: "-" }, { input: `servers:\n${servers.join("\n")}\n` });
    const manifests = manifestsIn(stdout);
    const backends = new Map(manifests.map(({ metadata, spec }) => [metadata.name, spec.docker]));
    const used = manifests.filter(({ kind }) => kind === "RuntimeDeployment").map(({ spec }) => String(spec.backend));
    expect(used.map((name) => backends.get(name))).toEqual(networks.map((network) => ({ network })));
    expect(manifests.filter(({ kind }) => kind === "RuntimeBackend")).toHaveLength(3);
  });

  it("prints the same as JSON", async () => {
    const [yaml, json] = [await run({ filename: CATALOG }), await run({ filename: CATALOG, output: "json" })];
    expect(JSON.parse(json.stdout)).toEqual({ apiVersion: "v1", kind: "List", items: manifestsIn(yaml.stdout) });
  });

  it("is taken by the API as it is", async () => {
    await using server = await startTestApiServer();
    const kubectl = new Kubectl(server.kubeconfig);
    const { stdout } = await run({ filename: CATALOG, namespace: "default" });
    const said = await kubectl.run(["apply", "--server-side", "--validate=strict", "-f", "-"], { input: stdout });
    expect(said.trim().split("\n")).toHaveLength(8);
  }, 60_000);

  it("reads standard input, and needs no Secrets where there are none", async () => {
    const input = "servers:\n- id: events\n  runtime: {type: remote-sse, url: 'https://a.test/mcp?key=1'}\n";
    const { stdout, stderr } = await run({ filename: "-" }, { input });
    expect(manifestsIn(stdout)).toHaveLength(1);
    expect(stderr).not.toContain("version control");
    expect(stderr).toContain("the query of its URL stands in the deployment for all to read");
  });

  describe("prints nothing and says why", () => {
    let folder = "";
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "slipway-convert-"));
      copyFileSync(CATALOG, join(folder, "catalog.yaml"));
      writeFileSync(join(folder, "large.yaml"), "#".repeat(2 * 1024 * 1024));
      symlinkSync("/etc/hostname", join(folder, "mixed.env"));
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it.each([
      {
        because: "variables are unset",
        options: () => ({ filename: CATALOG }),
        env: { TOKEN: "x", REGION: "region-of-ours" },
        says: /env\.PGPASSWORD: \$\{DB_PASSWORD\} is not set(.|\n)*headers\.X-Tenant-ID: \$\{TENANT_ID\} is not set/,
      },
      {
        because: "a file leads out of its folder",
        options: () => ({ filename: join(folder, "catalog.yaml") }),
        says: /mixed\.env is not in the folder of the catalog/,
      },
      {
        because: "it is not there",
        options: () => ({ filename: join(folder, "no.yaml") }),
        says: /cannot be read \(ENOENT\)/,
      },
      { because: "it is a folder", options: () => ({ filename: folder }), says: /cannot be read \(EISDIR\)/ },
      {
        because: "it is too large",
        options: () => ({ filename: join(folder, "large.yaml") }),
        says: /is longer than the/,
      },
      { because: "a format is not known", options: () => ({ filename: CATALOG, output: "xml" }), says: /^-o: "xml"/ },
      { because: "a namespace is none", options: () => ({ filename: CATALOG, namespace: "A b" }), says: /^-n: "A b"/ },
    ])("where $because", async ({ options, env = ENVIRONMENT, says }) => {
      await expect(run(options(), { env })).rejects.toMatchObject({
        name: "UsageError",
        message: expect.stringMatching(says),
      });
    });
  });
});
