import type { CallBudget } from "./call-budget.ts";
import { CodeEngineError, isFailure } from "./errors.ts";
import { PAGE_SIZE, page, paged } from "./paging.ts";
import type { Decoder } from "./shape.ts";
import type { Call, CallOptions, Transport } from "./transport.ts";

/** Pinned to the newest date that IBM's own client documents, so that no later change of the API meets us unasked. */
export const API_VERSION = "2026-06-15";

export interface Listable<T, Filter = unknown> {
  /** Of all pages. Each page is a call of its own, with the timeout of `options`. */
  list(options: CallOptions & Filter): AsyncIterable<T>;
}

export interface Gettable<T> {
  get(name: string, options: CallOptions): Promise<T>;
}

export interface Creatable<T, Prototype> {
  /**
   * @throws {CodeEngineError} of kind conflict when the name is taken: where that error is `uncertain`, perhaps by this
   * very call, whose first answer was lost. Read it and compare.
   */
  create(prototype: Prototype, options: CallOptions): Promise<T>;
}

/** What a change must show: the `entity_tag` of what was read. There is no way to write over others' changes. */
export interface Tagged {
  readonly entityTag: string;
}

export interface Patchable<T, Patch> {
  /** @throws {CodeEngineError} of kind conflict when it changed since; `uncertain` then means: perhaps by this call. */
  patch(name: string, patch: Patch, options: CallOptions & Tagged): Promise<T>;
}

export interface Replaceable<T, Replacement> {
  /** @throws {CodeEngineError} of kind conflict when it changed since; `uncertain` then means: perhaps by this call. */
  replace(name: string, replacement: Replacement, options: CallOptions & Tagged): Promise<T>;
}

export interface Deletable {
  /** `absent` when there is nothing to delete. Otherwise it takes a while: `get` may still find it. */
  delete(name: string, options: CallOptions): Promise<"accepted" | "absent">;
}

export interface CollectionOptions<T> {
  readonly transport: Transport;
  readonly budget: CallBudget;
  readonly api: string;
  /** Where the collection is, from the API's root. */
  readonly path: readonly string[];
  /** The member of a page that holds the resources. */
  readonly plural: string;
  /** For people: "the app". */
  readonly noun: string;
  readonly item: Decoder<T>;
  /** Options of `list` that become parameters of the query. */
  readonly filters?: readonly string[];
  /** What of a request no error may quote. */
  readonly sensitive?: (body: unknown) => readonly string[];
}

/** The calls that resources of one kind have in common; the interfaces above say which of them a kind has. */
export class Collection<T, Prototype = never, Patch = never, Replacement = never>
  implements
    Listable<T>,
    Gettable<T>,
    Creatable<T, Prototype>,
    Patchable<T, Patch>,
    Replaceable<T, Replacement>,
    Deletable
{
  readonly #options: CollectionOptions<T>;

  constructor(options: CollectionOptions<T>) {
    this.#options = options;
  }

  list(options: CallOptions): AsyncIterable<T> {
    const { plural, path, item, transport, filters = [] } = this.#options;
    const operation = `list ${plural.replaceAll("_", " ")}`;
    const given = options as unknown as Readonly<Record<string, string | undefined>>;
    const filter = Object.fromEntries(filters.map((name) => [name, given[name]]));
    return paged(operation, (start) => {
      const query = { ...filter, limit: PAGE_SIZE, start };
      return transport.send(this.#call({ operation, method: "GET", path, query }), page(plural, item), options);
    });
  }

  async get(name: string, options: CallOptions): Promise<T> {
    const { transport, item } = this.#options;
    return await transport.send(this.#call({ ...this.#at(name, "get"), method: "GET" }), item, options);
  }

  async create(prototype: Prototype, options: CallOptions): Promise<T> {
    const { transport, item, path, noun } = this.#options;
    const { name } = prototype as { readonly name: string };
    const call = { operation: `create ${noun} ${name}`, method: "POST", path, body: prototype } as const;
    return await transport.send(this.#call(call), item, options);
  }

  async patch(name: string, patch: Patch, options: CallOptions & Tagged): Promise<T> {
    const headers = { ...ifMatch(name, options), "Content-Type": "application/merge-patch+json" };
    const call = { ...this.#at(name, "update"), method: "PATCH", body: patch, headers } as const;
    return await this.#options.transport.send(this.#call(call), this.#options.item, options);
  }

  async replace(name: string, replacement: Replacement, options: CallOptions & Tagged): Promise<T> {
    const headers = ifMatch(name, options);
    const call = { ...this.#at(name, "replace"), method: "PUT", body: replacement, headers } as const;
    return await this.#options.transport.send(this.#call(call), this.#options.item, options);
  }

  async delete(name: string, options: CallOptions): Promise<"accepted" | "absent"> {
    const call = { ...this.#at(name, "delete"), method: "DELETE" } as const;
    try {
      await this.#options.transport.run(this.#call(call), options);
      return "accepted";
    } catch (error) {
      if (isFailure(error, "notFound")) return "absent";
      throw error;
    }
  }

  #at(name: string, verb: string): { operation: string; path: readonly string[] } {
    return { operation: `${verb} ${this.#options.noun} ${name}`, path: [...this.#options.path, name] };
  }

  #call(call: Omit<Call, "service" | "base" | "budget">): Call {
    const { api, budget, sensitive } = this.#options;
    return {
      service: "Code Engine",
      base: api,
      budget,
      ...call,
      query: { ...call.query, version: API_VERSION },
      ...(sensitive && call.body !== undefined ? { sensitive: sensitive(call.body) } : {}),
    };
  }
}

/** IBM's pattern for a tag, without the star alone that would match whatever is there. */
const ENTITY_TAG = /^(?!\*$)[*\-a-z0-9]{1,63}$/;

function ifMatch(name: string, { entityTag }: Tagged): { "If-Match": string } {
  if (ENTITY_TAG.test(entityTag)) return { "If-Match": entityTag };
  throw new CodeEngineError({
    kind: "terminal",
    service: "The client",
    operation: `change ${name}`,
    said: "the entity tag is none; pass the entity_tag of the resource as it was read",
  });
}
