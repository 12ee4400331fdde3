import { randomUUID } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import {
  type Backend,
  type ImageRequest,
  NO_IMAGE,
  type Owner,
  type Workload,
  type WorkloadSpec,
} from "../../src/backends/backend.ts";
import { GUARDRAIL_FEATURES } from "../../src/guardrails/capabilities.ts";
import {
  type Confinement,
  NEVER_WITH_RESTRICTED_NETWORK,
  type NetworkRules,
} from "../../src/guardrails/confinement.ts";
import type { Guardrails } from "../../src/guardrails/guardrails.ts";
import { eventually } from "../support/eventually.ts";

/** What is only asked of backends that can do it. */
export interface Abilities {
  /** It publishes on ports of a machine, which are chosen, given and taken. */
  readonly ports: boolean;
  /** A candidate runs beside the current workload; else the place tries a newer revision by itself. */
  readonly candidates: boolean;
  /** It keeps to network rules by a sandbox, which can be lost. */
  readonly sandboxes: boolean;
  /** It finds out the user of every image. */
  readonly users: boolean;
  /** It replaces what serves by itself. Default: where no candidate runs beside it. */
  readonly updates?: boolean;
  /** It runs processes out of images, and knows when they began and ended. Unless it says no. */
  readonly processes?: boolean;
}

/** A backend and what the suite has to know of its world. */
export interface BackendWorld extends AsyncDisposable {
  readonly backend: Backend;
  /** An image that is there or can be had, and whose program listens on `port` until it is told to end. */
  readonly image: string;
  readonly port: number;
  /** What is run, or reached, in the place of the image. */
  readonly program?: NonNullable<WorkloadSpec["program"]>;
  /** What a workload may have at least. Default: half a core and 64 MiB. */
  readonly limits?: WorkloadSpec["limits"];
  /** What else it takes to run that program. */
  readonly spec?: Partial<WorkloadSpec>;
  /** How the place tells of what it runs and what it does not find. Default: images. */
  readonly sources?: { readonly name: string; readonly pinned: RegExp; readonly missing: RegExp };
  /** The same program in an image whose user is root. */
  readonly rootImage: string;
  /** Ends what enforces the rules of a workload's network. */
  endSandbox(workload: Workload): Promise<void>;
  /** A reference behind which there is no image. */
  readonly missingImage: string;
  /** Whether something answers at `Workload.address`. */
  answers(address: string): Promise<boolean>;
}

const IMAGES = {
  name: "image",
  pinned: /^(.+@)?sha256:[0-9a-f]{64}$/,
  missing: /^Image(NotFound|PullFailed|PullUnauthorized)$/,
};

const CALL_MS = 60_000;
const within = (): AbortSignal => AbortSignal.timeout(CALL_MS);

/** What every Backend promises, whatever stands behind it. Each case is an owner of its own, removed at its end. */
export function backendContract(
  name: string,
  start: () => Promise<BackendWorld>,
  can: Abilities = { ports: true, candidates: true, sandboxes: true, users: true },
): void {
  const withPorts = can.ports ? it : it.skip;
  const withCandidates = can.candidates ? it : it.skip;
  const inPlace = (can.updates ?? !can.candidates) ? it : it.skip;
  const { processes = true } = can;
  const withProcesses = processes ? it : it.skip;
  const withUsers = can.users ? it : it.skip;
  const describeSandboxes = can.sandboxes ? describe : describe.skip;
  describe(`${name} honours the Backend contract`, () => {
    it("says that it is there, and what it can do", async () => {
      await using world = await start();
      const health = await world.backend.health(within());
      expect(health).toMatchObject({ available: true, reason: "Available" });
      if (processes) expect(health.version).toEqual(expect.any(String));
      expect(health.capabilities?.sources).toContain(world.program?.kind ?? (world.sources ?? IMAGES).name);
      const { features } = health.capabilities?.guardrails ?? {};
      expect(Object.keys(features ?? {}).sort()).toEqual([...GUARDRAIL_FEATURES].sort());
    });

    it("observes nothing of an owner that it does not know", async () => {
      await using world = await start();
      expect(await world.backend.observe(newOwner(), within())).toEqual([]);
    });

    withProcesses("says that an image does not exist", async () => {
      await using world = await start();
      await expect(world.backend.resolveImage(request(world.missingImage), within())).rejects.toMatchObject({
        reason: expect.stringMatching((world.sources ?? IMAGES).missing),
        message: world.sources ? expect.any(String) : expect.stringContaining(world.missingImage.split(":")[0] ?? ""),
      });
    });

    withProcesses("pins an image in such a way that the pin resolves to itself", async () => {
      await using world = await start();
      const { pinned } = await world.backend.resolveImage(request(world.image), within());
      expect(pinned).toMatch((world.sources ?? IMAGES).pinned);
    });

    it("creates once, however often and at how many places it is asked", async () => {
      await using use = await deployment(start);
      const { backend, spec } = use;
      const options = { role: "current", hostPort: undefined } as const;
      const made = await Promise.all([1, 2, 3].map(() => backend.create(spec, options, within())));
      const again = await backend.create(spec, options, within());
      expect(new Set([...made, again].map(({ id }) => id)).size).toBe(1);
      const [workload, ...more] = await backend.observe(spec.owner, within());
      expect(more).toEqual([]);
      expect(workload).toMatchObject({ ...describes(spec), role: "current", state: { kind: "created" }, drift: [] });
      expect(workload?.address).toBeUndefined();
      expect(workload?.startedAt).toBeUndefined();
    });

    it("starts a workload that answers at its address, once however often it is asked", async () => {
      await using use = await deployment(start);
      const { id } = await use.backend.create(use.spec, current(), within());
      await use.backend.start(id, within());
      const started = await running(use);
      expect(started).toMatchObject({ id, ...describes(use.spec), state: { kind: "running" }, platformRestarts: 0 });
      const again = await use.backend.start(id, within());
      expect(again.startedAt).toBe(started.startedAt);
      await eventually("the workload answers", () => use.world.answers(started.address ?? ""));
      expect(await use.backend.observe(use.spec.owner, within())).toEqual([again]);
    });

    withProcesses("stops and starts again on the same port", async () => {
      await using use = await deployment(start);
      const first = await launch(use);
      await use.backend.stop(first.id, 1, within());
      await use.backend.stop(first.id, 1, within());
      const [stopped] = await use.backend.observe(use.spec.owner, within());
      expect(stopped).toMatchObject({ id: first.id, state: { kind: "exited", outOfMemory: false } });
      expect(stopped?.address).toBeUndefined();
      await use.backend.start(first.id, within());
      const second = await running(use);
      expect(second).toMatchObject({ state: { kind: "running" }, hostPort: first.hostPort, address: first.address });
      expect(second.startedAt).not.toBe(first.startedAt);
    });

    withPorts("takes a port that it is given", async () => {
      await using use = await deployment(start);
      const first = await launch(use);
      await use.backend.delete(first.id, within());
      const second = await launch(use, { role: "current", hostPort: first.hostPort });
      expect(second.id).not.toBe(first.id);
      expect(second.address).toBe(first.address);
    });

    withCandidates("runs a candidate beside the current workload, on a port of its own", async () => {
      await using use = await deployment(start);
      const serving = await launch(use);
      const newer = { ...use.spec, hash: "newer", generation: 2 };
      const candidate = await launch({ ...use, spec: newer }, { role: "candidate", hostPort: undefined });
      expect(candidate).toMatchObject({ role: "candidate", hash: "newer", generation: 2 });
      if (can.ports) expect(candidate.hostPort).not.toBe(serving.hostPort);
      const observed = await use.backend.observe(use.spec.owner, within());
      expect(observed.map(({ role }) => role)).toEqual(["current", "candidate"]);
    });

    it("deletes what is there and succeeds when it is gone", async () => {
      await using use = await deployment(start);
      const { id } = await launch(use);
      await use.backend.delete(id, within());
      await use.backend.delete(id, within());
      await use.backend.stop(id, 1, within());
      expect(await use.backend.observe(use.spec.owner, within())).toEqual([]);
    });

    inPlace("replaces what serves without an end of it", async () => {
      await using use = await deployment(start);
      const first = await launch(use);
      const spec = { ...use.spec, hash: "newer", generation: 2, env: { ANOTHER: "value" } };
      await use.backend.update?.(first.id, spec, within());
      const second = await eventually("the newer one serves", async () => {
        const [found] = await use.backend.observe(spec.owner, within());
        expect(found?.state).toEqual({ kind: "running" });
        return found?.hash === "newer" && !found.rollout ? found : undefined;
      });
      expect(second).toMatchObject({ ...describes(spec), id: first.id, address: first.address, drift: [] });
      expect(second.startedAt).not.toBe(first.startedAt);
      await eventually("the workload answers", () => use.world.answers(second.address ?? ""));
    });

    withPorts("reports a port that another has, by name and with a remedy", async () => {
      await using use = await deployment(start);
      const other = await launch(use);
      const spec = { ...use.spec, owner: newOwner() };
      try {
        const created = await use.backend.create(spec, { role: "current", hostPort: other.hostPort }, within());
        await expect(use.backend.start(created.id, within())).rejects.toMatchObject({
          name: "TransientError",
          reason: "PortConflict",
          message: expect.stringContaining(String(other.hostPort)),
        });
      } finally {
        await use.backend.purge(spec.owner, within());
      }
    });

    it("purges all that an owner has, and only that", async () => {
      await using use = await deployment(start);
      await using other = await deployment(start);
      await launch(use);
      if (can.candidates) await launch(use, { role: "candidate", hostPort: undefined });
      const kept = await launch(other);
      await eventually("nothing is left", () => use.backend.purge(use.spec.owner, within()));
      expect(await use.backend.purge(use.spec.owner, within())).toBe(true);
      expect(await use.backend.observe(use.spec.owner, within())).toEqual([]);
      expect(await other.backend.observe(other.spec.owner, within())).toEqual([kept]);
    });

    it("collects what nobody owns any more", async () => {
      await using use = await deployment(start);
      const lost = { ...use.spec, owner: newOwner() };
      const kept = await launch(use);
      await use.backend.create(lost, current(), within());
      const removed = await use.backend.collectOrphans(({ uid }) => uid !== lost.owner.uid, within());
      expect(removed).toEqual([lost.owner]);
      expect(await use.backend.observe(lost.owner, within())).toEqual([]);
      expect(await use.backend.observe(use.spec.owner, within())).toEqual([kept]);
    });

    it("tells a watcher about what changes, until it is told to stop", async () => {
      await using use = await deployment(start);
      const { owner } = use.spec;
      const stop = new AbortController();
      let told = 0;
      use.backend.watch(({ uid }) => {
        if (uid === owner.uid) told += 1;
      }, stop.signal);
      // A watch begins with what is there, and need not tell what `start` has answered.
      const { id } = await launch(use);
      const before = told;
      await use.backend.delete(id, within());
      await eventually("the end is told", () => told > before);
      stop.abort();
    });

    it("keeps what a workload was made under", async () => {
      const guardrails = { ...UNRESTRICTED, profile: "payments", runAsNonRoot: true };
      await using use = await deployment(start);
      await launch({ ...use, spec: { ...use.spec, guardrails } });
      const [workload] = await use.backend.observe(use.spec.owner, within());
      expect(workload?.guardrails).toEqual(guardrails);
    });

    withProcesses.each(NEVER_WITH_RESTRICTED_NETWORK)(
      "gives %s to nobody whose network is restricted",
      async (name) => {
        await using world = await start();
        const confinement = { ...CONFINED, capabilities: { dropAll: true, add: [name] } };
        const { program } = world.spec ?? {};
        const asked = program ? { imageReference: undefined, program } : { imageReference: world.image };
        expect(() => world.backend.admit({ ...ANY, ...asked, confinement })).toThrow(
          expect.objectContaining({ name: "TerminalError", message: expect.stringContaining(name) }),
        );
      },
    );

    withUsers("makes nothing of an image that runs as root where it must not", async () => {
      await using use = await deployment(start, { image: "rootImage" });
      const spec = { ...use.spec, confinement: { ...UNCONFINED, runAsNonRoot: true } };
      await expect(use.backend.create(spec, current(), within())).rejects.toMatchObject({
        name: "TerminalError",
        reason: "RunsAsRoot",
      });
      expect(await use.backend.observe(spec.owner, within())).toEqual([]);
    });

    describeSandboxes("a workload whose network is restricted", () => {
      it("starts, stops and starts again as any other", async () => {
        await using use = await deployment(start, { confinement: CONFINED });
        const first = await launch(use);
        await eventually("the workload answers", () => use.world.answers(first.address ?? ""));
        expect(await use.backend.observe(use.spec.owner, within())).toEqual([first]);
        await use.backend.stop(first.id, 1, within());
        const second = await use.backend.start(first.id, within());
        expect(second).toMatchObject({ state: { kind: "running" }, address: first.address, drift: [] });
        await use.backend.delete(second.id, within());
        expect(await use.backend.observe(use.spec.owner, within())).toEqual([]);
      });

      it("is created once, too", async () => {
        await using use = await deployment(start, { confinement: CONFINED });
        const made = await Promise.all([1, 2, 3].map(() => use.backend.create(use.spec, current(), within())));
        const again = await use.backend.create(use.spec, current(), within());
        expect(new Set([...made, again].map(({ id }) => id)).size).toBe(1);
        expect(await use.backend.start(again.id, within())).toMatchObject({ state: { kind: "running" }, drift: [] });
      });

      it("has no address where nothing may come in", async () => {
        const network = { ...RULES, ingressPorts: [] };
        await using use = await deployment(start, { confinement: { ...UNCONFINED, network } });
        expect(await launch(use)).toMatchObject({ state: { kind: "running" }, address: undefined, drift: [] });
      });

      it("is told to drift when its rules are gone, and runs inside of rules again once it is repaired", async () => {
        await using use = await deployment(start, { confinement: CONFINED });
        const before = await launch(use);
        await use.world.endSandbox(before);
        const [drifted, ...more] = await use.backend.observe(use.spec.owner, within());
        expect(more).toEqual([]);
        expect(drifted).toMatchObject({ drift: [{ kind: "sandbox" }], address: undefined });
        if (drifted) await use.backend.repair(drifted, within());
        const [after] = await use.backend.observe(use.spec.owner, within());
        expect(after).toMatchObject({ ...describes(use.spec), drift: [], address: before.address });
        expect(after?.startedAt).not.toBe(before.startedAt);
        await eventually("the workload answers", () => use.world.answers(after?.address ?? ""));
      });

      it("that lost its rules while it was stopped is no drift, and gets others when it is started", async () => {
        await using use = await deployment(start, { confinement: CONFINED });
        const before = await launch(use);
        await use.backend.stop(before.id, 1, within());
        await use.world.endSandbox(before);
        expect(await use.backend.observe(use.spec.owner, within())).toMatchObject([{ drift: [] }]);
        const after = await use.backend.start(before.id, within());
        expect(after).toMatchObject({ state: { kind: "running" }, drift: [], address: before.address });
        expect(await use.backend.observe(use.spec.owner, within())).toEqual([after]);
      });
    });

    it("stops at its signal", async () => {
      await using world = await start();
      await expect(world.backend.observe(newOwner(), AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
    });
  });
}

interface Use extends AsyncDisposable {
  readonly world: BackendWorld;
  readonly backend: Backend;
  readonly spec: WorkloadSpec;
}

/** An owner with an image that is present and a spec, gone at the end of the test. */
async function deployment(
  start: () => Promise<BackendWorld>,
  given: { readonly image?: "image" | "rootImage"; readonly confinement?: Confinement } = {},
): Promise<Use> {
  const world = await start();
  const { backend } = world;
  const owner = newOwner();
  const image = world.program ? { pinned: NO_IMAGE } : await presentImage(world, owner, given.image ?? "image");
  const { confinement = UNCONFINED } = given;
  const { limits, program } = world;
  const made = { ...(limits && { limits }), ...(program && { program }) };
  const spec = contractSpec({
    owner,
    image,
    port: world.port,
    confinement,
    visibility: "public",
    ...made,
    ...world.spec,
  });
  const dispose = async (): Promise<void> => {
    await eventually("nothing is left", () => backend.purge(owner, within()));
    await world[Symbol.asyncDispose]();
  };
  return { world, backend, spec, [Symbol.asyncDispose]: dispose };
}

async function presentImage(
  world: BackendWorld,
  owner: Owner,
  which: "image" | "rootImage",
): Promise<WorkloadSpec["image"]> {
  const asked = request(world[which]);
  const image = await world.backend.resolveImage(asked, within());
  await eventually("the image is present", async () => {
    const { kind } = await world.backend.ensureImage(owner, image, asked, within());
    return kind === "present";
  });
  return image;
}

async function launch(
  { backend, spec }: Pick<Use, "backend" | "spec">,
  options: Parameters<Backend["create"]>[1] = current(),
): Promise<Workload> {
  const { id } = await backend.create(spec, options, within());
  const started = await backend.start(id, within());
  return started.state.kind === "running" ? started : await running({ backend, spec });
}

/** The current workload, once its place has brought it up. */
async function running({ backend, spec }: Pick<Use, "backend" | "spec">): Promise<Workload> {
  return await eventually("the workload runs", async () => {
    const [found] = await backend.observe(spec.owner, within());
    return found?.state.kind === "running" && !found.rollout ? found : undefined;
  });
}

function current(): Parameters<Backend["create"]>[1] {
  return { role: "current", hostPort: undefined };
}

function describes({ owner, hash, generation, image }: WorkloadSpec): Partial<Workload> {
  return { owner, hash, generation, image };
}

function request(reference: string): ImageRequest {
  return { reference, pullPolicy: "IfNotPresent", dockerConfig: undefined };
}

export function newOwner(name = "contract"): Owner {
  return { uid: randomUUID(), namespace: "test", name };
}

/** What judges nobody. */
export const ANY = { port: 8080, env: {}, mounts: [], restartPolicy: "Always" } as const;

/** What the profile `unrestricted` comes to. */
export const UNCONFINED: Confinement = {
  network: undefined,
  readOnlyRoot: false,
  capabilities: { dropAll: false, add: [] },
  seccomp: { kind: "unconfined" },
  appArmor: { kind: "unconfined" },
  runAsNonRoot: false,
};

const RULES: NetworkRules = { egress: { kind: "closed" }, ingressPorts: [8080] };
const CONFINED: Confinement = { ...UNCONFINED, network: RULES };

export const UNRESTRICTED: Guardrails = {
  profile: "unrestricted",
  enforcement: "Warn",
  network: { egress: { kind: "open" }, ingressPorts: undefined },
  filesystem: { readOnlyRoot: false, allowedMounts: undefined },
  capabilities: { dropAll: false, add: [] },
  resources: { maxCpuMillis: 2000, maxMemoryBytes: 2 * 1024 ** 3, maxPids: undefined },
  seccomp: { type: "Unconfined" },
  appArmor: { type: "Unconfined" },
  runAsNonRoot: false,
  recommendedBackends: ["docker"],
};

/** A spec without anything special. */
export function contractSpec(
  given: Pick<WorkloadSpec, "owner" | "image" | "port"> & Partial<WorkloadSpec>,
): WorkloadSpec {
  return {
    generation: 1,
    hash: "first",
    command: undefined,
    args: undefined,
    env: {},
    mounts: [],
    limits: { cpuMillis: 500, memoryBytes: 64 * 1024 * 1024, pids: 50 },
    restartPolicy: "Always",
    confinement: UNCONFINED,
    guardrails: UNRESTRICTED,
    ...given,
  };
}
