import type { RuntimeBackendSpec } from "../api/v1alpha1/index.ts";
import { processBackend } from "../api/v1alpha1/process-backend.schema.ts";
import { ProcessBackend } from "../backends/process/process-backend.ts";
import { ProcessHost } from "../backends/process/process-host.ts";
import { linuxProcesses } from "../backends/process/supervisor/process-table.ts";
import type { BackendDriver } from "../controllers/backend-driver.ts";
import { systemClock } from "../machinery/clock.ts";
import type { Logger } from "../machinery/logger.ts";
import { compileSchema } from "../server/schema/compiled-schema.ts";
import { processPlaces } from "./process-places.ts";

export interface ProcessDriverOptions {
  /** Tells this Slipway's processes from another's on the same machine. */
  readonly installation: string;
  /** Of `slipway up`. */
  readonly dataDir?: string | undefined;
}

/** As for a container that asks for none. Nothing limits CPU and memory of processes, and their guardrails say so. */
const LIMITS = { cpu: "500m", memory: "512Mi" };

const SECTION = compileSchema({ type: "object", properties: { process: { ...processBackend, default: {} } } });

/** RuntimeBackends of type process. What runs is kept here, by their names, until the driver is disposed. */
export class ProcessDriver implements BackendDriver, AsyncDisposable {
  readonly #options: ProcessDriverOptions;
  readonly #hosts = new Map<string, ProcessHost>();

  constructor(options: ProcessDriverOptions) {
    this.#options = options;
  }

  settings(spec: Pick<RuntimeBackendSpec, "process">): ReturnType<BackendDriver["settings"]> {
    const { defaultLimits, orphanCollection } = sectionOf(spec.process);
    return { defaults: { limits: { ...LIMITS, ...defaultLimits } }, orphanCollection, secrets: [] };
  }

  create(...[{ metadata }, , logger]: Parameters<BackendDriver["create"]>): ProcessBackend {
    return new ProcessBackend(this.#host(metadata.name, logger), logger);
  }

  /** Ends all processes. Those that should run are started by the next Slipway. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#hosts.values()].map((host) => host[Symbol.asyncDispose]()));
  }

  #host(backend: string, logger: Logger): ProcessHost {
    const known = this.#hosts.get(backend);
    if (known) return known;
    const isRoot = process.getuid?.() === 0;
    const environment = process.env;
    const places = processPlaces({
      ...{ installation: this.#options.installation, dataDir: this.#options.dataDir },
      ...{ isRoot, environment, backend },
    });
    const made = new ProcessHost({
      ...places,
      ownUsers: isRoot,
      environment,
      node: process.execPath,
      table: linuxProcesses,
      clock: systemClock,
      logger,
    });
    this.#hosts.set(backend, made);
    return made;
  }
}

/** An absent section is an empty one, with the defaults that the API gives to that. */
function sectionOf(section: RuntimeBackendSpec["process"]): NonNullable<RuntimeBackendSpec["process"]> {
  if (section) return section;
  const spec: Pick<RuntimeBackendSpec, "process"> = {};
  SECTION.applyDefaults(spec);
  if (!spec.process) throw new TypeError("the schema of spec.process gives no defaults");
  return spec.process;
}
