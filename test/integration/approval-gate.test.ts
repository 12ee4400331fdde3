import { afterEach, describe, expect, it, jest } from "@jest/globals";
import { events, namespaces } from "../../src/api/core.ts";
import {
  type Approval,
  approvalPolicies,
  approvals,
  type RuntimeBackend,
  type RuntimeDeployment,
  runtimeBackends,
  runtimeDeployments,
} from "../../src/api/v1alpha1/index.ts";
import { controllerCredentials } from "../../src/cli/controller-credentials.ts";
import { dockerDriver } from "../../src/cli/docker-driver.ts";
import { createControllers } from "../../src/controllers/create-controllers.ts";
import { createExternalGateway } from "../../src/external-gateways/create-external-gateway.ts";
import { systemClock } from "../../src/machinery/clock.ts";
import { getCondition } from "../../src/machinery/conditions.ts";
import { createKubeClient, type DisposableKubeClient } from "../../src/machinery/http-kube-client.ts";
import { Manager } from "../../src/machinery/manager.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { memoryApprovals } from "../support/approval-services.ts";
import { NO_CLIENTS } from "../support/deployment-world.ts";
import { eventually } from "../support/eventually.ts";
import { startGuarded } from "../support/guarded-server.ts";
import { Kubectl } from "../support/kubectl.ts";
import { MemoryBackend } from "../support/memory-backend.ts";
import { MemoryEngine } from "../support/memory-engine.ts";
import { MemoryProber } from "../support/memory-prober.ts";
import { recordingLogger } from "../support/recording-logger.ts";

/** The controllers with their own rights, an API server with its own admission, and people with theirs. */

jest.setTimeout(60_000);

const NAMESPACE = "team-a";
const OLDER = "registry.test/files:1";
const NEWER = "registry.test/files:2";

let disposables: AsyncDisposableStack | undefined;
afterEach(async () => {
  await disposables?.disposeAsync();
  disposables = undefined;
});

interface Place {
  readonly api: TestApiServer;
  readonly admin: DisposableKubeClient;
  readonly dana: DisposableKubeClient;
  readonly sam: DisposableKubeClient;
  readonly engine: MemoryEngine;
  readonly audited: ReturnType<typeof memoryApprovals>["audited"];
  /** Ends the controllers and starts others. */
  restart(): Promise<void>;
  deployment(): Promise<RuntimeDeployment>;
  asked(): Promise<readonly Approval[]>;
  logged(): readonly string[];
}

async function place(start: () => Promise<TestApiServer>): Promise<Place> {
  const stack = new AsyncDisposableStack();
  disposables = stack;
  const api = stack.use(await start());
  const clientOf = async (kubeconfigPath: string) => stack.use(await createKubeClient({ kubeconfigPath }));
  const admin = await clientOf(api.kubeconfig);
  const kubectl = new Kubectl(api.kubeconfig);
  await admin.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
  for (const [user, role] of [
    ["dana", "slipway-developer"],
    ["sam", "slipway-approver"],
  ] as const)
    await kubectl.run(["create", "clusterrolebinding", user, `--clusterrole=${role}`, `--user=${user}`]);
  const dana = await clientOf(await api.addUser("dana"));
  const sam = await clientOf(await api.addUser("sam", ["security"]));
  const backend = { apiVersion: "slipway.dev/v1alpha1", kind: "RuntimeBackend", metadata: { name: "docker" } } as const;
  await admin.create<RuntimeBackend>(runtimeBackends, {
    ...backend,
    spec: { type: "docker", default: true } as RuntimeBackend["spec"],
  });

  const engine = new MemoryEngine(systemClock);
  const images = Object.fromEntries([OLDER, NEWER].map((image) => [image, engine.publish(image)]));
  const { services, audited } = memoryApprovals(images);
  const log = recordingLogger();
  const { logger } = log;
  const ended = new AbortController();
  stack.defer(() => ended.abort());
  const credentials = await controllerCredentials(admin, api, { clock: systemClock, logger, signal: ended.signal });
  let running: { stop: AbortController; ended: Promise<void>; client: DisposableKubeClient } | undefined;
  const stop = async () => {
    running?.stop.abort();
    await running?.ended;
    running?.client[Symbol.dispose]();
    running = undefined;
  };
  stack.defer(stop);
  let prober = new MemoryProber(engine);
  const boot = async () => {
    prober = new MemoryProber(engine);
    const client = await createKubeClient({ kubeconfigText: credentials.kubeconfigText });
    const controllers = createControllers({
      createGateway: createExternalGateway,
      ...{ client, logger, clock: systemClock, identity: "test", approvals: services },
      drivers: {
        docker: {
          settings: dockerDriver("test").settings,
          create: ({ metadata }) => new MemoryBackend(engine, { place: metadata.name }),
        },
      },
      prober,
      publicUrl: ({ name }) => `http://gateway.test/${name}`,
      drain: NO_CLIENTS,
    });
    const end = new AbortController();
    const manager = new Manager({ logger, drainTimeoutMs: 2_000 })
      .add("services", ...controllers.services)
      .add("caches", ...controllers.caches)
      .add("controllers", ...controllers.controllers);
    running = { stop: end, ended: manager.run(end.signal), client };
  };
  await boot();
  stack.defer(() => {
    for (const container of engine.containers.values()) container.cancel();
  });
  return {
    ...{ api, admin, dana, sam, engine, audited },
    async restart() {
      await stop();
      await boot();
    },
    async deployment() {
      prober.poll();
      return await admin.get(runtimeDeployments, { namespace: NAMESPACE, name: "files" });
    },
    asked: async () => (await admin.list(approvals, { namespace: NAMESPACE })).items,
    logged: () => log.lines.map((line) => JSON.stringify(line)),
  };
}

async function makePolicy({ admin }: Place, spec: object = {}): Promise<void> {
  await admin.create(approvalPolicies, {
    ...{ apiVersion: "slipway.dev/v1alpha1", kind: "ApprovalPolicy", metadata: { name: "images" } },
    spec: {
      rules: [{ name: "images", sourceTypes: ["image"] }],
      approvers: { groups: ["security"] },
      ...spec,
    } as never,
  });
}

/** What Argo CD and Flux know by that an object is theirs, to be pruned when it is not in the repository. */
const TRACKED = {
  labels: { "app.kubernetes.io/instance": "shop", "kustomize.toolkit.fluxcd.io/name": "shop" },
  annotations: { "argocd.argoproj.io/tracking-id": "shop:slipway.dev/RuntimeDeployment:team-a/files" },
};

async function wish({ dana }: Place, reference: string): Promise<void> {
  const metadata = { name: "files", ...TRACKED };
  const body = {
    ...{ apiVersion: "slipway.dev/v1alpha1", kind: "RuntimeDeployment", metadata },
    spec: { source: { image: { reference } }, guardrails: { profile: "standard" } },
  };
  const key = { namespace: NAMESPACE, name: "files" };
  await dana.patch(runtimeDeployments, key, { type: "apply", body, fieldManager: "dana" });
}

async function decide({ sam }: Place, { metadata }: Approval, verdict: "Approved" | "Rejected"): Promise<void> {
  const decision = { op: "add", path: "/spec/decisions/-", value: { verdict, reason: "as agreed" } };
  await sam.patch(approvals, { namespace: NAMESPACE, name: metadata.name }, { type: "json", body: [decision] });
}

/** What the backend was asked for the sake of a deployment: looking for orphans is its own. */
function callsOf({ engine }: Place): string[] {
  return [...engine.calls.keys()].filter((method) => method !== "collectOrphans");
}

const conditionOf = ({ status }: Pick<RuntimeDeployment, "status">, type: string) => {
  const found = getCondition(status?.conditions, type);
  return found && `${found.status} ${found.reason}`;
};

async function untilIs(at: Place, type: string, wanted: string): Promise<RuntimeDeployment> {
  return await eventually(
    `${type} is ${wanted}`,
    async () => {
      const found = await at.deployment();
      return conditionOf(found, type) === wanted ? found : undefined;
    },
    {
      explain: async () =>
        JSON.stringify([(await at.deployment()).status, await at.asked(), at.logged().slice(-20)], undefined, 1),
    },
  );
}

async function untilAsked(at: Place): Promise<Approval> {
  return await eventually(
    "somebody is asked",
    async () => (await at.asked()).find(({ status }) => status?.phase === "Pending"),
    { explain: async () => JSON.stringify([(await at.deployment()).status, at.logged().slice(-20)], undefined, 1) },
  );
}

describe("the gate, with admission in the API server", () => {
  const guarded = () => place(() => startGuarded("inprocess"));

  it("asks, waits without a backend call, runs what was approved, and keeps it while something newer waits", async () => {
    const at = await guarded();
    await makePolicy(at);
    await wish(at, OLDER);
    const question = await untilAsked(at);
    await untilIs(at, "Ready", "False PendingApproval");
    expect(callsOf(at)).toEqual([]);
    const deployment = await at.deployment();
    expect(deployment.status?.phase).toBe("PendingApproval");
    expect(deployment.status?.approvalRef).toEqual({ name: question.metadata.name });
    expect(question.metadata.ownerReferences).toMatchObject([{ uid: deployment.metadata.uid, controller: true }]);
    // Nobody who declares the deployment takes it for their own, and prunes it.
    const own = Object.keys({ ...question.metadata.labels, ...question.metadata.annotations });
    expect(own.filter((key) => key in TRACKED.labels || key in TRACKED.annotations)).toEqual([]);
    expect(question.spec.requesters.map(({ username }) => username)).toContain("dana");
    expect(question.spec.review?.enforcement?.length).toBeGreaterThan(5);

    await decide(at, question, "Approved");
    await untilIs(at, "Ready", "True Connected");
    await untilIs(at, "Approved", "True Approved");

    await wish(at, NEWER);
    const newer = await untilAsked(at);
    expect(newer.spec.review?.changes?.map(({ field }) => field)).toContain("image");
    const waits = await untilIs(at, "Reconciling", "True PendingApproval");
    expect(conditionOf(waits, "Ready")).toBe("True Connected");
    expect(waits.status?.workload?.generation).toBe(1);

    await decide(at, newer, "Rejected");
    const refused = await untilIs(at, "Stalled", "True ApprovalRejected");
    expect(conditionOf(refused, "Ready")).toBe("True Connected");
    expect(at.audited.map(({ type }) => type)).toEqual(
      expect.arrayContaining(["Requested", "Approved", "Decided", "Rejected"]),
    );
    await eventually("events tell of it", async () => {
      const { items } = await at.admin.list(events, { namespace: NAMESPACE });
      const reasons = items
        .filter(({ regarding }) => regarding.kind === "RuntimeDeployment")
        .map(({ reason }) => reason);
      return ["ApprovalRequested", "ApprovalRejected"].every((reason) => reasons.includes(reason));
    });
  });

  it("is what a controller finds that starts between the decision and the workload", async () => {
    const at = await guarded();
    await makePolicy(at);
    await wish(at, OLDER);
    const question = await untilAsked(at);
    await at.restart();
    await decide(at, question, "Approved");
    await at.restart();
    await untilIs(at, "Ready", "True Connected");
    expect((await at.asked()).map(({ metadata }) => metadata.name)).toEqual([question.metadata.name]);
  });

  it("says that a question is void which nobody has any more", async () => {
    const at = await guarded();
    await makePolicy(at);
    await wish(at, OLDER);
    const question = await untilAsked(at);
    await wish(at, NEWER);
    await eventually("the first question is void", async () =>
      (await at.asked()).some(
        ({ metadata, status }) => metadata.name === question.metadata.name && status?.phase === "Superseded",
      ),
    );
    await expect(decide(at, question, "Approved")).rejects.toThrow(/Superseded|not Pending|decided|over/i);
  });
});

describe("the gate, where nobody asks admission", () => {
  it("holds what needs approval, and asks nobody", async () => {
    const at = await place(() => startTestApiServer());
    await makePolicy(at);
    await wish(at, OLDER);
    await untilIs(at, "Ready", "False AdmissionMissing");
    expect(callsOf(at)).toEqual([]);
    expect(await at.asked()).toEqual([]);
  });
});
