import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { FakeUv } from "../support/pypi/fake-uv.ts";
import { greetingRelease, PackageIndex, SERVER, serverRelease } from "../support/pypi/package-index.ts";
import { SlipwayProcess } from "../support/slipway-process.ts";

jest.setTimeout(180_000);

const PASSWORD = "hush-hush-of-the-index";

const deployment = (name: string, pypi: string, version = "latest") => ({
  apiVersion: "slipway.dev/v1alpha1",
  kind: "RuntimeDeployment",
  metadata: { name, namespace: "default" },
  spec: { backend: "process", source: { package: { pypi, version } }, transport: { type: "stdio" } },
});

describe("packages of PyPI under slipway up", () => {
  let directory: string;
  let index: PackageIndex;
  let slipway: SlipwayProcess;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-pypi-"));
    await chmod(directory, 0o755);
    await mkdir(join(directory, "index"));
    index = await PackageIndex.open(join(directory, "index"));
    index.wants = `me:${PASSWORD}`;
    index.wheel(greetingRelease("1.0.0"));
    index.wheel(await serverRelease("1.2.3"));
    const uv = await FakeUv.install(join(directory, "bin"));
    const env = { PATH: `${uv.path}:${process.env.PATH}`, UV_INDEX_URL: `http://me:${PASSWORD}@${index.host}/simple` };
    slipway = await new SlipwayProcess({ env }).start();
  });
  afterAll(async () => {
    await slipway.kubectl.run(["delete", "runtimedeployments", "--all", "--all-namespaces"]);
    await slipway.terminate();
    await slipway[Symbol.asyncDispose]();
    await index[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const read = async (name: string, path: string) =>
    await slipway.kubectl.run(["get", "runtimedeployment", name, "-o", `jsonpath={${path}}`]);
  const becomes = async (name: string, path: string, want: RegExp) =>
    await eventually(
      `${name} ${path} is ${want}`,
      async () => {
        expect(await read(name, path)).toMatch(want);
        return true;
      },
      { everyMs: 250, timeoutMs: 90_000 },
    );
  const greets = async (name: string) => {
    const { stdout, stderr } = await slipway.command("call", name, "greet", "--args", '{"name":"Ada"}');
    return `${stdout}${stderr}`.trim();
  };
  const image = ".status.workload.image";
  const FIRST = /^pypi:slipway-test-server@1\.2\.3#sha256-[^;\s]+;lock=sha256-\S+$/;

  it("are resolved, installed, connected, and called", async () => {
    await slipway.kubectl.apply(deployment("greeter", SERVER));
    await becomes("greeter", ".status.phase", /^Connected$/);
    expect(await read("greeter", image)).toMatch(FIRST);
    expect(await greets("greeter")).toBe("Hello, Ada! (greeting 1.0.0) (server 1.2.3)");
  });

  it("stay what they were through restarts, whatever the index has by then, until an edit", async () => {
    const pinned = await read("greeter", image);
    index.wheel(greetingRelease("1.1.0", "Good day"));
    index.wheel(await serverRelease("1.3.0"));
    for (const end of [() => slipway.terminate(), () => slipway.kill9()]) {
      await end();
      await slipway.start();
      await becomes("greeter", ".status.phase", /^Connected$/);
      await eventually("it answers as before", async () => (await greets("greeter")).endsWith("(server 1.2.3)"));
      expect(await read("greeter", image)).toBe(pinned);
    }
    await slipway.kubectl.apply(deployment("greeter", SERVER, ">=1,<2"));
    await becomes("greeter", image, /@1\.3\.0#/);
    await eventually("the newer one answers", async () => {
      return (await greets("greeter")) === "Good day, Ada! (greeting 1.1.0) (server 1.3.0)";
    });
  });

  it("are refused where they would have to be built, or are not what the index says", async () => {
    index.source({ name: "only-source", version: "1.0.0" }, join(directory, "ran"));
    index.wheel({ name: "swapped", version: "1.0.0" });
    await index.replace({ name: "swapped", version: "1.0.0", files: { "evil.py": "" } }, { afterReads: 1 });
    for (const name of ["only-source", "swapped", "no-such"]) await slipway.kubectl.apply(deployment(name, name));
    const source = (what: string) => `.status.conditions[?(@.type=='SourceReady')].${what}`;
    await becomes("only-source", source("reason"), /^PackageNotInstallable$/);
    expect(await read("only-source", source("message"))).toContain(
      "spec.source.package.pypi: only-source==1.0.0 has no wheel",
    );
    await becomes("swapped", source("reason"), /^PackageNotPinned$/);
    expect(await read("swapped", source("message"))).toContain("swapped==1.0.0 has another content than was pinned");
    await becomes("no-such", source("reason"), /^PackageNotFound$/);
    expect(await read("no-such", source("message"))).toContain(
      "spec.source.package.pypi: the index has no package no-such",
    );
  });

  it("show the credentials of the index nowhere", async () => {
    index.status = 503;
    await slipway.kubectl.apply(deployment("away", "away"));
    const source = ".status.conditions[?(@.type=='SourceReady')].reason";
    await becomes("away", source, /^RegistryUnavailable$/);
    index.status = undefined;
    expect(slipway.output).toContain("***@");
    expect(slipway.output).not.toContain(PASSWORD);
    const all = await slipway.kubectl.run(["get", "runtimedeployments,events", "--output", "json"]);
    expect(all).not.toContain(PASSWORD);
  });

  it("say in kubectl explain what they need", async () => {
    expect(await slipway.kubectl.run(["explain", "runtimedeployment.spec.source.package.pypi"])).toContain("uvx");
  });
});
