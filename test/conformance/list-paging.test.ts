import { beforeAll, describe, expect, it } from "@jest/globals";
import { type Body, namesOf } from "./support/body.ts";
import type { Query } from "./support/client.ts";
import type { Kind } from "./support/definition.ts";
import { conformance, type Namespace } from "./support/suite.ts";

const suite = conformance();
let kind: Kind;

beforeAll(async () => {
  kind = await suite.kind();
});

const numbered = (count: number) => Array.from({ length: count }, (_, at) => `o-${String(at).padStart(3, "0")}`);

async function filled(count: number): Promise<{ ns: Namespace; names: string[] }> {
  const ns = await suite.namespace();
  const names = numbered(count);
  await Promise.all(
    names.map((name, at) =>
      suite.api.create(
        kind.in(ns.name),
        kind.object(name, { metadata: { labels: { parity: at % 2 ? "odd" : "even" } } }),
      ),
    ),
  );
  return { ns, names };
}

/** All pages; `between` runs after the first. */
async function pages(path: string, query: Query, between: () => Promise<unknown> = async () => undefined) {
  const found: Body[] = [await suite.api.get(path, query)];
  await between();
  for (let next = found[0]?.metadata.continue; next; next = found.at(-1)?.metadata.continue) {
    const { limit, labelSelector } = query;
    found.push(await suite.api.get(path, { limit, labelSelector, continue: next }));
  }
  return found;
}

// https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
describe("a list in pages", () => {
  it("is the state of the first page, whatever is written meanwhile", async () => {
    const { ns, names } = await filled(60);
    const found = await pages(kind.in(ns.name), { limit: 7 }, async () => {
      await suite.api.remove(kind.in(ns.name, "o-050"));
      await suite.api.create(kind.in(ns.name), kind.object("o-030-new"));
      await suite.api.merge(kind.in(ns.name, "o-040"), { spec: { color: "changed" } });
    });
    expect(found.flatMap(namesOf)).toEqual(names);
    expect(new Set(found.map(({ metadata }) => metadata.resourceVersion)).size).toBe(1);
    expect(JSON.stringify(found)).not.toContain("changed");
  });

  it("counts down what remains", async () => {
    const { ns } = await filled(10);
    const found = await pages(kind.in(ns.name), { limit: 4 });
    expect(found.map(({ metadata }) => metadata.remainingItemCount)).toEqual([6, 2, undefined]);
    expect(found.at(-1)?.metadata.continue ?? "").toBe("");
  });

  it("fills each page with what a selector selects", async () => {
    const { ns, names } = await filled(20);
    const found = await pages(kind.in(ns.name), { limit: 4, labelSelector: "parity=odd" });
    expect(found.map(({ items }) => items.length)).toEqual([4, 4, 2]);
    expect(found.flatMap(namesOf)).toEqual(names.filter((_, at) => at % 2));
  });

  it("gives no token when the limit is exactly what there is", async () => {
    const { ns } = await filled(6);
    const { items, metadata } = await suite.api.get(kind.in(ns.name), { limit: 6 });
    expect([items.length, metadata.continue ?? ""]).toEqual([6, ""]);
  });

  it("may go on with another limit", async () => {
    const { ns, names } = await filled(12);
    const first = await suite.api.get(kind.in(ns.name), { limit: 2 });
    const rest = await suite.api.get(kind.in(ns.name), { limit: 100, continue: first.metadata.continue });
    expect([...namesOf(first), ...namesOf(rest)]).toEqual(names);
  });

  it("asks the same page twice and gets the same", async () => {
    const { ns } = await filled(6);
    const first = await suite.api.get(kind.in(ns.name), { limit: 3 });
    const page = () => suite.api.get(kind.in(ns.name), { limit: 3, continue: first.metadata.continue });
    const once = await page();
    await suite.api.remove(kind.in(ns.name, "o-004"));
    expect(await page()).toEqual(once);
  });

  it("is complete across namespaces", async () => {
    const [one, two] = [await filled(5), await filled(5)];
    const path = `/apis/${kind.group}/v1/${kind.plural}`;
    const found = await pages(path, { limit: 3 });
    const objects = found.flatMap(({ items }) => items.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
    const want = [one, two].flatMap(({ ns, names }) => names.map((name) => `${ns.name}/${name}`));
    expect(objects.filter((object) => want.includes(object))).toEqual(want.toSorted());
  });

  it("lets a watch go on from where it was", async () => {
    const { ns } = await filled(4);
    const [first] = await pages(kind.in(ns.name), { limit: 2 });
    await suite.api.create(kind.in(ns.name), kind.object("later"));
    await using watch = await suite.api.watch(kind.in(ns.name), {
      resourceVersion: first?.metadata.resourceVersion,
    });
    const { type, object } = await watch.next();
    expect([type, object.metadata.name]).toEqual(["ADDED", "later"]);
  });
});
