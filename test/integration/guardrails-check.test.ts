import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parse, stringify } from "yaml";
import { CONTROLLER_USER } from "../../src/approvals/people.ts";
import { admissionPlugins } from "../../src/cli/admission-plugins.ts";
import { type CheckOptions, checkGuardrails } from "../../src/cli/guardrails-check.ts";
import type { CheckReport } from "../../src/cli/guardrails-check-report.ts";
import { UsageError } from "../../src/cli/usage-error.ts";
import { BUILT_IN_PROFILES } from "../../src/guardrails/built-in.ts";
import { GUARDRAIL_FEATURES } from "../../src/guardrails/capabilities.ts";
import { systemClock } from "../../src/machinery/clock.ts";
import { kubeconfigOf, startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { Kubectl } from "../support/kubectl.ts";

/** `slipway guardrails check` against a running API server, as somebody would type it. */

let server: TestApiServer;
let directory: string;
let kubectl: Kubectl;

const typed = { apiVersion: "slipway.dev/v1alpha1" };
const profile = (name: string, spec: object) => ({ ...typed, kind: "GuardrailProfile", metadata: { name }, spec });
const deployment = (name: string, spec: object = {}, metadata: object = {}) => ({
  ...{ ...typed, kind: "RuntimeDeployment", metadata: { name, ...metadata } },
  spec: { source: { image: { reference: "registry.test/x:1" } }, ...spec },
});
const backend = (name: string, spec: object = {}) => ({
  ...{ ...typed, kind: "RuntimeBackend", metadata: { name } },
  spec: { type: "docker", ...spec },
});

const fromGit = { source: { git: { url: "https://git.test/team/x" } } };

/** What the backend tells: it enforces everything, but for AppArmor. */
const status = {
  capabilities: {
    sources: ["image"],
    guardrails: GUARDRAIL_FEATURES.map((feature) => ({
      feature,
      enforcement: feature.startsWith("appArmor") ? "NotEnforced" : "Enforced",
      reason: feature.startsWith("appArmor") ? "this kernel has no AppArmor" : "by the test",
    })),
  },
};

/** Who alone writes the status of a deployment. */
async function asController(): Promise<Kubectl> {
  const { url, caPem } = server;
  const user = `--user=${CONTROLLER_USER}`;
  await kubectl.run(["create", "clusterrolebinding", "controller", "--clusterrole=cluster-admin", user]);
  const token = (await kubectl.run(["create", "token", "slipway-controller", "-n", "slipway-system"])).trim();
  const file = join(directory, "controller.kubeconfig");
  await writeFile(file, JSON.stringify(kubeconfigOf({ url, caPem, name: "controller", token })));
  return new Kubectl(file);
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "slipway-check-"));
  server = await startTestApiServer({ admission: (reader) => admissionPlugins(reader, { clock: systemClock }) });
  kubectl = new Kubectl(server.kubeconfig);
  await kubectl.apply(
    ...BUILT_IN_PROFILES,
    profile("payments", {
      network: { egressAllowed: true, allowedHosts: ["api.bank.test"] },
      resources: { maxCpu: "1" },
    }),
    backend("docker", { default: true }),
    backend("bounded", { guardrailsBound: "restricted" }),
    backend("silent"),
    backend("builder"),
    {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "team-a", labels: { "slipway.dev/guardrails-bound": "standard" } },
    },
    {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "odd", labels: { "slipway.dev/guardrails-bound": "gone" } },
    },
  );
  for (const name of ["docker", "bounded"])
    await kubectl.run(["patch", "rtb", name, "--subresource=status", "--type=merge", "-p", JSON.stringify({ status })]);
  const builds = JSON.stringify({ status: { capabilities: { ...status.capabilities, sources: ["image", "git"] } } });
  await kubectl.run(["patch", "rtb", "builder", "--subresource=status", "--type=merge", "-p", builds]);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let files = 0;
async function check(objects: readonly object[] | string, options: Partial<CheckOptions> = {}): Promise<Said> {
  const text = typeof objects === "string" ? objects : objects.map((object) => stringify(object)).join("---\n");
  const filename = join(directory, `${++files}.yaml`);
  await writeFile(filename, text);
  return await run({ filename, ...options }, text);
}

async function run(options: CheckOptions, input = ""): Promise<Said> {
  const [stdout, stderr]: [string[], string[]] = [[], []];
  const code = await checkGuardrails(
    { kubeconfig: server.kubeconfig, ...options },
    {
      stdout: { write: (chunk) => stdout.push(String(chunk)) },
      stderr: { write: (chunk) => stderr.push(String(chunk)) },
      env: {},
      signal: AbortSignal.timeout(30_000),
      stdin: (async function* () {
        yield input;
      })(),
    },
  );
  return { code, stdout: stdout.join(""), stderr: stderr.join("") };
}

/** The first report, as programs read it. */
async function one(objects: object | readonly object[], options: Partial<CheckOptions> = {}) {
  const { code, stdout } = await check([objects].flat(), { output: "json", ...options });
  return { code, report: (JSON.parse(stdout) as CheckReport[])[0] as CheckReport };
}
const fieldOf = ({ fields }: CheckReport, name: string) => fields.find(({ field }) => field === name);

describe("slipway guardrails check", () => {
  it("shows everything of a deployment that names nothing", async () => {
    const { code, stdout, stderr } = await check([deployment("files", { resources: { cpu: "250m" } })]);
    expect(stdout.split("\n")).toEqual(
      expect.arrayContaining([
        "RuntimeDeployment default/files on RuntimeBackend docker: would run",
        "Profile:   standard",
        "Bounds:    none",
        "Limits:    cpu 250m, memory 512Mi, pids 100",
        expect.stringMatching(/^ +memory: 512Mi, the default of RuntimeBackend "docker"$/),
        expect.stringMatching(/^FIELD +VALUE +FROM +ENFORCEMENT +REASON$/),
        expect.stringMatching(
          /^network\.allowedHosts +\*\.googleapis\.com, api\.openai\.com, .+ +standard +Enforced +/,
        ),
        expect.stringMatching(/^filesystem\.allowedMounts +\/data, \/cache +standard +Enforced +/),
        expect.stringMatching(/^appArmor +profile mcp-standard +standard +NotEnforced +.*this kernel has no AppArmor$/),
      ]),
    );
    expect(stderr).toBe("");
    expect(code).toBe(0);
  });

  it("says which values are overrides", async () => {
    const overrides = { network: { allowedHosts: ["db.test:5432"] }, enforcement: "Strict" };
    const { code, report } = await one(deployment("a", { guardrails: { profile: "payments", overrides } }));
    expect(fieldOf(report, "network.allowedHosts")).toMatchObject({ value: "db.test:5432", from: "override" });
    expect(fieldOf(report, "network.egressAllowed")).toMatchObject({ value: "true", from: "profile" });
    expect(fieldOf(report, "enforcement")).toEqual({ field: "enforcement", value: "Strict", from: "override" });
    expect(report.refusals).toMatchObject([{ reason: "GuardrailNotEnforced" }]);
    expect(code).toBe(1);
  });

  it.each<{ because: string; object: object; options?: Partial<CheckOptions>; want: string[] }>([
    {
      because: "everything that is against it is told at once",
      object: deployment("a", {
        guardrails: { profile: "airgapped" },
        resources: { cpu: "4" },
        volumes: [{ name: "data", mountPath: "/data", volume: {} }],
      }),
      want: ["LimitExceeded", "IngressClosed"],
    },
    {
      because: "the label of its namespace bounds it",
      object: deployment("a", { guardrails: { profile: "unrestricted" } }, { namespace: "team-a" }),
      want: ["GuardrailsTooWide"],
    },
    {
      because: "so does the namespace of -n",
      object: deployment("a", { guardrails: { profile: "unrestricted" } }),
      options: { namespace: "team-a" },
      want: ["GuardrailsTooWide"],
    },
    {
      because: "and the backend of --backend",
      object: deployment("a", { guardrails: { profile: "standard" } }),
      options: { backend: "bounded" },
      want: ["GuardrailsTooWide"],
    },
    { because: "within its bounds it runs", object: deployment("a", {}, { namespace: "team-a" }), want: [] },
    {
      because: "its backend builds nothing",
      object: deployment("a", fromGit),
      want: ["SourceNotSupported"],
    },
    { because: "another builds", object: deployment("a", fromGit), options: { backend: "builder" }, want: [] },
    {
      because: "one that was never asked may",
      object: deployment("a", fromGit),
      options: { backend: "silent" },
      want: [],
    },
    {
      because: "the schema does not let such an address through",
      object: deployment("a", { source: { git: { url: "http://git.test/x" } } }),
      options: { backend: "builder" },
      want: ["Invalid"],
    },
    {
      because: "a bound that leads nowhere lets nothing start",
      object: deployment("a", {}, { namespace: "odd" }),
      want: ["GuardrailProfileNotFound"],
    },
    {
      because: "nor does a profile that is not there",
      object: deployment("a", { guardrails: { profile: "typo" } }),
      want: ["GuardrailProfileNotFound"],
    },
    {
      because: "nor a backend",
      object: deployment("a"),
      options: { backend: "typo" },
      want: ["BackendUnavailable"],
    },
    {
      because: "a host that nobody can read is named",
      object: deployment("a", { guardrails: { overrides: { network: { allowedHosts: ["https://x.test"] } } } }),
      want: ["InvalidSpec"],
    },
    {
      because: "what the API would not take is not judged further",
      object: deployment("a", { transport: { port: 0 }, guardrail: {} }),
      want: ["Invalid", "Invalid"],
    },
  ])("$because", async ({ object, options, want }) => {
    const { code, report } = await one(object, options);
    expect(report.refusals.map(({ reason }) => reason)).toEqual(want);
    expect(code).toBe(want.length > 0 ? 1 : 0);
  });

  it("names both values and the remedy in its table, too", async () => {
    const { stdout } = await check([
      deployment("a", { guardrails: { profile: "unrestricted" } }, { namespace: "team-a" }),
    ]);
    expect(stdout).toContain("RuntimeDeployment team-a/a on RuntimeBackend docker: refused\n  GuardrailsTooWide: ");
    expect(stdout).toMatch(/resources\.maxCpu: 2 \(namespace team-a allows by profile "standard": 500m\)/);
    expect(stdout).toContain("Bounds:    namespace team-a: standard\n");
  });

  it("says so where a backend has told nothing yet", async () => {
    const { code, stdout } = await check([deployment("a")], { backend: "silent" });
    expect(stdout).toContain(
      "Enforcement:   not known yet: RuntimeBackend silent has not answered its controller so far",
    );
    expect(code).toBe(0);
  });

  it("takes profiles and namespaces of the file before those of the API", async () => {
    const objects = [
      deployment("a", { guardrails: { profile: "payments" } }, { namespace: "new" }),
      profile("payments", { network: { egressAllowed: false } }),
      {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: { name: "new", labels: { "slipway.dev/guardrails-bound": "tight" } },
      },
      profile("tight", { enforcement: "Strict" }),
      { apiVersion: "v1", kind: "Secret", metadata: { name: "not-looked-at" } },
    ];
    const { report } = await one(objects);
    expect(fieldOf(report, "network.egressAllowed")).toMatchObject({ value: "false" });
    expect(report.bounds).toEqual([{ origin: "namespace new", profile: "tight" }]);
    expect(report.refusals).toMatchObject([
      { reason: "GuardrailsTooWide", message: expect.stringContaining("enforcement") },
    ]);
    const { items } = await kubectl.get<{ items: unknown[] }>("rtd", "-A");
    expect(items).toEqual([]);
  });

  it.each([
    { because: "a built-in name of another spec", object: profile("standard", {}), said: "it ships with Slipway" },
    {
      because: "a host that nobody can read",
      object: profile("mine", { network: { egressAllowed: true, allowedHosts: ["a b"] } }),
      said: "spec.network.allowedHosts[0]",
    },
    { because: "an unknown field", object: profile("mine", { netwrok: {} }), said: 'unknown field "spec.netwrok"' },
  ])("refuses a profile of the file for $because, and whom it is for", async ({ object, said }) => {
    const { metadata } = object;
    const { code, stdout, stderr } = await check([object, deployment("a", { guardrails: { profile: metadata.name } })]);
    expect(stderr).toContain(`document 1: GuardrailProfile ${metadata.name}: `);
    expect(stderr).toContain(said);
    expect(stdout).toContain("GuardrailProfileNotFound");
    expect(code).toBe(1);
  });

  it("leaves one that runs where it runs", async () => {
    await kubectl.apply(deployment("settled", {}, { namespace: "default" }));
    const status = JSON.stringify({ status: { workload: { backend: "silent" } } });
    await (await asController()).run(["patch", "rtd", "settled", "--subresource=status", "--type=merge", "-p", status]);
    expect((await one(deployment("settled"))).report.backend).toBe("silent");
    expect((await one(deployment("other"))).report.backend).toBe("docker");
    await kubectl.run(["delete", "rtd", "settled"]);
  });

  it("warns of a backend that a profile was not written for", async () => {
    const elsewhere = profile("elsewhere", { recommendedBackends: ["code-engine"] });
    const { code, stdout } = await check([elsewhere, deployment("a", { guardrails: { profile: "elsewhere" } })]);
    expect(stdout).toMatch(/\n\nInfo: recommendedBackends: .*code-engine.*docker/);
    expect(code).toBe(0);
  });

  it("reads standard input, and several deployments", async () => {
    const input = [deployment("a"), deployment("b", { guardrails: { profile: "typo" } })];
    const text = input.map((object) => stringify(object)).join("---\n");
    const { code, stdout } = await run({ filename: "-" }, text);
    expect(stdout.match(/^RuntimeDeployment .*$/gm)).toEqual([
      "RuntimeDeployment default/a on RuntimeBackend docker: would run",
      "RuntimeDeployment default/b on RuntimeBackend docker: refused",
    ]);
    expect(code).toBe(1);
  });

  it("writes YAML and JSON of the same", async () => {
    const object = deployment("a");
    const { stdout } = await check([object], { output: "yaml" });
    expect(parse(stdout)).toEqual([(await one(object)).report]);
  });

  it.each<{ because: string; text: string; options?: Partial<CheckOptions>; want: RegExp }>([
    { because: "there is nothing to check", text: stringify(profile("x", {})), want: /-f: holds no RuntimeDeployment/ },
    { because: "the file is no YAML", text: "a: [", want: /-f: .*document 1/ },
    { because: "the format is not known", text: "", options: { output: "xml" }, want: /-o: "xml" is not known/ },
    {
      because: "two namespaces are meant",
      text: stringify(deployment("a", {}, { namespace: "team-a" })),
      options: { namespace: "team-b" },
      want: /-n: "team-b" is not metadata.namespace "team-a"/,
    },
  ])("is used wrongly where $because", async ({ text, options, want }) => {
    const failure = await check(text, options).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UsageError);
    expect((failure as Error).message).toMatch(want);
  });

  it("needs no right to write, and says what right it lacks", async () => {
    const kubeconfig = await server.addUser("dana");
    await kubectl.run(["create", "rolebinding", "dana", "--clusterrole=slipway-developer", "--user=dana"]);
    await expect(check([deployment("a")], { kubeconfig })).rejects.toThrow(/cannot list .*slipway-cluster-viewer/);
    await kubectl.run(["create", "clusterrolebinding", "dana", "--clusterrole=slipway-cluster-viewer", "--user=dana"]);
    expect(await check([deployment("a")], { kubeconfig })).toMatchObject({ code: 0 });
  });
});
