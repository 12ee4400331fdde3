import type Docker from "dockerode";
import { Label } from "../../../api/labels.ts";
import type { Owner, Workload } from "../../backend.ts";
import type { CallOptions, EngineClient } from "../engine/engine-client.ts";
import { hasStatus } from "../engine/engine-error.ts";
import { joinedContainer } from "./joined-network.ts";
import { networkRules } from "./network-rules.ts";
import { labelFilters, makerLabels, ownerFromLabels, roleFromLabels } from "./object-labels.ts";
import type { SandboxNow } from "./sandbox-drift.ts";
import type { WorkloadSandboxes } from "./workload-sandboxes.ts";
import type { Pair } from "./workload-starter.ts";
import { byRole, type Surroundings, toWorkload } from "./workload-view.ts";

export interface ObserverParts {
  readonly engine: EngineClient;
  readonly around: Surroundings;
  readonly sandboxes: WorkloadSandboxes;
}

type Inspected = Docker.ContainerInspectInfo;

/** Looks at workloads, each together with its sandbox. */
export class WorkloadObserver {
  readonly #parts: ObserverParts;

  constructor(parts: ObserverParts) {
    this.#parts = parts;
  }

  /** One list for what there is, one inspection for each container found: the list tells no exit codes and times. */
  async observe(owner: Owner, options: CallOptions): Promise<readonly Workload[]> {
    const { engine, around } = this.#parts;
    const label = labelFilters({ ...makerLabels(around.maker), [Label.Uid]: owner.uid });
    const list = (docker: Docker) => docker.listContainers({ all: true, filters: { label } });
    const listed = await engine.call("list containers", list, options);
    const of = (role: string) => listed.filter(({ Labels }) => Labels[Label.Role] === role).map(({ Id }) => Id);
    const [workloads, sandboxes] = await Promise.all([
      this.#inspectAll(of("workload"), options),
      this.#inspectAll(of("sandbox"), options),
    ]);
    const found = await Promise.all(workloads.map((workload) => this.#view(workload, sandboxes, options)));
    return found.filter((workload) => workload !== undefined).sort(byRole);
  }

  /** Undefined when it is gone. */
  async look({ id, sandbox }: Pair, options: CallOptions): Promise<Workload | undefined> {
    const [[workload], sandboxes] = await Promise.all([
      this.#inspectAll([id], options),
      this.#inspectAll(sandbox === undefined ? [] : [sandbox], options),
    ]);
    return workload && (await this.#view(workload, sandboxes, options));
  }

  /** Undefined when it is gone. */
  async inspect(id: string, options: CallOptions): Promise<Inspected | undefined> {
    const inspect = (docker: Docker) => docker.getContainer(id).inspect();
    try {
      return await this.#parts.engine.call("inspect a container", inspect, options);
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    }
  }

  async #inspectAll(ids: readonly string[], options: CallOptions): Promise<readonly Inspected[]> {
    const found = await Promise.all(ids.map((id) => this.inspect(id, options)));
    return found.filter((inspected) => inspected !== undefined);
  }

  async #view(
    workload: Inspected,
    candidates: readonly Inspected[],
    options: CallOptions,
  ): Promise<Workload | undefined> {
    const { around, sandboxes } = this.#parts;
    const labels = workload.Config.Labels ?? {};
    const owner = ownerFromLabels(labels, around.maker);
    const own = candidates.filter(
      ({ Config }) =>
        ownerFromLabels(Config.Labels, around.maker)?.uid === owner?.uid &&
        roleFromLabels(Config.Labels) === roleFromLabels(labels),
    );
    const isAlone = joinedContainer(workload) === undefined && networkRules(labels) !== undefined;
    return toWorkload(workload, around, {
      sandboxes: own.map((inspected): SandboxNow => sandboxes.now(inspected)),
      canSandbox: isAlone && (await sandboxes.mayBe(options)),
    });
  }
}
