import type Docker from "dockerode";
import { NAMESPACE } from "./deployments.ts";
import { BENCH_LABEL, engine, inParallel, removeContainers } from "./engine.ts";

/** A sandbox and the workload in it, as somebody else would ask the Engine for them. */
export interface Pair {
  readonly sandbox: Docker.ContainerCreateOptions;
  readonly workload: Docker.ContainerCreateOptions;
}

const LABEL = `${BENCH_LABEL}=pair`;

/** The containers that Slipway has made for its benchmark's deployments, ready to be made again without it. */
export async function readPairs(): Promise<Pair[]> {
  const filters = { label: [`slipway.dev/namespace=${NAMESPACE}`] };
  const listed = await engine.listContainers({ all: true, filters });
  const inspected = await Promise.all(listed.map(({ Id }) => engine.getContainer(Id).inspect()));
  const sandboxes = new Map(inspected.map((each) => [each.Id, each]));
  return inspected.flatMap((workload) => {
    const [kind, id = ""] = (workload.HostConfig.NetworkMode ?? "").split(":");
    const sandbox = sandboxes.get(id);
    return kind === "container" && sandbox ? [{ sandbox: again(sandbox), workload: again(workload) }] : [];
  });
}

/** Makes and starts each pair by bare calls, `atOnce` at a time: the sandbox, then the workload. Answers milliseconds. */
export async function timePairs(pairs: readonly Pair[], atOnce: number): Promise<number> {
  try {
    const began = performance.now();
    await inParallel(pairs, atOnce, async ({ sandbox, workload }) => {
      const network = await engine.createContainer(sandbox);
      await network.start();
      const NetworkMode = `container:${network.id}`;
      const container = await engine.createContainer({
        ...workload,
        HostConfig: { ...workload.HostConfig, NetworkMode },
      });
      await container.start();
    });
    return performance.now() - began;
  } finally {
    await removeContainers(LABEL);
  }
}

/** The same, under a name and labels that are not Slipway's. What the image exposes it exposes again. */
function again({ Config, HostConfig, Name }: Docker.ContainerInspectInfo): Docker.ContainerCreateOptions {
  const { Hostname: _given, ExposedPorts: _image, ...rest } = Config as Docker.ContainerCreateOptions;
  return { ...rest, name: `pair-${Name.slice(1)}`, Labels: { [BENCH_LABEL]: "pair" }, HostConfig };
}
