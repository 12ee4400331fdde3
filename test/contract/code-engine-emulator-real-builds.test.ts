import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { engineClient } from "../../scripts/engine/engine-address.ts";
import { CodeEngineEmulator } from "../support/code-engine/emulator.ts";
import type { JsonObject } from "../support/code-engine/fields/field.ts";
import { PlainClient } from "../support/code-engine/plain-client.ts";
import { eventually } from "../support/eventually.ts";
import { GitServer } from "../support/git-server.ts";
import { BUSYBOX_IMAGE, ensureBusyboxImage } from "../support/images.ts";
import { REGISTRY_USER, Registry } from "../support/registry.ts";

/** The Engine is everybody's. */
jest.setTimeout(120_000);

const BUSYBOX = ["/bin/busybox", "sh", "-c"];
const RUN = (script: string) => `RUN ${JSON.stringify([...BUSYBOX, script])}`;
const DOCKERFILE = `FROM ${BUSYBOX_IMAGE}\nARG WORD=none\nENV WORD=$WORD\nCOPY page /page\n`;

describe("builds that an Engine does", () => {
  let git: GitServer;
  let registry: Registry;
  let emulator: CodeEngineEmulator;
  let client: PlainClient;
  let home: string;
  let firstCommit: string;
  let secondCommit: string;

  beforeAll(async () => {
    await ensureBusyboxImage();
    git = await GitServer.start();
    registry = await Registry.start({ credentials: true });
    emulator = await CodeEngineEmulator.start({
      docker: "real",
      timings: { workStepMs: 50 },
      gitAliases: { "https://git.example/": git.url, "git@git.example:": git.url },
      imageAliases: { "registry.test/": `${registry.address}/` },
    });
    client = new PlainClient(emulator.handlers, emulator.createApiKey());
    home = `/projects/${emulator.createProject({ name: "test" }).id}`;
    const data = { server: "registry.test", ...REGISTRY_USER };
    await client.post(`${home}/secrets`, { name: "push", format: "registry", data });
    const wrong = { server: "registry.test", username: "reader", password: "wrong" };
    await client.post(`${home}/secrets`, { name: "wrong", format: "registry", data: wrong });
    await client.post(`${home}/secrets`, { name: "key", format: "ssh_auth", data: { ssh_key: "a key" } });
    firstCommit = await git.commit("team/files", { "server/Dockerfile": DOCKERFILE, "server/page": "first" });
    secondCommit = await git.commit("team/files", { "server/page": "second" });
    await git.commit("team/broken", { Dockerfile: `FROM ${BUSYBOX_IMAGE}\n${RUN("echo about to fail; exit 7")}\n` });
    await git.commit("team/slow", { Dockerfile: `FROM ${BUSYBOX_IMAGE}\n${RUN("sleep 60")}\n` });
  });
  afterAll(async () => {
    await emulator?.[Symbol.asyncDispose]();
    await registry?.[Symbol.asyncDispose]();
    await git?.[Symbol.asyncDispose]();
    const filters = { label: ["slipway.test/code-engine-emulator"], reference: [`${registry.address}/*/*`] };
    expect(await engineClient().listImages({ filters })).toEqual([]);
  });

  let made = 0;
  async function build(patch: JsonObject): Promise<{ run: JsonObject; details: JsonObject; log: string }> {
    made += 1;
    const name = `run-${made}`;
    const run = {
      name,
      strategy_type: "dockerfile",
      source_url: "https://git.example/team/files",
      source_context_dir: "server",
      output_image: `registry.test/team/files:${made}`,
      output_secret: "push",
      ...patch,
    };
    expect((await client.post(`${home}/build_runs`, run)).status).toBe(202);
    const over = await eventually(
      "the run is over",
      async () => {
        const { body } = await client.get(`${home}/build_runs/${name}`);
        return body.status === "succeeded" || body.status === "failed" ? body : undefined;
      },
      { timeoutMs: 90_000 },
    );
    return { run: over, details: over.status_details as JsonObject, log: await logOf(name) };
  }
  async function logOf(run: string): Promise<string> {
    const headers = { authorization: `Bearer ${await client.token()}` };
    const subdomain = await namespace();
    const pods = `${emulator.proxyUrl}/api/v1/namespaces/${subdomain}/pods`;
    const list = await fetch(`${pods}?labelSelector=buildrun.shipwright.io/name%3D${run}`, { headers });
    const { items } = (await list.json()) as { items: { metadata: { name: string } }[] };
    const read = async (step: string) =>
      await (await fetch(`${pods}/${items[0]?.metadata.name}/log?container=${step}`, { headers })).text();
    return `${await read("step-source-default")}${await read("step-build-and-push")}`;
  }
  async function namespace(): Promise<string> {
    const { body } = await client.post(`${home}/jobs`, { name: `job-${made}`, image_reference: "icr.io/a/job" });
    const env = body.computed_env_variables as { name: string; value: string }[];
    return env.find(({ name }) => name === "CE_SUBDOMAIN")?.value ?? "";
  }
  /** What the registry has under a tag. */
  async function pushed(tag: string): Promise<string | null> {
    const basic = Buffer.from(`${REGISTRY_USER.username}:${REGISTRY_USER.password}`).toString("base64");
    const headers = {
      authorization: `Basic ${basic}`,
      accept: "application/vnd.docker.distribution.manifest.v2+json",
    };
    const url = `http://${registry.address}/v2/team/files/manifests/${tag}`;
    return (await fetch(url, { method: "HEAD", headers })).headers.get("docker-content-digest");
  }

  it("push what they say, from the commit that they say", async () => {
    const run_build_params = [{ type: "literal", name: "WORD", value: "ahoy" }];
    const { run, details, log } = await build({ run_build_params });
    expect(run).toMatchObject({ status: "succeeded" });
    expect(details).toMatchObject({ git_commit_sha: secondCommit, git_commit_author: "Developer" });
    expect(await pushed(String(made))).toBe(details.output_digest);
    expect(log).toContain("COPY page /page");
    expect(log).toContain("Cloning https://git.example/team/files");
  });

  it.each([
    { because: "by commit", revision: () => firstCommit, commit: () => firstCommit },
    { because: "by branch", revision: () => "main", commit: () => secondCommit },
  ])("take the revision that is asked for $because", async ({ revision, commit }) => {
    const { details } = await build({ source_revision: revision() });
    expect(details).toMatchObject({ reason: "succeeded", git_commit_sha: commit() });
  });

  it.each([
    {
      because: "the registry refuses the credentials",
      patch: { output_secret: "wrong" },
      reason: "missing_registry_access",
    },
    {
      because: "there is no such repository",
      patch: { source_url: "https://git.example/team/none" },
      reason: "missing_code_repo_access",
    },
    {
      because: "an address of ssh has no key",
      patch: { source_url: "git@git.example:team/files" },
      reason: "missing_code_repo_access",
    },
    { because: "there is no such revision", patch: { source_revision: "none" }, reason: "failed" },
    { because: "there is no such Dockerfile", patch: { strategy_spec_file: "Other" }, reason: "failed" },
  ])("fail where $because", async ({ patch, reason }) => {
    expect((await build(patch)).run).toMatchObject({ status: "failed", status_details: { reason } });
  });

  it("clone over ssh with a key", async () => {
    const { details } = await build({ source_url: "git@git.example:team/files", source_secret: "key" });
    expect(details).toMatchObject({ reason: "succeeded" });
  });

  it("print why a step failed", async () => {
    const source = { source_url: "https://git.example/team/broken", source_context_dir: null };
    const { details, log } = await build(source);
    expect(details).toMatchObject({ reason: "failed" });
    expect(log).toContain("about to fail");
    expect(log).toMatch(/returned a non-zero code: 7/);
  });

  it("end when their time is over", async () => {
    const { details } = await build({
      source_url: "https://git.example/team/slow",
      source_context_dir: null,
      timeout: 3,
    });
    expect(details).toMatchObject({ reason: "timeout" });
  });
});
