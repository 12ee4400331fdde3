import type { Secret } from "../../api/core.ts";
import { formatKey } from "../../api/meta.ts";
import { Reason } from "../../api/v1alpha1/conditions.ts";
import type { RuntimeBackend } from "../../api/v1alpha1/index.ts";
import type { Aspect, BackendHealth, Owner } from "../../backends/backend.ts";
import { canonicalJson } from "../../effective-spec/canonical-json.ts";
import { correlated } from "../../machinery/correlation.ts";
import { TerminalError, TransientError } from "../../machinery/errors.ts";
import { jsonEqual } from "../../machinery/json-equal.ts";
import type { Lister } from "../../machinery/lister.ts";
import type { Logger } from "../../machinery/logger.ts";
import type { Runnable } from "../../machinery/runnable.ts";
import type { BackendDriver, BackendSettings } from "../backend-driver.ts";
import type { BackendRegistry, LiveBackend } from "../backend-registry.ts";

export interface LiveBackendsPorts {
  /** By `spec.type`. */
  readonly drivers: Readonly<Record<string, BackendDriver>>;
  readonly secrets: Lister<Secret>;
  readonly logger: Logger;
  /** Something of this owner changed. */
  readonly onChange: (owner: Owner) => void;
  /** Asks for a look at that backend's health. */
  readonly onSuspicion: (backend: string) => void;
}

interface Entry extends LiveBackend {
  readonly settings: BackendSettings;
  /** What it was made from. */
  readonly made: string;
  readonly end: AbortController;
  health: BackendHealth | undefined;
}

/**
 * One live backend for each RuntimeBackend. It lives until another takes its place: also where its RuntimeBackend was
 * deleted, since deployments may still have to be torn down there.
 */
export class LiveBackends implements BackendRegistry, Runnable {
  readonly name = "backends";
  readonly #ports: LiveBackendsPorts;
  readonly #entries = new Map<string, Entry>();
  readonly #problems = new Map<string, string>();
  /** Where each owner was seen. As many as there are owners of something. */
  readonly #seen = new Map<string, readonly string[]>();
  #instances = 0;

  constructor(ports: LiveBackendsPorts) {
    this.#ports = ports;
  }

  get(name: string): LiveBackend | undefined {
    return this.#entries.get(name);
  }

  problem(name: string): string | undefined {
    return this.#problems.get(name);
  }

  suspect(name: string): void {
    this.#ports.onSuspicion(name);
  }

  strays(uid: string): readonly string[] {
    return this.#seen.get(uid) ?? [];
  }

  vacated(uid: string, name: string): void {
    const left = this.#seen.get(uid)?.filter((place) => place !== name) ?? [];
    if (left.length === 0) this.#seen.delete(uid);
    else this.#seen.set(uid, left);
  }

  /** Forgets where owners were seen that are no more, and former backends that everybody has left. */
  async forget(isAlive: (uid: string) => boolean): Promise<void> {
    for (const uid of this.#seen.keys()) if (!isAlive(uid)) this.#seen.delete(uid);
    const needed = new Set([...this.#seen.values()].flat());
    const left = [...this.#entries.values()].filter(({ former, name }) => former && !needed.has(name));
    await Promise.all(left.map(({ name }) => this.#end(name)));
  }

  #saw(name: string, owner: Owner): void {
    const places = this.#seen.get(owner.uid) ?? [];
    if (!places.includes(name)) this.#seen.set(owner.uid, places.concat(name));
    this.#ports.onChange(owner);
  }

  settings(name: string): BackendSettings | undefined {
    return this.#entries.get(name)?.settings;
  }

  /**
   * The backend as its RuntimeBackend says; another when that, or a Secret of it, has changed.
   * @throws {TransientError | TerminalError} while none can be made; an earlier one then goes on.
   */
  async ensure(object: RuntimeBackend): Promise<LiveBackend> {
    const { name } = object.metadata;
    try {
      return await this.#ensure(object);
    } catch (error) {
      if (!this.#entries.has(name)) this.#problems.set(name, error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  /**
   * Keeps what a backend said of itself. Answers whether that is news to its deployments: it or a part of it came or went, it is
   * new, or enforces other guardrails.
   */
  observed(name: string, health: BackendHealth): boolean {
    const entry = this.#entries.get(name);
    if (!entry) return false;
    const before = entry.health;
    entry.health = health;
    return (
      health.available !== before?.available ||
      !jsonEqual(health.aspects?.map(isThere), before.aspects?.map(isThere)) ||
      !jsonEqual(health.capabilities?.guardrails, before.capabilities?.guardrails)
    );
  }

  async retire(name: string): Promise<void> {
    this.#problems.delete(name);
    const formers = [...this.#entries.keys()].filter((each) => each.startsWith(`${name}@`));
    await Promise.all([name, ...formers].map((each) => this.#end(each)));
  }

  /** Keeps what another takes the place of, which may be on another machine, until everybody has left it. */
  #supersede(entry: Entry): void {
    const { name, instance } = entry;
    const former = `${name}@${instance}`;
    entry.end.abort();
    this.#entries.set(former, { ...entry, name: former, former: true });
    for (const [uid, places] of this.#seen) {
      if (places.includes(name)) this.#seen.set(uid, [...places.filter((place) => place !== name), former]);
    }
  }

  async #end(name: string): Promise<void> {
    const entry = this.#entries.get(name);
    this.#entries.delete(name);
    entry?.end.abort();
    await entry?.backend[Symbol.asyncDispose]();
  }

  /** Ends every backend at `stop`, which comes after the controllers have ended. */
  async run(stop: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (stop.aborted) resolve();
    else stop.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    await Promise.all([...this.#entries.keys()].map((name) => this.#end(name)));
  }

  async #ensure(object: RuntimeBackend): Promise<LiveBackend> {
    const { name } = object.metadata;
    const { drivers, logger } = this.#ports;
    const driver = drivers[object.spec.type];
    if (!driver)
      throw new TerminalError(
        Reason.InvalidSpec,
        `spec.type: "${object.spec.type}" is not built in; there are: ${Object.keys(drivers).join(", ")}`,
      );
    const settings = driver.settings(object.spec);
    const secrets = settings.secrets.map((key) => {
      const found = this.#ports.secrets.get(key);
      if (!found)
        throw new TransientError(Reason.SecretNotFound, `Secret "${formatKey(key)}" does not exist; create it`);
      return found;
    });
    const made = canonicalJson([
      object.metadata.uid,
      driven(object.spec),
      secrets.map(({ metadata }) => metadata.resourceVersion),
    ]);
    const before = this.#entries.get(name);
    if (before?.made === made) return before;

    const backend = driver.create(object, secrets, logger.child({ backend: name }));
    if (before) this.#supersede(before);
    const end = new AbortController();
    const instance = ++this.#instances;
    const entry = {
      name,
      instance,
      backend,
      former: false,
      defaults: settings.defaults,
      images: imagesOf(settings, secrets),
      settings,
      made,
      end,
      health: undefined,
    };
    this.#entries.set(name, entry);
    // It outlives this reconcile, whose id would say nothing of what is logged then.
    correlated({}, () => backend.watch((owner) => this.#saw(name, owner), end.signal));
    return entry;
  }
}

function imagesOf({ images, secrets: keys }: BackendSettings, secrets: readonly Secret[]): LiveBackend["images"] {
  const { pullSecret, ...places } = images ?? {};
  const secret = pullSecret && secrets[keys.findIndex((key) => formatKey(key) === formatKey(pullSecret))];
  const found = secret?.data?.[".dockerconfigjson"];
  return { ...places, dockerConfig: found === undefined ? undefined : Buffer.from(found, "base64").toString("utf8") };
}

function isThere({ type, available }: Aspect): readonly [string, boolean] {
  return [type, available];
}

/** The part of a spec that a backend is made from; who may use it is judged elsewhere. */
function driven({
  default: _default,
  allowedNamespaces: _allowed,
  guardrailsBound: _bound,
  ...rest
}: RuntimeBackend["spec"]): unknown {
  return rest;
}
