import { describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { namesOf } from "./support/body.ts";
import { MERGE_PATCH } from "./support/client.ts";
import { configMap, secret } from "./support/objects.ts";
import { core, grant } from "./support/rbac.ts";
import { conformance } from "./support/suite.ts";
import { isExternal } from "./support/target.ts";
import { told } from "./support/watch.ts";

const suite = conformance({ killsServer: true });
const describeOwn = isExternal ? describe.skip : describe;

async function crash(): Promise<void> {
  await suite.server.restart("SIGKILL");
  await suite.reconnect();
}

// What etcd promises of acknowledged writes: https://etcd.io/docs/v3.6/learning/api_guarantees/
describeOwn(
  `a server that was killed${isExternal ? " (skipped: KUBECONFIG's server is not the suite's to kill)" : ""}`,
  () => {
    it("has everything that it acknowledged, as it was", async () => {
      const ns = await suite.namespace();
      const kind = await suite.kind();
      const made = await suite.api.create(kind.in(ns.name), kind.object("kept", { spec: { color: "red" } }));
      await suite.api.apply(kind.in(ns.name, "kept"), kind.object("kept", { spec: { size: 1 } }), {
        fieldManager: "one",
      });
      await suite.api.merge(`${kind.in(ns.name, "kept")}/status`, { status: { phase: "Up" } });
      const before = await suite.api.get(kind.in(ns.name, "kept"));
      await crash();
      expect(await suite.api.get(kind.in(ns.name, "kept"))).toEqual(before);
      expect(before.metadata.uid).toBe(made.metadata.uid);
      // And what was deleted stays so.
      await suite.api.remove(kind.in(ns.name, "kept"));
      await crash();
      expect((await suite.api.send("GET", kind.in(ns.name, "kept"))).status).toBe(404);
    });

    it("loses no acknowledged write of a burst, and its versions go on", async () => {
      const ns = await suite.namespace();
      const acknowledged = new Map<string, string>();
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let at = 0; ; at++) {
          const name = `s-${writer}-${at}`;
          const { metadata } = await suite.api.create(ns.core("secrets"), secret(name));
          acknowledged.set(name, metadata.resourceVersion);
        }
      });
      const ended = Promise.allSettled(writers);
      await eventually("something is written", () => acknowledged.size > 50, { everyMs: 5 });
      await suite.server.stop("SIGKILL");
      await ended;
      await suite.server.restart();
      await suite.reconnect();
      const { items, metadata } = await suite.api.get(ns.core("secrets"));
      const found = new Map(items.map(({ metadata: { name, resourceVersion } }) => [name, resourceVersion]));
      for (const [name, version] of acknowledged) expect([name, found.get(name)]).toEqual([name, version]);
      const highest = Math.max(...[...acknowledged.values()].map(Number));
      expect(Number(metadata.resourceVersion)).toBeGreaterThanOrEqual(highest);
      const next = await suite.api.create(ns.core("secrets"), secret("next"));
      expect(Number(next.metadata.resourceVersion)).toBeGreaterThan(highest);
    });

    it("resumes watches from before", async () => {
      const ns = await suite.namespace();
      const { metadata } = await suite.api.get(ns.core("secrets"));
      await suite.api.create(ns.core("secrets"), secret("before"));
      await suite.api.merge(ns.core("secrets", "before"), { stringData: { a: "b" } });
      await crash();
      await suite.api.remove(ns.core("secrets", "before"));
      await using watch = await suite.api.watch(ns.core("secrets"), { resourceVersion: metadata.resourceVersion });
      expect((await watch.take(3)).map(told)).toEqual(["ADDED before", "MODIFIED before", "DELETED before"]);
    });

    it("goes on with a list in pages", async () => {
      const ns = await suite.namespace();
      for (const name of ["a", "b", "c", "d"]) await suite.api.create(ns.core("secrets"), secret(name));
      const first = await suite.api.get(ns.core("secrets"), { limit: 2 });
      await crash();
      await suite.api.remove(ns.core("secrets", "c"));
      const rest = await suite.api.get(ns.core("secrets"), { limit: 2, continue: first.metadata.continue });
      expect([...namesOf(first), ...namesOf(rest)]).toEqual(["a", "b", "c", "d"]);
    });

    it("goes on with a deletion that waits for finalizers", async () => {
      const ns = await suite.namespace();
      const held = ns.core("secrets", "held");
      const free = { type: MERGE_PATCH, body: { metadata: { finalizers: null } } };
      suite.defer(() => suite.api.send("PATCH", held, free));
      await suite.api.create(ns.core("secrets"), secret("held", { metadata: { finalizers: ["example.com/held"] } }));
      await suite.api.remove(`/api/v1/namespaces/${ns.name}`);
      await crash();
      expect((await suite.api.get(`/api/v1/namespaces/${ns.name}`)).status).toMatchObject({ phase: "Terminating" });
      await suite.api.send("PATCH", held, free);
      await suite.gone(`/api/v1/namespaces/${ns.name}`);
    });

    it("collects what lost its owner while nobody looked", async () => {
      const ns = await suite.namespace();
      const owner = await suite.api.create(ns.core("configmaps"), configMap("owner"));
      const { name, uid } = owner.metadata;
      const ownerReferences = [{ apiVersion: "v1", kind: "ConfigMap", name, uid }];
      for (let at = 0; at < 10; at++) {
        await suite.api.create(ns.core("configmaps"), configMap(`child-${at}`, { metadata: { ownerReferences } }));
      }
      await suite.api.remove(ns.core("configmaps", "owner"));
      await crash();
      await eventually("all children are gone", async () => {
        const { items } = await suite.api.get(ns.core("configmaps"));
        return !namesOf({ items }).some((child) => child.startsWith("child-"));
      });
    });

    it("knows tokens and rights from before", async () => {
      const ns = await suite.namespace();
      await suite.api.create(ns.core("serviceaccounts"), {
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name: "robot" },
      });
      await grant(suite, ns, { kind: "ServiceAccount", name: "robot", namespace: ns.name }, [
        core(["secrets"], ["list"]),
      ]);
      const { status } = await suite.api.create(`${ns.core("serviceaccounts", "robot")}/token`, {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: {},
      });
      const { token } = status as { token: string };
      await crash();
      expect((await suite.bearer(token).send("GET", ns.core("secrets"))).status).toBe(200);
      expect((await suite.bearer(token).send("GET", ns.core("configmaps"))).status).toBe(403);
    });

    it("ends its watches when it is asked to stop, so that clients resume elsewhere", async () => {
      const ns = await suite.namespace();
      const watch = await suite.api.watch(ns.core("secrets"));
      await suite.api.create(ns.core("secrets"), secret("last"));
      expect(told(await watch.next())).toBe("ADDED last");
      await suite.server.restart("SIGTERM");
      expect(await watch.rest()).toEqual([]);
      await suite.reconnect();
      expect(namesOf(await suite.api.get(ns.core("secrets")))).toEqual(["last"]);
    });
  },
);
