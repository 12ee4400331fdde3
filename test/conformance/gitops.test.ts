import { describe, expect, it } from "@jest/globals";
import { type Body, managersOf } from "./support/body.ts";
import { APPLY_PATCH } from "./support/client.ts";
import { deployment } from "./support/objects.ts";
import { conformance } from "./support/suite.ts";

const suite = conformance();
const ARGO = "argocd-controller";
const AUTOSCALER = "autoscaler";

interface Live {
  readonly replicas: number;
  readonly template: {
    readonly spec: { readonly containers: readonly { readonly image: string; readonly env?: object }[] };
  };
}

/** What is in git: no replicas, which the autoscaler owns. */
function manifest(round: number, env: readonly object[]) {
  const { spec, ...rest } = deployment("web", { image: `example.com/image:${round}`, env });
  const { replicas: _, ...template } = spec;
  return { ...rest, metadata: { name: "web", labels: { "app.kubernetes.io/instance": "web" } }, spec: template };
}

// Argo CD applies with `fieldManager=argocd-controller&force=true` and compares by a dry run of the same:
// https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/#server-side-apply and .../diff-strategies/#server-side-diff
describe("a GitOps controller", () => {
  it("and an autoscaler apply to one Deployment over 50 rounds without a surprise", async () => {
    const ns = await suite.namespace();
    const path = ns.in("apps/v1", "deployments", "web");
    const sync = (body: object, dryRun?: "All") =>
      suite.api.apply(path, body, { fieldManager: ARGO, force: true, dryRun });
    const { template: _, selector: __, ...scale } = { ...deployment("web").spec, replicas: 0 };
    const scaled = (replicas: number) => ({ ...deployment("web"), spec: { ...scale, replicas } });
    await sync(manifest(0, []));
    // No pods wanted of anybody who might run them.
    await suite.api.apply(path, scaled(0), { fieldManager: AUTOSCALER, force: true });
    let previous: Body = await suite.api.get(path);
    for (let round = 1; round <= 50; round++) {
      const env = round % 2 === 0 ? [{ name: "ROUND", value: String(round) }] : [];
      const wanted = manifest(round, env);
      const predicted = await sync(wanted, "All");
      expect((await suite.api.get(path)).metadata.generation).toBe(previous.metadata.generation);
      const live = await sync(wanted);
      expect(live.spec).toEqual(predicted.spec);
      const { replicas, template } = live.spec as Live;
      expect(replicas).toBe(0);
      expect(template.spec.containers[0]?.image).toBe(`example.com/image:${round}`);
      expect(template.spec.containers[0]?.env).toEqual(env.length > 0 ? env : undefined);
      // Applied again: in sync, nothing is written.
      expect((await sync(wanted)).metadata.generation).toBe(live.metadata.generation);
      const after = await suite.api.apply(path, scaled(0), { fieldManager: AUTOSCALER });
      expect(after.metadata.generation).toBe(live.metadata.generation);
      previous = after;
    }
    const managers = managersOf(previous).filter((manager) => manager.endsWith("/Apply"));
    expect(managers.toSorted()).toEqual([`${ARGO}/Apply`, `${AUTOSCALER}/Apply`]);
  });

  it("finds drift, and mends it", async () => {
    const ns = await suite.namespace();
    const path = ns.in("apps/v1", "deployments", "web");
    const wanted = manifest(1, [{ name: "A", value: "1" }]);
    const options = { fieldManager: ARGO, force: true };
    const synced = await suite.api.apply(path, wanted, options);
    await suite.api.strategic(
      path,
      { spec: { template: { spec: { containers: [{ name: "main", image: "example.com/hotfix:1" }] } } } },
      { fieldManager: "kubectl-edit" },
    );
    const predicted = await suite.api.apply(path, wanted, { ...options, dryRun: "All" });
    expect((predicted.spec as Live).template).toEqual((synced.spec as Live).template);
    expect((await suite.api.get(path)).spec).not.toEqual(predicted.spec);
    const mended = await suite.api.apply(path, wanted, options);
    expect((mended.spec as Live).template).toEqual((synced.spec as Live).template);
    expect(JSON.stringify(managersOf(mended))).not.toContain("kubectl-edit");
  });

  it("does not fight over a field that it no longer names", async () => {
    const ns = await suite.namespace();
    const path = ns.in("apps/v1", "deployments", "web");
    const withReplicas = { ...manifest(1, []), spec: { ...manifest(1, []).spec, replicas: 0 } };
    await suite.api.apply(path, withReplicas, { fieldManager: ARGO, force: true });
    // The documented way to hand a field over: the new owner applies it first, then the old one lets go.
    // https://kubernetes.io/docs/reference/using-api/server-side-apply/#transferring-ownership
    const handed = { ...deployment("web"), spec: { replicas: 0 } };
    const { status } = await suite.api.send("PATCH", path, {
      type: APPLY_PATCH,
      body: handed,
      query: { fieldManager: AUTOSCALER },
    });
    expect(status).toBe(200);
    const { spec } = await suite.api.apply(path, manifest(1, []), { fieldManager: ARGO, force: true });
    expect((spec as Live).replicas).toBe(0);
  });
});
