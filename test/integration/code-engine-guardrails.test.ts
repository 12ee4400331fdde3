import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { events, type Namespace, namespaces, type Secret, secrets } from "../../src/api/core.ts";
import type { NewObject } from "../../src/api/meta.ts";
import {
  type GuardrailProfile,
  guardrailProfiles,
  type RuntimeBackend,
  type RuntimeBackendSpec,
  type RuntimeDeployment,
  runtimeBackends,
  runtimeDeployments,
} from "../../src/api/v1alpha1/index.ts";
import { codeEngineDriver } from "../../src/cli/code-engine-driver.ts";
import { createControllers } from "../../src/controllers/create-controllers.ts";
import { createExternalGateway } from "../../src/external-gateways/create-external-gateway.ts";
import { systemClock } from "../../src/machinery/clock.ts";
import { getCondition } from "../../src/machinery/conditions.ts";
import { createKubeClient, type DisposableKubeClient } from "../../src/machinery/http-kube-client.ts";
import { Manager } from "../../src/machinery/manager.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { memoryApprovals } from "../support/approval-services.ts";
import { PlainClient } from "../support/code-engine/plain-client.ts";
import { CodeEngineWorld } from "../support/code-engine-under-test.ts";
import { NO_CLIENTS } from "../support/deployment-world.ts";
import { eventually } from "../support/eventually.ts";
import { MemoryEngine } from "../support/memory-engine.ts";
import { MemoryProber } from "../support/memory-prober.ts";

const NAMESPACE = "team-a";
/** Closed, and nothing else of what Code Engine cannot do. */
const SEALED = {
  network: { egressAllowed: false },
  filesystem: { readOnlyRoot: false },
  capabilities: { dropAll: false },
  seccomp: { type: "Unconfined" },
  appArmor: { type: "Unconfined" },
};

describe("guardrails of a RuntimeBackend of type code-engine", () => {
  let world: CodeEngineWorld;
  let api: TestApiServer;
  let client: DisposableKubeClient;
  let running: { stop: AbortController; ended: Promise<void> } | undefined;

  beforeEach(async () => {
    world = await CodeEngineWorld.start({ timings: { workStepMs: 20 } });
    api = await startTestApiServer();
    client = await createKubeClient({ kubeconfigPath: api.kubeconfig });
    const ours = { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } };
    await client.create<Namespace>(namespaces, ours);
    const metadata = { namespace: "slipway-system", name: "ibm" };
    const data = { apiKey: Buffer.from(world.apiKey).toString("base64") };
    await client.create<Secret>(secrets, { apiVersion: "v1", kind: "Secret", type: "Opaque", metadata, data });
    running = start();
  });
  afterEach(async () => {
    running?.stop.abort();
    await running?.ended;
    running = undefined;
    client[Symbol.dispose]();
    await api[Symbol.asyncDispose]();
    await world[Symbol.asyncDispose]();
  });

  /** As in production, but with the pace of the emulator. */
  function start() {
    const { logger } = world.log;
    const { settings } = codeEngineDriver(world.installation);
    const controllers = createControllers({
      client,
      drivers: {
        "code-engine": {
          settings,
          create: ({ metadata, spec }) => world.backend({ name: metadata.name, spec: spec.codeEngine ?? world.spec() }),
        },
      },
      prober: new MemoryProber(new MemoryEngine(systemClock)),
      clock: systemClock,
      logger,
      identity: "test",
      createGateway: createExternalGateway,
      approvals: memoryApprovals().services,
      publicUrl: ({ name }) => `http://gateway.test/${name}`,
      drain: NO_CLIENTS,
    });
    const stop = new AbortController();
    const manager = new Manager({ logger, drainTimeoutMs: 2_000 })
      .add("services", ...controllers.services)
      .add("caches", ...controllers.caches)
      .add("controllers", ...controllers.controllers);
    return { stop, ended: manager.run(stop.signal) };
  }

  async function createBackend(
    egress: "Managed" | "Unmanaged",
    guardrailsBound?: string,
    { name = "ibm", ...spec }: { name?: string } & Parameters<CodeEngineWorld["spec"]>[0] = {},
  ): Promise<void> {
    await client.create<RuntimeBackend>(runtimeBackends, {
      apiVersion: "slipway.dev/v1alpha1",
      kind: "RuntimeBackend",
      metadata: { name },
      spec: {
        type: "code-engine",
        ...(guardrailsBound !== undefined && { guardrailsBound }),
        codeEngine: world.spec({ egress, ...spec }),
      } as RuntimeBackendSpec,
    });
  }
  async function createProfile(name: string, spec: object): Promise<void> {
    const object = { apiVersion: "slipway.dev/v1alpha1", kind: "GuardrailProfile", metadata: { name }, spec };
    await client.create<GuardrailProfile>(guardrailProfiles, object as NewObject<GuardrailProfile>);
  }
  async function createDeployment(name: string, profile: string, spec: object = {}): Promise<void> {
    const object = {
      apiVersion: "slipway.dev/v1alpha1",
      kind: "RuntimeDeployment",
      metadata: { name, namespace: NAMESPACE },
      spec: {
        backend: "ibm",
        source: { image: { reference: "registry.test/files:1" } },
        guardrails: { profile },
        ...spec,
      },
    };
    await client.create<RuntimeDeployment>(runtimeDeployments, object as NewObject<RuntimeDeployment>);
  }
  const deployment = (name: string) => client.get(runtimeDeployments, { namespace: NAMESPACE, name });
  const backend = () => client.get(runtimeBackends, { namespace: "", name: "ibm" });
  const untilDeployment = (name: string, look: (found: RuntimeDeployment) => boolean) =>
    eventually(
      `${name} is so`,
      async () => {
        const found = await deployment(name);
        return look(found) && found;
      },
      { everyMs: 20, timeoutMs: 30_000, explain: async () => JSON.stringify((await deployment(name)).status) },
    );
  const untilBackend = (look: (found: RuntimeBackend) => boolean) =>
    eventually(
      "the backend is so",
      async () => {
        const found = await backend();
        return look(found) && found;
      },
      { everyMs: 20, timeoutMs: 30_000, explain: async () => JSON.stringify((await backend()).status) },
    );
  const keepsEgress = ({ status }: RuntimeBackend) =>
    getCondition(status?.conditions, "EgressManaged")?.status === "True";
  const warningsOf = ({ status }: RuntimeDeployment) =>
    (status?.guardrails?.warnings ?? []).map(({ severity, field }) => `${severity} ${field}`);
  async function rules(): Promise<string[]> {
    const admin = new PlainClient(world.emulator.handlers, world.emulator.createApiKey());
    const { body } = await admin.get(`/projects/${world.project.id}/allowed_outbound_destinations`);
    return (body.allowed_outbound_destinations as { cidr_block: string }[]).map(({ cidr_block }) => cidr_block).sort();
  }

  it.each([
    { profile: "unrestricted", want: ["Info recommendedBackends"] },
    {
      profile: "standard",
      want: [
        "Warning network.allowedHosts",
        "Info network.ingressPorts",
        "Warning filesystem.readOnlyRoot",
        "Warning capabilities.dropAll",
        "Warning capabilities.add",
        "Warning resources.maxPids",
        "Warning seccomp",
        "Warning appArmor",
      ],
    },
    {
      profile: "restricted",
      want: [
        "Warning network.egressAllowed",
        "Warning network.allowedHosts",
        "Info network.ingressPorts",
        "Warning filesystem.readOnlyRoot",
        "Warning capabilities.dropAll",
        "Warning resources.maxPids",
        "Warning seccomp",
        "Warning appArmor",
      ],
    },
  ])("warn of what $profile asks for and does not get", async ({ profile, want }) => {
    await createBackend("Unmanaged");
    await createDeployment("files", profile);
    const found = await untilDeployment("files", ({ status }) => status?.phase === "Running");
    expect(warningsOf(found)).toEqual(want);
    expect(await rules()).toEqual(["0.0.0.0/0"]);
  });

  it("refuse airgapped, whose memory is less than Code Engine has to give", async () => {
    await createBackend("Unmanaged");
    await createDeployment("files", "airgapped", { health: { probe: "none" } });
    const found = await untilDeployment("files", ({ status }) => status?.phase === "Error");
    expect(getCondition(found.status?.conditions, "Stalled")).toMatchObject({ reason: "LimitExceeded" });
    expect(world.emulator.calls.writes()).toEqual([]);
  });

  it("refuse what is strict by name of each field, and make nothing", async () => {
    await createBackend("Unmanaged");
    await untilBackend(({ status }) => getCondition(status?.conditions, "Available")?.status === "True");
    await createProfile("strict", {
      enforcement: "Strict",
      network: { egressAllowed: false, ingressPorts: [8080] },
      filesystem: { readOnlyRoot: true, allowedMounts: [] },
      capabilities: { dropAll: true },
      resources: { maxCpu: "1", maxMemory: "4G", maxPids: 50 },
      runAsNonRoot: true,
    });
    world.emulator.calls.clear();
    await createDeployment("files", "strict");
    const found = await untilDeployment("files", ({ status }) => status?.phase === "Error");
    const { reason, message = "" } = getCondition(found.status?.conditions, "Stalled") ?? {};
    expect(reason).toBe("GuardrailNotEnforced");
    const fields = [
      ...message.matchAll(/(network|filesystem|capabilities|resources)\.\w+|seccomp|appArmor|runAsNonRoot/g),
    ];
    expect([...new Set(fields.map(([field]) => field))]).toEqual([
      "network.egressAllowed",
      "network.allowedHosts",
      "filesystem.readOnlyRoot",
      "capabilities.dropAll",
      "resources.maxPids",
      "seccomp",
      "appArmor",
    ]);
    // One question is whether something of it runs there: nothing but that is asked.
    expect(world.emulator.calls.writes()).toEqual([]);
    expect(world.emulator.calls.count({ path: /\/(secrets|builds|build_runs|allowed_outbound_destinations)/ })).toBe(0);
  });

  it("let a strict profile in that a project with rules of its own keeps", async () => {
    await createProfile("sealed", { enforcement: "Strict", network: { egressAllowed: false } });
    await createProfile("strict", { enforcement: "Strict", ...SEALED });
    await createBackend("Managed", "strict");
    await untilBackend(keepsEgress);
    await createDeployment("files", "strict");
    const found = await untilDeployment("files", ({ status }) => status?.phase === "Running");
    expect(warningsOf(found)).toEqual([
      "Info network.egressAllowed",
      "Info network.allowedHosts",
      "Info network.ingressPorts",
    ]);
    await createDeployment("other", "sealed");
    await untilDeployment(
      "other",
      ({ status }) => getCondition(status?.conditions, "Stalled")?.reason === "GuardrailNotEnforced",
    );
  });

  it("are those of a backend without a Docker section", async () => {
    await createBackend("Unmanaged");
    expect((await backend()).spec).not.toHaveProperty("docker");
    const patched = client.patch(
      runtimeBackends,
      { namespace: "", name: "ibm" },
      { type: "merge", body: { spec: { docker: {} } } },
    );
    await expect(patched).rejects.toThrow(/docker belongs to type docker; remove it/);
  });

  it("are refused by the API where rules are to be kept and nothing bounds them", async () => {
    await expect(createBackend("Managed")).rejects.toThrow(
      /codeEngine.egress Managed needs guardrailsBound, the GuardrailProfile that says what the project may reach; set it/,
    );
  });

  it("leave the rules of a project to the RuntimeBackend that was made first, whatever its name", async () => {
    await createProfile("bound", SEALED);
    await createProfile("open", { network: { egressAllowed: true } });
    await createBackend("Managed", "bound");
    await untilBackend(keepsEgress);
    await createBackend("Managed", "open", { name: "other", project: { id: world.project.id } });
    const refused = await eventually("the other is refused", async () => {
      const { status } = await client.get(runtimeBackends, { namespace: "", name: "other" });
      return getCondition(status?.conditions, "EgressManaged");
    });
    expect(refused).toMatchObject({
      status: "False",
      reason: "EgressNotReady",
      message: expect.stringContaining('RuntimeBackend "ibm" was made first'),
    });
    await createDeployment("files", "open", { backend: "other" });
    const held = await untilDeployment("files", (each) => JSON.stringify(each.status).includes("nothing starts yet"));
    expect(held.status?.phase).not.toBe("Running");
    expect(await rules()).toEqual([]);
    expect(keepsEgress(await backend())).toBe(true);
  });

  it("keep the rules of a dedicated project with their bound, and say what that leaves of a profile", async () => {
    await createProfile("bound", SEALED);
    await createBackend("Managed", "bound");
    const closed = await untilBackend(keepsEgress);
    expect(getCondition(closed.status?.conditions, "EgressManaged")).toMatchObject({
      reason: "EgressInForce",
      message: expect.stringContaining("every workload of project tools may reach nothing outside of it"),
    });
    expect(closed.status?.capabilities?.openRanges).toEqual([]);
    expect(await rules()).toEqual([]);
    await createDeployment("files", "restricted");
    const kept = await untilDeployment("files", ({ status }) => status?.phase === "Running");
    expect(warningsOf(kept).slice(0, 2)).toEqual(["Info network.egressAllowed", "Info network.allowedHosts"]);

    const network = { egressAllowed: true, allowedHosts: ["10.20.0.0/16", "api.openai.com"] };
    await client.patch(
      guardrailProfiles,
      { namespace: "", name: "bound" },
      { type: "merge", body: { spec: { network } } },
    );
    const opened = await untilBackend(({ status }) => status?.capabilities?.openRanges?.[0] === "10.20.0.0/16");
    await untilBackend(keepsEgress);
    expect(opened.status?.capabilities?.openRanges).toEqual(["10.20.0.0/16"]);
    expect(await rules()).toEqual(["10.20.0.0/16"]);
    const wider = await untilDeployment("files", (found) => warningsOf(found)[0] === "Warning network.egressAllowed");
    expect(wider.status?.guardrails?.warnings?.[0]?.message).toBe(
      "nothing may be reached: every workload of the backend can reach 10.20.0.0/16, whatever its profile says",
    );
    expect(getCondition((await backend()).status?.conditions, "EgressManaged")).toMatchObject({
      reason: "HostsLeftOut",
      message: expect.stringContaining("api.openai.com (host names cannot be rules)"),
    });
    const told = await eventually("it is told", async () => {
      const { items } = await client.list(events);
      const notes = items.flatMap(({ reason, note }) => (reason === "EgressChanged" ? [note] : []));
      return notes.length >= 2 && notes;
    });
    // Two writes of one moment; a list is in the order of names.
    expect(told.sort()).toEqual([
      "changed what workloads here may reach: closed 0.0.0.0/0 (rule allow-all)",
      "changed what workloads here may reach: opened 10.20.0.0/16 (rule slipway-1)",
    ]);
  });

  it("start nothing while the profile that bounds a dedicated project is missing", async () => {
    await createBackend("Managed", "nowhere");
    await createDeployment("files", "restricted");
    const found = await untilBackend(
      ({ status }) => getCondition(status?.conditions, "EgressManaged")?.status === "False",
    );
    expect(getCondition(found.status?.conditions, "EgressManaged")?.reason).toBe("GuardrailProfileNotFound");
    await untilDeployment("files", ({ status }) => status?.phase === "Error");
    expect(world.emulator.calls.writes()).toEqual([]);
    expect(await rules()).toEqual(["0.0.0.0/0"]);
    await createProfile("nowhere", SEALED);
    await untilDeployment("files", ({ status }) => status?.phase === "Running");
    expect(await rules()).toEqual([]);
  });
});
