import { createHash } from "node:crypto";
import type { CustomResourceDefinition } from "../../api/custom-resource-definition.ts";
import type { Logger } from "../../machinery/logger.ts";
import { CLEANUP_FINALIZER, deletingInstances } from "../builtin/custom-resource-definition.ts";
import { definitionsOf } from "../crd/definitions-of.ts";
import { compareVersions } from "../discovery/group-contents.ts";
import type { ObjectReader, ObjectWriter } from "../object-reader.ts";
import { subdomainErrors } from "../registry/object-name.ts";
import { ServedResource, storageName } from "../registry/served-resource.ts";
import type { Strategy } from "../registry/strategy.ts";
import type { ResourceDefinition } from "../resource.ts";
import type { ServerContext } from "../verbs/server-context.ts";
import { timestamp } from "../verbs/server-context.ts";
import { acceptNames } from "./accepted-names.ts";
import { deleteAll } from "./delete-all.ts";
import { KeyedTasks } from "./keyed-tasks.ts";

const definitions = { group: "apiextensions.k8s.io", plural: "customresourcedefinitions" };

const CUSTOM_STRATEGY: Strategy = {
  nameErrors: subdomainErrors,
  unconditionalUpdate: false,
  createOnUpdate: false,
  deleteReturnsObject: false,
  qualifiedFinalizers: false,
};

/** Serves what CustomResourceDefinitions define, keeps their status, and empties a kind whose definition is deleted. */
export class CustomResources {
  readonly #context: ServerContext;
  readonly #reader: ObjectReader;
  readonly #writer: ObjectWriter;
  readonly #tasks: KeyedTasks;
  readonly #unsubscribe: () => void;

  constructor({
    context,
    reader,
    writer,
    logger,
  }: { context: ServerContext; reader: ObjectReader; writer: ObjectWriter; logger: Logger }) {
    this.#context = context;
    this.#reader = reader;
    this.#writer = writer;
    const reconcile = (name: string) => context.store.inOneState(() => this.#reconcile(name));
    this.#tasks = new KeyedTasks(reconcile, { logger, clock: context.clock, what: "definition" });
    for (const definition of reader.list<CustomResourceDefinition>(definitions)) this.#serve(definition);
    this.#unsubscribe = reader.subscribe(definitions, ({ type, object }) => {
      if (type === "DELETED") this.#withdraw(object as CustomResourceDefinition);
      else this.#serve(object as CustomResourceDefinition);
      this.#tasks.add(object.metadata.name);
      // A name that became free may be what another definition waits for.
      if (type === "DELETED") this.resume();
    });
  }

  /** Looks at every definition once: after a start, and when names become free. */
  resume(): void {
    for (const { metadata } of this.#reader.list(definitions)) this.#tasks.add(metadata.name);
  }

  async settled(): Promise<void> {
    await this.#tasks.settled();
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    await this.#tasks.close();
  }

  /** Puts an established definition's versions into the registry; the same definition again changes nothing. */
  #serve(definition: CustomResourceDefinition): void {
    const { registry } = this.#context;
    const { group, names } = definition.spec;
    if (!isTrue(definition, "Established")) return;
    const served = definitionsOf(definition);
    const shapes = served.map((version) => shapeOf(version));
    const unchanged =
      served.every((version, index) => {
        const known = registry.find(group, version.version, names.plural);
        return (
          known !== undefined &&
          known.storedApiVersion === storedApiVersionOf(definition, version) &&
          known.shape === shapes[index] &&
          sameFace(known.definition, version)
        );
      }) &&
      count(registry.stored(), (known) => known.isCustom && known.storage === storageName(group, names.plural)) ===
        served.length;
    if (unchanged) return;
    registry.removeCustom(group, names.plural);
    served.forEach((version, index) => {
      registry.add(this.#resourceOf(definition, version, shapes[index] as string));
    });
  }

  #resourceOf(definition: CustomResourceDefinition, version: ResourceDefinition, shape: string): ServedResource {
    const { group, names } = definition.spec;
    const deprecation = deprecationOf(definition, version.version);
    const stored = this.#context.store.get(
      storageName(definitions.group, definitions.plural),
      `${names.plural}.${group}`,
    );
    return new ServedResource({
      definition: version,
      strategy: CUSTOM_STRATEGY,
      storedApiVersion: storedApiVersionOf(definition, version),
      shape,
      since: stored?.id ?? 0,
      ...(deprecation === undefined ? {} : { deprecation }),
    });
  }

  #withdraw({ spec }: CustomResourceDefinition): void {
    this.#context.registry.removeCustom(spec.group, spec.names.plural);
  }

  async #reconcile(name: string): Promise<void> {
    const definition = this.#reader.get<CustomResourceDefinition>(definitions, { namespace: "", name });
    if (!definition) return;
    if (definition.metadata.deletionTimestamp !== undefined) return this.#finish(definition);
    const others = this.#reader
      .list<CustomResourceDefinition>(definitions)
      .filter(({ metadata }) => metadata.name !== name);
    const verdict = acceptNames(definition, others, timestamp(this.#context.clock));
    const { conditions, acceptedNames } = verdict;
    if (verdict.changed) await this.#updateStatus(name, { conditions, acceptedNames });
  }

  async #updateStatus(name: string, change: Partial<CustomResourceDefinition["status"]>): Promise<void> {
    await this.#writer.update(
      definitions,
      { namespace: "", name },
      (current) => ({
        ...current,
        status: { ...(current as CustomResourceDefinition).status, ...change },
      }),
      { subresource: "status", fieldManager: "slipway" },
    );
  }

  /** Deletes all objects, then lets the definition go. Comes again while finalizers hold some. */
  async #finish(definition: CustomResourceDefinition): Promise<void> {
    const { metadata, spec } = definition;
    if (!metadata.finalizers?.includes(CLEANUP_FINALIZER)) return;
    const conditions = deletingInstances(definition, timestamp(this.#context.clock));
    if (conditions) await this.#updateStatus(metadata.name, { conditions });
    const storage = storageName(spec.group, spec.names.plural);
    const resource = this.#context.registry.ofStorage(storage);
    await this.#context.store.settled();
    if (resource) {
      await deleteAll(this.#context, resource, { withoutAdmission: true });
      if (this.#context.store.count(storage) > 0) return this.#tasks.addAfter(metadata.name, 200);
    }
    await this.#writer.update(definitions, { namespace: "", name: metadata.name }, (current) => ({
      ...current,
      metadata: {
        ...current.metadata,
        finalizers: (current.metadata.finalizers ?? []).filter((it) => it !== CLEANUP_FINALIZER),
      },
    }));
  }
}

function isTrue({ status }: CustomResourceDefinition, condition: string): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === condition && value === "True") ?? false;
}

/** What objects are stored as, whatever version they are written in. */
function storedApiVersionOf({ spec }: CustomResourceDefinition, { version }: ResourceDefinition): string {
  return `${spec.group}/${spec.versions.find(({ storage }) => storage)?.name ?? version}`;
}

/** Objects written under the same shape need no second look when they are read. */
function shapeOf({ version, schema }: ResourceDefinition): string {
  return createHash("sha256")
    .update(`${version}\n${JSON.stringify(schema ?? null)}`)
    .digest("base64url")
    .slice(0, 22);
}

/** What discovery, tables and selectors show of a version. */
function sameFace(a: ResourceDefinition, b: ResourceDefinition): boolean {
  const face = ({ schema: _, definition: __, ...rest }: ResourceDefinition) => JSON.stringify(rest);
  return face(a) === face(b);
}

function deprecationOf({ spec }: CustomResourceDefinition, version: string): string | undefined {
  const described = spec.versions.find(({ name }) => name === version);
  if (!described?.deprecated) return undefined;
  if (described.deprecationWarning !== undefined) return described.deprecationWarning;
  const newer = spec.versions
    .filter(({ name, served, deprecated }) => served && !deprecated && compareVersions(name, version) < 0)
    .sort((a, b) => compareVersions(a.name, b.name))[0];
  const what = (name: string) => `${spec.group}/${name} ${spec.names.kind}`;
  return newer ? `${what(version)} is deprecated; use ${what(newer.name)}` : `${what(version)} is deprecated`;
}

function count<T>(items: Iterable<T>, matches: (item: T) => boolean): number {
  let found = 0;
  for (const item of items) if (matches(item)) found++;
  return found;
}
