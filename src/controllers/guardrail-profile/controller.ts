import type { ObjectKey } from "../../api/meta.ts";
import type {
  GuardrailProfile,
  GuardrailProfileStatus,
  RuntimeBackend,
  RuntimeDeployment,
} from "../../api/v1alpha1/index.ts";
import { type BuiltInProfile, builtInProfile } from "../../guardrails/built-in.ts";
import { ApiError } from "../../machinery/client.ts";
import type { Lister } from "../../machinery/lister.ts";
import type { Reconciler, Result } from "../../machinery/reconciler.ts";
import { summarize } from "./status.ts";

export interface GuardrailProfilePorts {
  readonly profiles: Lister<GuardrailProfile>;
  /** With an index `profile`, by the name of their profile. */
  readonly deployments: Lister<RuntimeDeployment>;
  readonly backends: Lister<RuntimeBackend>;
  /** Makes a stored profile what was shipped; does nothing where it is. */
  readonly install: (
    shipped: BuiltInProfile,
    stored: GuardrailProfile | undefined,
    signal: AbortSignal,
  ) => Promise<void>;
  /** Writes nothing when the status is so already. */
  readonly writeStatus: (
    object: GuardrailProfile,
    status: GuardrailProfileStatus,
    signal: AbortSignal,
  ) => Promise<unknown>;
  /** The API server refuses to have a built-in profile: its deployments need no longer wait for it. */
  readonly onRefused: (profile: string) => void;
}

/** Answers of an API server that is busy or was asked in between: the same request may succeed. */
const PASSING: ReadonlySet<number> = new Set([408, 409, 429]);

/** Keeps the profiles that ship with Slipway as they were shipped, and tells of every profile where it holds. */
export class GuardrailProfileReconciler implements Reconciler {
  readonly #ports: GuardrailProfilePorts;
  /** Built-in profiles that could not be installed. */
  readonly #refused = new Set<string>();

  constructor(ports: GuardrailProfilePorts) {
    this.#ports = ports;
  }

  /** Whether a profile is missing only because it ships with Slipway and is about to be installed. */
  isInstalling(name: string): boolean {
    const missing = this.#ports.profiles.get({ namespace: "", name }) === undefined;
    return missing && builtInProfile(name) !== undefined && !this.#refused.has(name);
  }

  async reconcile({ name }: ObjectKey, signal: AbortSignal): Promise<Result> {
    const { profiles, deployments, backends, writeStatus } = this.#ports;
    const object = profiles.get({ namespace: "", name });
    await this.#install(name, object, signal);
    // A profile that was installed a moment ago comes back by the watch.
    if (!object || object.metadata.deletionTimestamp) return {};
    const facts = { deployments: deployments.byIndex("profile", name).length, backends: backends.list() };
    await writeStatus(object, summarize(object, facts), signal);
    return {};
  }

  async #install(name: string, stored: GuardrailProfile | undefined, signal: AbortSignal): Promise<void> {
    const shipped = builtInProfile(name);
    // What is being deleted takes no change; its end comes back by the watch.
    if (!shipped || stored?.metadata.deletionTimestamp) return;
    try {
      await this.#ports.install(shipped, stored, signal);
      this.#refused.delete(name);
    } catch (error) {
      if (error instanceof ApiError && error.code < 500 && !PASSING.has(error.code)) {
        this.#refused.add(name);
        this.#ports.onRefused(name);
      }
      throw error;
    }
  }
}
