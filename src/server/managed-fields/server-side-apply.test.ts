import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { parse } from "yaml";
import { type RecordedWrite, recordedKinds, recordedSequences } from "../../../test/support/recordings.ts";
import { applyJsonPatch } from "../patch/json-patch.ts";
import { applyMergePatch } from "../patch/merge-patch.ts";
import type { ResourceDefinition } from "../resource.ts";
import { compileSchema } from "../schema/compiled-schema.ts";
import { applyConfiguration } from "./server-side-apply.ts";
import { trackUpdate } from "./track-update.ts";

type Fields = Record<string, unknown>;
interface Stored extends Fields {
  metadata: Fields;
  spec?: unknown;
  status?: unknown;
}

const kinds = recordedKinds();
const START = Date.parse("2026-01-01T00:00:00Z");

/** Only what a server does around ownership: merge, prune, default, keep status apart, validate. */
class SmallServer {
  readonly #objects = new Map<string, Stored>();
  #now = START;

  /** The stored object, the text of a conflict, or undefined where validation refuses. */
  write(step: RecordedWrite): Stored | string | undefined {
    this.#now += 1_000;
    const definition = kinds.get(`${step.plural}/${step.version}`) as ResourceDefinition;
    const key = `${step.plural}/${step.name}`;
    const live = this.#objects.get(key);
    const result = step.do === "apply" ? this.#apply(step, definition, live) : this.#update(step, definition, live);
    if (typeof result !== "object") return result;
    this.#objects.set(key, result);
    return result;
  }

  #update(step: RecordedWrite, definition: ResourceDefinition, live: Stored | undefined): Stored | undefined {
    const sent = structuredClone(changed(step, live)) as Stored;
    const apiVersion = `${definition.group}/${definition.version}`;
    const after: Stored = { ...sent, apiVersion, metadata: { ...sent.metadata, ...identity(step) } };
    const schema = compileSchema(definition.schema ?? {});
    schema.prune(after);
    schema.applyDefaults(after);
    const kept = keepApart(after, live, step, definition);
    const managedFields = trackUpdate({
      before: live,
      after: kept,
      manager: step.manager,
      definition,
      subresource: step.subresource ?? "",
      now: new Date(this.#now),
    });
    const { managedFields: _, ...metadata } = kept.metadata;
    const next = { ...kept, metadata: { ...metadata, ...(managedFields ? { managedFields } : {}) } };
    return schema.validate(next, live).length > 0 ? undefined : next;
  }

  #apply(step: RecordedWrite, definition: ResourceDefinition, live: Stored | undefined): Stored | string | undefined {
    const result = applyConfiguration({
      live,
      applied: configuration(step.body),
      manager: step.manager,
      force: step.force === true,
      definition,
      subresource: step.subresource ?? "",
      now: new Date(this.#now),
    });
    if ("conflicts" in result) return result.conflicts.message;
    const merged = structuredClone(result.object) as Stored;
    const next = keepApart({ ...merged, metadata: { ...merged.metadata, ...identity(step) } }, live, step, definition);
    const schema = compileSchema(definition.schema ?? {});
    schema.applyDefaults(next, { keepNulls: true });
    return schema.validate(next, live).length > 0 ? undefined : next;
  }
}

function identity({ name }: RecordedWrite): Fields {
  return { name, namespace: "ns", uid: "u", creationTimestamp: "2026-01-01T00:00:00Z" };
}

function configuration(body: unknown): object {
  const { yaml } = body as { yaml?: string };
  return yaml === undefined ? (body as object) : (parse(yaml) as object);
}

function changed({ do: how, body }: RecordedWrite, live: Stored | undefined): unknown {
  if (how === "merge") return applyMergePatch(live as Stored, body);
  return how === "json" ? applyJsonPatch(live as Stored, body) : body;
}

function keepApart(
  after: Stored,
  live: Stored | undefined,
  step: RecordedWrite,
  definition: ResourceDefinition,
): Stored {
  if (definition.subresources.status !== true) return after;
  const { status, ...rest } = after;
  if (step.subresource === "status") {
    const { managedFields } = after.metadata;
    return { ...(live as Stored), metadata: { ...(live as Stored).metadata, managedFields }, status };
  }
  return live?.status === undefined ? (rest as Stored) : { ...(rest as Stored), status: live.status };
}

function withoutTimes(entries: unknown): string[] {
  return ((entries ?? []) as Fields[])
    .map(({ time, ...entry }) => JSON.stringify(sorted({ ...entry, ...(time === undefined ? {} : { time: true }) })))
    .sort();
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

describe("ownership follows kube-apiserver", () => {
  it.each(recordedSequences())("$because", ({ steps }) => {
    const server = new SmallServer();
    for (const step of steps) {
      const result = server.write(step);
      if (step.conflict !== undefined) expect(result).toBe(step.conflict);
      else if (step.refused === true) expect(result).toBeUndefined();
      else {
        const stored = result as Stored;
        expect(typeof stored).toBe("object");
        if (step.managedFields)
          expect(withoutTimes(stored.metadata.managedFields)).toEqual(withoutTimes(step.managedFields));
        if (step.spec !== undefined) expect(stored.spec).toEqual(step.spec);
        if (step.env !== undefined) expect((stored.spec as Fields).env).toEqual(step.env);
      }
    }
  });
});

const widgets = kinds.get("widgets/v1") as ResourceDefinition;

const names = fc.constantFrom("A", "B", "C", "D");
/** Without empty lists and maps: what becomes of those is a matter of its own, and in the recordings. */
const specs = fc.record(
  {
    image: fc.constantFrom("nginx:1", "nginx:2"),
    paused: fc.boolean(),
    args: fc.array(fc.constantFrom("x", "y"), { minLength: 1, maxLength: 2 }),
    tags: fc.uniqueArray(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 }),
    env: fc.uniqueArray(fc.record({ name: names, value: fc.constantFrom("1", "2") }), {
      selector: ({ name }) => name,
      minLength: 1,
      maxLength: 3,
    }),
    labels: fc.dictionary(names, fc.constantFrom("1", "2"), { minKeys: 1, maxKeys: 3 }),
    extra: fc.dictionary(names, fc.constantFrom(1, "x"), { minKeys: 1, maxKeys: 2 }),
  },
  { requiredKeys: [] },
);

function apply(live: object | undefined, manager: string, spec: object, force = true): object {
  const applied = { apiVersion: "g.example.com/v1", kind: "Widget", metadata: { name: "a" }, spec };
  const result = applyConfiguration({
    live,
    applied,
    manager,
    force,
    definition: widgets,
    subresource: "",
    now: new Date(START),
  });
  if ("conflicts" in result) throw new Error(result.conflicts.message);
  return result.object;
}

const writes = fc.array(fc.tuple(fc.constantFrom("one", "two", "three"), specs), { minLength: 1, maxLength: 6 });

it("changes nothing when the same is applied again", () => {
  fc.assert(
    fc.property(writes, (sequence) => {
      let live: object | undefined;
      for (const [manager, spec] of sequence) live = apply(live, manager, spec);
      const [manager, spec] = sequence.at(-1) as (typeof sequence)[number];
      expect(apply(live, manager, spec, false)).toEqual(live);
    }),
  );
});

it("gives everybody what they applied last, where they still own it", () => {
  fc.assert(
    fc.property(writes, (sequence) => {
      let live: object | undefined;
      for (const [manager, spec] of sequence) live = apply(live, manager, spec);
      const [, spec] = sequence.at(-1) as (typeof sequence)[number];
      const { spec: result = {} } = live as { spec?: Fields };
      for (const [key, value] of Object.entries(spec)) {
        if (key === "image" || key === "paused" || key === "args") expect(result[key]).toEqual(value);
      }
    }),
  );
});

it("removes everything that only its applier owned, once nothing is applied", () => {
  fc.assert(
    fc.property(specs, (spec) => {
      const live = apply(undefined, "one", spec);
      const { spec: left } = apply(live, "one", {}) as { spec?: Fields };
      expect(left ?? {}).toEqual({});
    }),
  );
});

describe("a schema that became atomic", () => {
  const now = new Date(START);
  const labels = widgets.schema?.properties?.spec?.properties?.labels;
  const spec = {
    ...widgets.schema?.properties?.spec?.properties,
    labels: { ...labels, "x-kubernetes-map-type": "atomic" },
  };
  const atomic = {
    ...widgets,
    schema: { type: "object", properties: { spec: { type: "object", properties: spec } } },
  } as ResourceDefinition;

  it("gives the whole to whoever owned a part", () => {
    const live = apply(undefined, "one", { labels: { a: "1" } });
    const applied = {
      apiVersion: "g.example.com/v1",
      kind: "Widget",
      metadata: { name: "a" },
      spec: { labels: { b: "2" } },
    };
    const result = applyConfiguration({
      live,
      applied,
      manager: "two",
      force: false,
      definition: atomic,
      subresource: "",
      now,
    });
    expect(result).toMatchObject({
      conflicts: { message: 'Apply failed with 1 conflict: conflict with "one": .spec.labels' },
    });
  });
});

describe("kubectl's client-side apply", () => {
  const lastApplied = {
    apiVersion: "g.example.com/v1",
    kind: "Widget",
    metadata: { name: "a" },
    spec: { image: "nginx:1" },
  };
  const annotation = "kubectl.kubernetes.io/last-applied-configuration";
  const now = new Date(START);

  it("hands over to its server-side apply without force", () => {
    const created = {
      ...lastApplied,
      metadata: { name: "a", uid: "u", annotations: { [annotation]: JSON.stringify(lastApplied) } },
    };
    const managedFields = trackUpdate({
      before: undefined,
      after: created,
      manager: "kubectl-client-side-apply",
      definition: widgets,
      subresource: "",
      now,
    });
    const live = { ...created, metadata: { ...created.metadata, managedFields } };
    const applied = { ...lastApplied, spec: { image: "nginx:2" } };
    const request = { live, applied, force: false, definition: widgets, subresource: "", now };
    expect(applyConfiguration({ ...request, manager: "other" })).toHaveProperty("conflicts");
    const result = applyConfiguration({ ...request, manager: "kubectl" });
    expect(result).toMatchObject({ object: { spec: { image: "nginx:2" } } });
    const { object } = result as { object: { metadata: { annotations: Record<string, string> } } };
    expect(JSON.parse(object.metadata.annotations[annotation] as string)).toEqual(applied);
  });
});

it("keeps few entries of updates", () => {
  let live: Stored = { apiVersion: "g.example.com/v1", kind: "Widget", metadata: { name: "a" }, spec: {} };
  for (let index = 0; index < 15; index += 1) {
    const after: Stored = {
      ...live,
      spec: { labels: { ...(live.spec as { labels?: object }).labels, [`k${index}`]: "1" } },
    };
    const managedFields = trackUpdate({
      before: index === 0 ? undefined : live,
      after,
      manager: `manager-${index}`,
      definition: widgets,
      subresource: "",
      now: new Date(START + index * 1_000),
    });
    live = { ...after, metadata: { ...after.metadata, managedFields } };
  }
  const entries = live.metadata.managedFields as { manager: string }[];
  expect(entries).toHaveLength(10);
  expect(entries.map(({ manager }) => manager)).toContain("ancient-changes");
});
