import { engineAddress } from "../../scripts/engine/engine-address.ts";
import type {
  Backend,
  CreateOptions,
  LogSource,
  Owner,
  StdioHost,
  Workload,
  WorkloadSpec,
} from "../../src/backends/backend.ts";
import { dockerBackend } from "../../src/backends/docker/docker-backend.ts";
import type { DockerConfig } from "../../src/backends/docker/docker-config.ts";
import type { UsageSource } from "../../src/backends/usage.ts";
import { contractSpec, newOwner } from "../contract/backend.ts";
import { eventually } from "./eventually.ts";
import { ensureBusyboxImage } from "./images.ts";
import { recordingLogger } from "./recording-logger.ts";

/** No other Slipway, and no other test file, judges what is made in its name. */
export const TEST_INSTALLATION = `test-${process.pid}`;

/** A backend on the machine's Engine, with the defaults of the schema. */
export function dockerUnderTest(
  spec: Partial<DockerConfig["spec"]> = {},
  config: Partial<Omit<DockerConfig, "spec">> = {},
): Backend & LogSource & UsageSource & Required<StdioHost> {
  const { logger } = recordingLogger();
  return dockerBackend(
    {
      name: "docker",
      installation: TEST_INSTALLATION,
      sharesLoopback: true,
      ...config,
      spec: {
        host: engineAddress(),
        publish: { bindAddress: "127.0.0.1" },
        sandbox: { addressHoldSeconds: 60 },
        defaultLimits: { cpu: "500m", memory: "512Mi", pids: 100 },
        orphanCollection: { enabled: true, intervalHours: 24 },
        ...spec,
      },
    },
    logger,
  );
}

/** Whether a web server answers at `host:port`. */
export async function answersHttp(address: string): Promise<boolean> {
  const response = await fetch(`http://${address}/`, { signal: AbortSignal.timeout(5_000) });
  await response.body?.cancel();
  return response.ok;
}

/** Long enough for a machine that does other things, too. */
export const within = (ms = 60_000): AbortSignal => AbortSignal.timeout(ms);

/** A backend, an owner of its own on it, and a spec of the busybox image; all of it gone at the end. */
export interface DockerDeployment extends AsyncDisposable {
  readonly backend: Backend & LogSource;
  readonly owner: Owner;
  readonly spec: WorkloadSpec;
  /** Creates and starts it, with what differs from `spec`. */
  launch(changes?: Partial<WorkloadSpec>, options?: Partial<CreateOptions>): Promise<Workload>;
  observe(): Promise<Workload>;
}

export async function dockerDeployment(
  name: string,
  {
    spec: changes = {},
    backend = dockerUnderTest(),
  }: { spec?: Partial<WorkloadSpec>; backend?: Backend & LogSource } = {},
): Promise<DockerDeployment> {
  const owner = newOwner(name);
  const reference = await ensureBusyboxImage();
  const image = await backend.resolveImage({ reference, pullPolicy: "Never", dockerConfig: undefined }, within());
  const spec = contractSpec({ owner, image, port: 8080, ...changes });
  return {
    backend,
    owner,
    spec,
    async launch(more = {}, options = {}) {
      const given = { role: "current", hostPort: undefined, ...options } as const;
      const { id } = await backend.create({ ...spec, ...more }, given, within());
      return await backend.start(id, within());
    },
    async observe() {
      const [workload] = await backend.observe(owner, within());
      if (!workload) throw new Error(`nothing is left of ${name}`);
      return workload;
    },
    async [Symbol.asyncDispose]() {
      await eventually("nothing is left", () => backend.purge(owner, within()));
      await backend[Symbol.asyncDispose]();
    },
  };
}

/** The command that has busybox run a script. */
export function script(text: string): Pick<WorkloadSpec, "command" | "args"> {
  return { command: ["/bin/busybox", "sh", "-c"], args: [text] };
}
