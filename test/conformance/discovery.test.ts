import { describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { schemaOf } from "./support/definition.ts";
import { conformance } from "./support/suite.ts";

const suite = conformance();
const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

interface Aggregated {
  readonly items: readonly {
    readonly metadata: { readonly name?: string };
    readonly versions: readonly {
      readonly version: string;
      readonly resources?: readonly {
        readonly resource: string;
        readonly scope: string;
        readonly verbs: readonly string[];
        readonly subresources?: readonly { readonly subresource: string }[];
      }[];
    }[];
  }[];
}

interface Resources {
  readonly resources: readonly {
    readonly name: string;
    readonly namespaced: boolean;
    readonly kind: string;
    readonly verbs: readonly string[];
    readonly shortNames?: readonly string[];
  }[];
}

const ask = (path: string, headers = {}) => suite.api.send("GET", path, { headers });
const aggregated = async () => (await ask("/apis", { accept: AGGREGATED })).body as unknown as Aggregated;

// https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
describe("discovery", () => {
  it("of a group names its versions, the preferred one first", async () => {
    const kind = await suite.kind({
      versions: [
        { name: "v1beta1", served: true, storage: false, schema: schemaOf() },
        { name: "v2", served: true, storage: false, schema: schemaOf() },
      ],
    });
    const group = await eventually("all versions are told", async () => {
      const { status, body } = await ask(`/apis/${kind.group}`);
      const found = body as unknown as { versions: { version: string }[]; preferredVersion: object };
      return status === 200 && found.versions.length === 3 && found;
    });
    expect(group.versions.map(({ version }) => version)).toEqual(["v2", "v1", "v1beta1"]);
    expect(group.preferredVersion).toEqual({ groupVersion: `${kind.group}/v2`, version: "v2" });
  });

  it("of a version lists kinds, their verbs, and subresources", async () => {
    const kind = await suite.kind();
    const { resources } = await eventually("the kind is told", async () => {
      const { status, body } = await ask(`/apis/${kind.group}/v1`);
      const found = body as unknown as Resources;
      return status === 200 && found.resources.length > 0 && found;
    });
    const [gadgets, gadgetStatus] = resources.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    expect(gadgets).toMatchObject({ name: "gadgets", kind: "Gadget", namespaced: true });
    expect(gadgets?.verbs.toSorted()).toEqual(
      ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"].toSorted(),
    );
    expect(gadgetStatus).toMatchObject({ name: "gadgets/status", kind: "Gadget" });
    expect(gadgetStatus?.verbs.toSorted()).toEqual(["get", "patch", "update"]);
  });

  it("of everything in one document shows a kind and its end", async () => {
    const kind = await suite.kind();
    const find = async () => (await aggregated()).items.find(({ metadata }) => metadata.name === kind.group);
    const found = await eventually("the group is told", find);
    expect(found.versions[0]?.resources?.[0]).toMatchObject({ resource: "gadgets", scope: "Namespaced" });
    expect(found.versions[0]?.resources?.[0]?.subresources?.map(({ subresource }) => subresource)).toEqual(["status"]);
    await suite.api.remove(kind.path);
    await eventually("the group is gone", async () => (await find()) === undefined);
  });

  it("of everything is not sent anew to those who have it", async () => {
    const { headers } = await ask("/apis", { accept: AGGREGATED });
    expect(headers.etag).toBeDefined();
    expect(headers["content-type"]).toContain("apidiscovery.k8s.io");
    const again = await ask("/apis", { accept: AGGREGATED, "if-none-match": headers.etag });
    // Another definition of another run may have come between.
    expect([200, 304]).toContain(again.status);
    if (again.headers.etag === headers.etag) expect(again.status).toBe(304);
  });

  it("in its old form is what those get who do not ask for the new one", async () => {
    const { body } = await ask("/apis");
    expect(body.kind).toBe("APIGroupList");
    const { body: legacy } = await ask("/api");
    expect(legacy).toMatchObject({ kind: "APIVersions", versions: ["v1"] });
    const { body: core } = await ask("/api/v1");
    const { resources } = core as unknown as Resources;
    const configMaps = resources.find(({ name }) => name === "configmaps");
    expect(configMaps).toMatchObject({ kind: "ConfigMap", namespaced: true, shortNames: ["cm"] });
  });
});

// https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-interface-definition
describe("OpenAPI", () => {
  it("v3 describes a kind as soon as it is served, and forgets it", async () => {
    const kind = await suite.kind({
      spec: { type: "object", properties: { color: { type: "string", description: "What it looks like." } } },
    });
    const path = `apis/${kind.group}/v1`;
    const index = async () =>
      ((await ask("/openapi/v3")).body as unknown as { paths: Record<string, { serverRelativeURL: string }> }).paths;
    const entry = await eventually("the group is told", async () => (await index())[path]);
    expect(entry.serverRelativeURL).toContain(`/openapi/v3/${path}?hash=`);
    const document = await ask(entry.serverRelativeURL);
    expect(document.text).toContain("What it looks like.");
    expect(document.text).toContain(`/apis/${kind.group}/v1/namespaces/{namespace}/gadgets/{name}/status`);
    expect(document.text).toContain('"x-kubernetes-group-version-kind"');
    await suite.api.remove(kind.path);
    await eventually("the group is gone", async () => (await index())[path] === undefined);
  });

  it("v3 changes its hash with the schema", async () => {
    const kind = await suite.kind();
    const url = async () => {
      const { paths } = (await ask("/openapi/v3")).body as unknown as {
        paths: Record<string, { serverRelativeURL: string }>;
      };
      return paths[`apis/${kind.group}/v1`]?.serverRelativeURL;
    };
    const before = await eventually("the group is told", url);
    const [version] = kind.definition.spec.versions;
    const schema = schemaOf({ type: "object", properties: { fresh: { type: "string" } } });
    await suite.api.merge(kind.path, { spec: { versions: [{ ...version, schema }] } });
    const after = await eventually("the hash is another", async () => {
      const found = await url();
      return found !== before && found;
    });
    expect((await ask(after)).text).toContain('"fresh"');
  });

  it("v2 describes a kind as soon as it is served", async () => {
    const kind = await suite.kind({
      spec: { type: "object", properties: { color: { type: "string", description: "What it looks like." } } },
    });
    const document = await eventually(
      "the kind is described",
      async () => {
        const { text, body } = await ask("/openapi/v2", { accept: "application/json" });
        return (
          text.includes(kind.group) && (body as unknown as { swagger: string; definitions: Record<string, object> })
        );
      },
      { everyMs: 500 },
    );
    expect(document.swagger).toBe("2.0");
    const reversed = kind.group.split(".").toReversed().join(".");
    expect(document.definitions[`${reversed}.v1.Gadget`]).toMatchObject({
      "x-kubernetes-group-version-kind": [{ group: kind.group, kind: "Gadget", version: "v1" }],
    });
  });
});
