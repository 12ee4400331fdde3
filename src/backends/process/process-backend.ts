import { randomBytes } from "node:crypto";
import { Reason } from "../../api/v1alpha1/conditions.ts";
import { delay } from "../../machinery/clock-delay.ts";
import { TerminalError, TransientError } from "../../machinery/errors.ts";
import type { Logger } from "../../machinery/logger.ts";
import type {
  AdmissionRequest,
  Backend,
  BackendHealth,
  CreateOptions,
  ImageRequest,
  ImageState,
  LogOptions,
  LogSource,
  Owner,
  ResolvedImage,
  StdioHost,
  Workload,
  WorkloadSpec,
} from "../backend.ts";
import type { StdioStream } from "../stdio-stream.ts";
import type { Usage, UsageSource } from "../usage.ts";
import { admitProcess } from "./admission.ts";
import { checkPortFree } from "./listening-port.ts";
import { PackageInstalls } from "./packages/package-installs.ts";
import { formatPinned, type PinnedPackage, parsePinned, parseRequest } from "./packages/package-name.ts";
import { processHealth } from "./process-health.ts";
import type { OpenHost, ProcessHost } from "./process-host.ts";
import { processUsage } from "./process-usage.ts";
import { processWorkload } from "./process-workload.ts";
import type { SupervisedProcess } from "./supervisor/supervised-process.ts";
import { noteOf, ownerOf, type WorkloadNote } from "./workload-note.ts";
import { workloadNote, workloadProcess } from "./workload-process.ts";

/** How often a follower of a log looks whether there is another process. */
const LOOK_MS = 1_000;

/** The backend of a RuntimeBackend of type process. `host` is not its own: another backend of it may follow. */
export class ProcessBackend implements Backend, LogSource, UsageSource, StdioHost {
  readonly #host: ProcessHost;
  readonly #logger: Logger;
  readonly #installs: PackageInstalls;
  readonly #lifetime = new AbortController();
  #making: Promise<unknown> = Promise.resolve();

  constructor(host: ProcessHost, logger: Logger) {
    this.#host = host;
    this.#logger = logger;
    this.#installs = new PackageInstalls((owner) => host.tell(owner));
  }

  async health(signal: AbortSignal): Promise<BackendHealth> {
    const health = await processHealth(this.#host);
    signal.throwIfAborted();
    return health;
  }

  admit(spec: AdmissionRequest): void {
    admitProcess(spec);
  }

  async resolveImage({ reference }: ImageRequest, signal: AbortSignal): Promise<ResolvedImage> {
    const request = parseRequest(reference);
    if (!request) throw notSupported(reference);
    const { packages } = await this.#host.open();
    return { pinned: formatPinned(await packages.resolve(request, signal)) };
  }

  async ensureImage(owner: Owner, { pinned }: ResolvedImage): Promise<ImageState> {
    const parsed = parsePinned(pinned);
    if (!parsed) throw notSupported(pinned);
    const { packages } = await this.#host.open();
    return this.#installs.ensure(owner, parsed, packages);
  }

  async observe(owner: Owner, signal: AbortSignal): Promise<readonly Workload[]> {
    signal.throwIfAborted();
    const host = await this.#host.openExisting();
    const found = host ? workloadsOf(host).filter(({ note }) => note.owner.uid === owner.uid) : [];
    const confines = await this.#confines();
    const workloads = found.map(({ id, process, note }) => processWorkload(id, process, { note, confines }));
    return workloads.sort((a, b) => Number(b.role === "current") - Number(a.role === "current"));
  }

  async create(spec: WorkloadSpec, { role }: CreateOptions, signal: AbortSignal): Promise<Workload> {
    const host = await this.#host.open();
    const note = workloadNote(spec, role);
    // One after the other, so that what is asked for twice is made once.
    const making = this.#making.then(async () => {
      const same = workloadsOf(host).find((one) => isSame(one.note, note));
      if (same) return same.id;
      const id = `${spec.owner.name.replaceAll(".", "-").slice(0, 63)}-${randomBytes(6).toString("hex")}`;
      await host.supervisor.create({ id, spec: await workloadProcess(spec, host.packages, signal), note });
      return id;
    });
    this.#making = making.catch(() => undefined);
    return await this.#workload(host, await making);
  }

  /** Whoever listens where this one listens has to go first. */
  excludes({ hostPort }: Workload, { stdio, port }: WorkloadSpec): boolean {
    return !stdio && hostPort === port;
  }

  async start(id: string, signal: AbortSignal): Promise<Workload> {
    const host = await this.#host.open();
    const { process, note } = this.#find(host, id);
    if (note.port !== undefined && process.state.kind !== "running") {
      await checkPortFree(note.port, holderOf(note.port, id, host));
    }
    signal.throwIfAborted();
    await process.start();
    return await this.#workload(host, id);
  }

  async stop(id: string, graceSeconds: number, signal: AbortSignal): Promise<void> {
    const host = await this.#host.openExisting();
    const process = host?.supervisor.get(id);
    if (!host || !process) return;
    await this.#host.streams.endClients(host.supervisor, id, signal);
    await process.stop(graceSeconds * 1000, signal);
  }

  async repair({ id }: Workload, signal: AbortSignal): Promise<void> {
    const host = await this.#host.open();
    const { process } = this.#find(host, id);
    await process.stop(REPAIR_GRACE_MS, signal);
    await process.start();
  }

  async delete(id: string, signal: AbortSignal): Promise<void> {
    const host = await this.#host.openExisting();
    const process = host?.supervisor.get(id);
    if (!host || !process) return;
    const owner = ownerOf(process.record);
    await this.#host.streams.endClients(host.supervisor, id, signal);
    await host.supervisor.delete(id, signal);
    if (owner) this.#host.tell(owner);
  }

  async purge(owner: Owner, signal: AbortSignal): Promise<boolean> {
    for (const { id } of await this.observe(owner, signal)) await this.delete(id, signal);
    return true;
  }

  watch(onChange: (owner: Owner) => void, signal: AbortSignal): void {
    const until = AbortSignal.any([signal, this.#lifetime.signal]);
    if (until.aborted) return;
    until.addEventListener("abort", this.#host.onChange(onChange), { once: true });
    const tellAll = async () => {
      const host = await this.#host.openExisting();
      for (const { note } of host && !until.aborted ? workloadsOf(host) : []) onChange(note.owner);
    };
    tellAll().catch((error: unknown) => this.#logger.error("what is kept of processes cannot be read", { error }));
  }

  async collectOrphans(isAlive: (owner: Owner) => boolean, signal: AbortSignal): Promise<readonly Owner[]> {
    const host = await this.#host.openExisting();
    const orphans = new Map<string, Owner>();
    for (const { id, note } of host ? workloadsOf(host) : []) {
      if (isAlive(note.owner)) continue;
      await this.delete(id, signal);
      orphans.set(note.owner.uid, note.owner);
    }
    // Between creations: what is being made is not there yet, and has its package already.
    const pruning = this.#making.then(async () => await host?.packages.prune(packagesUsed(host)));
    this.#making = pruning.catch(() => undefined);
    await pruning;
    return [...orphans.values()];
  }

  async *logs(owner: Owner, options: LogOptions, signal: AbortSignal): AsyncGenerator<string> {
    const until = AbortSignal.any([signal, this.#lifetime.signal]);
    let { tail } = options;
    let seen: string | undefined;
    do {
      const host = await this.#host.openExisting();
      const [current] = (await this.observe(owner, until)).filter(({ role }) => role === "current");
      if (host && current && current.id !== seen) {
        seen = current.id;
        yield* host.supervisor.get(current.id)?.log.read({ ...options, tail }, until) ?? [];
        // What follows belongs to another workload, all of which is new.
        tail = undefined;
      }
      if (options.follow) await delay(this.#host.clock, LOOK_MS, until);
      until.throwIfAborted();
    } while (options.follow);
  }

  async usage(owner: Owner, signal: AbortSignal): Promise<Usage | undefined> {
    const host = await this.#host.openExisting();
    const current = (await this.observe(owner, signal)).find(({ role }) => role === "current");
    const process = current && host?.supervisor.get(current.id);
    return process && (await processUsage(process, this.#host.clock, signal));
  }

  async attach(id: string, signal: AbortSignal): Promise<StdioStream> {
    const { supervisor } = await this.#host.open();
    signal.throwIfAborted();
    return await this.#host.streams.attach(supervisor, id);
  }

  async attachOwn(id: string, signal: AbortSignal): Promise<StdioStream> {
    const { supervisor } = await this.#host.open();
    signal.throwIfAborted();
    return await this.#host.streams.attachOwn(supervisor, id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lifetime.abort(new Error("the backend is closed"));
  }

  async #workload(host: OpenHost, id: string): Promise<Workload> {
    const { process, note } = this.#find(host, id);
    return processWorkload(id, process, { note, confines: await this.#confines() });
  }

  #find({ supervisor }: OpenHost, id: string): { readonly process: SupervisedProcess; readonly note: WorkloadNote } {
    const process = supervisor.get(id);
    const note = process && noteOf(process.record);
    if (!process || note?.kind !== "workload") throw gone(id);
    return { process, note };
  }

  async #confines(): Promise<boolean> {
    return (await this.#host.sandbox.support()).kind === "works";
  }
}

/** Between SIGTERM and SIGKILL where a process is started again to be confined. */
const REPAIR_GRACE_MS = 10_000;

interface KeptWorkload {
  readonly id: string;
  readonly process: SupervisedProcess;
  readonly note: WorkloadNote;
}

function workloadsOf({ supervisor }: OpenHost): readonly KeptWorkload[] {
  return [...supervisor.list()].flatMap(([id, process]) => {
    const note = noteOf(process.record);
    return note?.kind === "workload" ? [{ id, process, note }] : [];
  });
}

function packagesUsed(host: OpenHost): readonly PinnedPackage[] {
  return workloadsOf(host).flatMap(({ note }) => parsePinned(note.image.pinned) ?? []);
}

function isSame(a: WorkloadNote, b: WorkloadNote): boolean {
  return a.owner.uid === b.owner.uid && a.role === b.role && a.hash === b.hash;
}

/**
 * For people: which of our workloads runs where another is to listen. One that has crashed keeps its port until it is started
 * again: whoever took it meanwhile would get its clients.
 */
function holderOf(port: number, id: string, host: OpenHost): string | undefined {
  const holder = workloadsOf(host).find(({ id: other, note, process }) => {
    const { kind } = process.state;
    return other !== id && note.port === port && (kind === "running" || kind === "restarting");
  });
  return holder && `RuntimeDeployment ${holder.note.owner.namespace}/${holder.note.owner.name}`;
}

function gone(id: string): TransientError {
  return new TransientError(Reason.BackendError, `there is no process ${id} any more`);
}

function notSupported(reference: string): TerminalError {
  const message = `${JSON.stringify(reference.slice(0, 200))} is no package of npm or pypi; local processes run source.package and source.process`;
  return new TerminalError(Reason.SourceNotSupported, message);
}
