import type { LogLine } from "../runtime/runtime.ts";
import type { World } from "../world.ts";
import { KubeError } from "./kube-status.ts";
import type { Pod } from "./pods.ts";

/** `GET …/pods/{pod}/log`, with the parameters of Kubernetes. @throws {KubeError} 400 */
export function podLog(world: World, { pod, url, signal }: { pod: Pod; url: URL; signal: AbortSignal }): Response {
  const { searchParams } = url;
  const container = chosenContainer(pod, searchParams.get("container"));
  const previous = flag(searchParams, "previous");
  const read = pod.logs(container, previous);
  if (read === undefined) {
    throw new KubeError(
      400,
      previous
        ? `previous terminated container "${container}" in pod "${pod.name}" not found`
        : `container "${container}" in pod "${pod.name}" is waiting to start: ContainerCreating`,
    );
  }
  const tailLines = count(searchParams, "tailLines");
  const seconds = count(searchParams, "sinceSeconds");
  const gone = new AbortController();
  const lines = read({
    follow: flag(searchParams, "follow"),
    signal: AbortSignal.any([signal, gone.signal]),
    ...(tailLines !== undefined && { tailLines }),
    ...(seconds !== undefined && { since: new Date(world.clock.now().getTime() - seconds * 1000) }),
  });
  const body = toStream(lines, { timestamps: flag(searchParams, "timestamps"), cancel: () => gone.abort() });
  return new Response(body, { headers: { "content-type": "text/plain" } });
}

function chosenContainer({ name, containers }: Pod, wanted: string | null): string {
  if (wanted !== null && containers.includes(wanted)) return wanted;
  throw new KubeError(
    400,
    wanted === null
      ? `a container name must be specified for pod ${name}, choose one of: [${containers.join(" ")}]`
      : `container ${wanted} is not valid for pod ${name}`,
  );
}

function flag(parameters: URLSearchParams, name: string): boolean {
  const value = parameters.get(name) ?? "false";
  if (value !== "true" && value !== "false") throw new KubeError(400, `${name}: ${value} is not a boolean`);
  return value === "true";
}

function count(parameters: URLSearchParams, name: string): number | undefined {
  const value = parameters.get(name);
  if (value === null) return undefined;
  if (!/^\d{1,9}$/.test(value)) throw new KubeError(400, `${name}: ${value} is not a number`);
  return Number(value);
}

function toStream(
  lines: AsyncIterable<LogLine>,
  { timestamps, cancel }: { timestamps: boolean; cancel: () => void },
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const iterator = lines[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(`${timestamps ? `${value.at.toISOString()} ` : ""}${value.text}\n`));
    },
    cancel,
  });
}
