import type { UserInfo } from "../access/access.ts";
import type { ResourceDefinition } from "../resource.ts";

/** A write on its way to the store, after decoding and before validation (mutating) or storage (validating). */
export interface AdmissionRequest {
  readonly operation: "CREATE" | "UPDATE" | "DELETE";
  readonly definition: ResourceDefinition;
  /** Empty for the object itself. */
  readonly subresource: string;
  readonly namespace: string;
  /** Empty on a create by generateName, until the name is made. */
  readonly name: string;
  /** A DELETE of the whole collection, which the object is in: webhooks are told no name. */
  readonly ofCollection?: boolean;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /** The client's address; undefined where the server itself writes. */
  readonly from?: string | undefined;
  /** What will be stored; mutating plugins may change it in place. Undefined on DELETE. */
  readonly object: Record<string, unknown> | undefined;
  /** What is stored. Undefined on CREATE. */
  readonly oldObject: Readonly<Record<string, unknown>> | undefined;
  /** What the client asked beside the object, as `meta.k8s.io/v1` CreateOptions, UpdateOptions or DeleteOptions. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Adds a `Warning` header to the answer. */
  warn(text: string): void;
  /** Adds to the request's line in the audit log, where it has one. */
  readonly annotate?: ((key: string, value: string) => void) | undefined;
}

/** What is known of a write before its object is. */
export type AdmissionSubject = Pick<
  AdmissionRequest,
  "operation" | "definition" | "subresource" | "namespace" | "name"
>;

/**
 * One admission rule. Plugins run in the order of the list: all `mutate`, all `complete`, then validation by schema, then all
 * `validate`.
 */
export interface AdmissionPlugin {
  readonly name: string;
  /** True where a decision may take seconds, so that no lock may be held meanwhile. */
  readonly isRemote?: boolean;
  /** Cheap: asked for every write. */
  handles(request: AdmissionSubject): boolean;
  /** @throws {StatusError} to refuse. */
  mutate?(request: AdmissionRequest): void | Promise<void>;
  /** For what must see the object as all others have left it, such as a stamp over it. As `mutate` otherwise. */
  complete?(request: AdmissionRequest): void | Promise<void>;
  /** Must not change the object. @throws {StatusError} to refuse. */
  validate?(request: AdmissionRequest): void | Promise<void>;
}

/** The ordered plugins. Stays synchronous where every plugin is, so that most writes never yield. */
export class AdmissionChain {
  readonly #plugins: readonly AdmissionPlugin[];

  constructor(plugins: readonly AdmissionPlugin[]) {
    this.#plugins = plugins;
  }

  /** Whether the decision on such a write may take long, since something outside this process is asked. */
  isRemote(subject: AdmissionSubject): boolean {
    return this.#plugins.some((plugin) => plugin.isRemote && plugin.handles(subject));
  }

  /** Whether the object may come out with what the client did not ask for, and is no field manager's. */
  mayAdd(subject: AdmissionSubject): boolean {
    return this.#plugins.some((plugin) => (plugin.isRemote || plugin.complete) && plugin.handles(subject));
  }

  mutate(request: AdmissionRequest): void | Promise<void> {
    const mutated = this.#run(request, "mutate");
    return mutated === undefined ? this.#run(request, "complete") : mutated.then(() => this.#run(request, "complete"));
  }

  validate(request: AdmissionRequest): void | Promise<void> {
    return this.#run(request, "validate");
  }

  #run(request: AdmissionRequest, phase: "mutate" | "complete" | "validate"): void | Promise<void> {
    let pending: Promise<void> | undefined;
    for (const plugin of this.#plugins) {
      if (plugin[phase] === undefined || !plugin.handles(request)) continue;
      if (pending !== undefined) pending = pending.then(() => plugin[phase]?.(request));
      else pending = plugin[phase](request) ?? undefined;
    }
    return pending;
  }
}
