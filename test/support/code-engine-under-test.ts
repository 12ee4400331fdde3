import { createHash, randomUUID } from "node:crypto";
import type { RuntimeBackendSpec } from "../../src/api/v1alpha1/index.ts";
import { codeEngineBackend } from "../../src/backends/code-engine/code-engine-backend.ts";
import type { CodeEngineConfig, Pace } from "../../src/backends/code-engine/code-engine-config.ts";
import { CodeEngineEmulator, type EmulatorOptions } from "./code-engine/emulator.ts";
import { type Listener, serveHandler } from "./code-engine/http/listener.ts";
import type { Project } from "./code-engine/projects/project.ts";
import { recordingLogger } from "./recording-logger.ts";
import { witnessed } from "./secrets/witnessed.ts";

/** The emulator's time runs fast here. */
const TIMINGS = { deletionMs: 30, schedulingMs: 5, instanceStartMs: 10, retryMs: 30 } as const;
const PACE: Pace = { restMs: 60_000, busyMs: 25, goneMs: 5_000 };
const BUDGET = { concurrent: 20, perSecond: 1_000, burst: 1_000, reserve: 0, queue: 1_000 } as const;

/** A registry as far as the controller asks one: digests, and the users of images. */
export class ImageRegistry implements AsyncDisposable {
  readonly #listener: Listener;
  readonly #users: Map<string, string>;

  private constructor(listener: Listener, users: Map<string, string>) {
    this.#listener = listener;
    this.#users = users;
  }

  /** USER by repository and tag. */
  static async start(users: Readonly<Record<string, string>>): Promise<ImageRegistry> {
    const known = new Map(Object.entries(users));
    return new ImageRegistry(await serveHandler(async (request) => answer(request, known)), known);
  }

  get url(): string {
    return this.#listener.url;
  }

  push(image: string, user: string): void {
    this.#users.set(image, user);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener.close();
  }
}

export function digestOf(image: string): string {
  return `sha256:${createHash("sha256").update(image).digest("hex")}`;
}

function answer(request: Request, users: ReadonlyMap<string, string>): Response {
  const [, repository = "", kind, reference = ""] =
    /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(new URL(request.url).pathname) ?? [];
  const images = [...users.keys()].filter((image) => image.startsWith(`${repository}:`));
  const image = images.find((each) => each === `${repository}:${reference}` || digestOf(each) === reference);
  if (image === undefined) return new Response("{}", { status: 404 });
  const digest = digestOf(image);
  if (kind === "blobs")
    return Response.json({ os: "linux", architecture: "amd64", config: { User: users.get(image) } });
  return Response.json({ config: { digest } }, { headers: { "Docker-Content-Digest": digest } });
}

/** An emulator with a project, a registry, and backends on them. */
export class CodeEngineWorld implements AsyncDisposable {
  readonly emulator: CodeEngineEmulator;
  readonly registry: ImageRegistry;
  readonly apiKey: string;
  readonly project: Project;
  readonly installation = randomUUID();
  readonly log = recordingLogger();
  readonly #backends: AsyncDisposable[] = [];

  private constructor(emulator: CodeEngineEmulator, registry: ImageRegistry) {
    this.emulator = emulator;
    this.registry = registry;
    this.apiKey = emulator.createApiKey();
    this.project = emulator.createProject({ name: "tools" });
  }

  static async start(options: EmulatorOptions = {}): Promise<CodeEngineWorld> {
    const timings = { ...TIMINGS, ...options.timings };
    const emulator = await CodeEngineEmulator.start({ endpoints: "loopback", ...options, timings });
    const registry = await ImageRegistry.start({ "files:1": "65532:65532", "root:1": "" });
    return new CodeEngineWorld(emulator, registry);
  }

  spec(
    patch: Partial<NonNullable<RuntimeBackendSpec["codeEngine"]>> = {},
  ): NonNullable<RuntimeBackendSpec["codeEngine"]> {
    const { apiUrl: api, iamUrl: iam, proxyUrl: proxy } = this.emulator;
    return {
      region: "us-south",
      project: { name: "tools" },
      apiKeySecretRef: { namespace: "slipway-system", name: "ibm", key: "apiKey" },
      privateNetwork: false,
      egress: "Unmanaged",
      endpoints: { api, iam, proxy, registry: this.registry.url },
      defaultLimits: { cpu: "500m", memory: "1G" },
      orphanCollection: { enabled: true, intervalHours: 24 },
      ...patch,
    };
  }

  backend(patch: Partial<CodeEngineConfig> = {}) {
    const config = { name: "ce", apiKey: this.apiKey, dockerConfig: undefined, installation: this.installation };
    const backend = codeEngineBackend(
      { ...config, spec: this.spec(), pace: PACE, budget: BUDGET, ...patch },
      this.log.logger,
    );
    this.#backends.push(backend);
    return witnessed(backend, { name: "backend", told: ["health", "observe", "usage", "create", "update", "start"] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const backend of this.#backends) await backend[Symbol.asyncDispose]();
    await this.registry[Symbol.asyncDispose]();
    await this.emulator[Symbol.asyncDispose]();
  }
}
