import { beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { configMap, secret } from "./support/objects.ts";
import { conformance, type Namespace } from "./support/suite.ts";
import { isExternal } from "./support/target.ts";
import { told, type Watch } from "./support/watch.ts";

const suite = conformance({ killsServer: true });
const describeOwn = isExternal ? describe.skip : describe;
const why = isExternal ? " (skipped: nobody can tell when another server compacts)" : "";

// https://kubernetes.io/docs/reference/using-api/api-concepts/#410-gone-responses
describeOwn(`after a compaction${why}`, () => {
  let ns: Namespace;
  /** From before. */
  let old: string;
  let page: string | undefined;
  let open: Watch;

  /** So much more than the 32 MiB that the server remembers of the past that it forgets at once, and not at its next turn. */
  beforeAll(async () => {
    ns = await suite.namespace();
    for (const name of ["a", "b", "c", "d"]) await suite.api.create(ns.core("secrets"), secret(name));
    const first = await suite.api.get(ns.core("secrets"), { limit: 2 });
    page = first.metadata.continue;
    old = first.metadata.resourceVersion;
    open = await suite.api.watch(ns.core("secrets"), { resourceVersion: old });
    suite.defer(async () => open[Symbol.asyncDispose]());
    await suite.api.remove(ns.core("secrets", "a"));
    const text = "x".repeat(1000 * 1000);
    await suite.api.create(ns.core("configmaps"), configMap("large", { data: { text } }));
    for (let round = 0; round < 46; round++) {
      await suite.api.merge(ns.core("configmaps", "large"), { metadata: { labels: { round: String(round) } } });
    }
    await eventually("the past is gone", async () => {
      const query = { resourceVersion: old, resourceVersionMatch: "Exact" };
      return (await suite.api.send("GET", ns.core("secrets"), { query })).status !== 200;
    });
  }, 120_000);

  it("a list of an old version is gone", async () => {
    const { status, body } = await suite.api.send("GET", ns.core("secrets"), {
      query: { resourceVersion: old, resourceVersionMatch: "Exact" },
    });
    expect([status, body.reason, body.code]).toEqual([410, "Expired", 410]);
  });

  it("a page of an old list is gone, with a token for going on without consistency", async () => {
    const { status, body } = await suite.api.send("GET", ns.core("secrets"), { query: { continue: page, limit: 2 } });
    expect([status, body.reason]).toEqual([410, "Expired"]);
    expect(body.metadata.continue).toBeTruthy();
    const rest = await suite.api.get(ns.core("secrets"), { continue: body.metadata.continue, limit: 10 });
    expect(rest.items.map(({ metadata }) => metadata.name)).toEqual(["c", "d"]);
    expect(Number(rest.metadata.resourceVersion)).toBeGreaterThan(Number(old));
  });

  it("a watch from an old version is told so", async () => {
    await using watch = await suite.api.watch(ns.core("secrets"), { resourceVersion: old });
    const { type, object } = await watch.next();
    expect([type, object.code, object.reason]).toEqual(["ERROR", 410, "Expired"]);
    expect(await watch.rest()).toEqual([]);
  });

  it("a watch that was open goes on", async () => {
    await suite.api.create(ns.core("secrets"), secret("later"));
    expect((await open.take(2)).map(told)).toEqual(["DELETED a", "ADDED later"]);
  });

  it("a list, and a watch from it, work as ever", async () => {
    const { metadata, items } = await suite.api.get(ns.core("secrets"));
    expect(items.map(({ metadata: { name } }) => name)).toEqual(expect.arrayContaining(["b", "c", "d"]));
    await using watch = await suite.api.watch(ns.core("secrets"), { resourceVersion: metadata.resourceVersion });
    await suite.api.create(ns.core("secrets"), secret("fresh"));
    expect(told(await watch.next())).toBe("ADDED fresh");
  });

  it("an old version stays gone when the server starts anew", async () => {
    await suite.server.restart("SIGKILL");
    await suite.reconnect();
    const { status } = await suite.api.send("GET", ns.core("secrets"), {
      query: { resourceVersion: old, resourceVersionMatch: "Exact" },
    });
    expect(status).toBe(410);
    await using watch = await suite.api.watch(ns.core("secrets"), { resourceVersion: old });
    expect((await watch.next()).object.code).toBe(410);
  });
});
