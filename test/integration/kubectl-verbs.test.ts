import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { CustomResourceDefinition } from "../../src/api/custom-resource-definition.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { newestKubectl } from "../support/newest-kubectl.ts";

/** Real kubectl against the embedded server, for every verb that a newcomer types: the one that is installed, and Debian's newest. */
const NEWEST = await newestKubectl();
const PROGRAMS = [
  { which: "that is installed", chosen: "kubectl" },
  ...(NEWEST === undefined ? [] : [{ which: "that is Debian's newest", chosen: NEWEST }]),
];

const WIDGETS: CustomResourceDefinition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "widgets.test.example.com" } as CustomResourceDefinition["metadata"],
  spec: {
    group: "test.example.com",
    scope: "Namespaced",
    names: {
      plural: "widgets",
      singular: "widget",
      kind: "Widget",
      listKind: "WidgetList",
      shortNames: ["wd"],
      categories: ["all"],
    },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: {
          status: {},
          scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
        },
        additionalPrinterColumns: [
          { name: "Image", type: "string", jsonPath: ".spec.image" },
          { name: "Note", type: "string", jsonPath: ".spec.note", priority: 1 },
        ],
        schema: {
          openAPIV3Schema: {
            type: "object",
            description: "A Widget does what widgets do.",
            properties: {
              spec: {
                type: "object",
                properties: {
                  image: { type: "string", description: "The image to run." },
                  replicas: { type: "integer" },
                  note: { type: "string" },
                },
              },
              status: {
                type: "object",
                properties: {
                  replicas: { type: "integer" },
                  conditions: {
                    type: "array",
                    items: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
};

let api: TestApiServer;
let home: string;
let count = 0;
let program = "kubectl";

beforeAll(async () => {
  api = await startTestApiServer({ crds: [WIDGETS] });
  home = await mkdtemp(join(tmpdir(), "slipway-kubectl-"));
}, 60_000);

afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
});

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function environment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  return { ...process.env, HOME: home, KUBECONFIG: api.kubeconfig, ...extra };
}

/** Runs kubectl to its end, whatever that is. */
function attempt(
  args: readonly string[],
  options: { input?: string; env?: Record<string, string> } = {},
): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { env: environment(options.env), timeout: 25_000 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, err });
    });
    child.stdin?.end(options.input ?? "");
  });
}

/** Runs kubectl and expects it to succeed; resolves to what it printed. */
async function kubectl(
  args: readonly string[],
  options: { input?: string; env?: Record<string, string> } = {},
): Promise<string> {
  const { code, out, err } = await attempt(args, options);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${err || out}`);
  return out;
}

async function namespace(): Promise<string> {
  const name = `ns-${++count}`;
  await kubectl(["create", "namespace", name]);
  return name;
}

function widget(name: string, spec: object = { image: "nginx:1" }, metadata: object = {}): string {
  return JSON.stringify({ apiVersion: "test.example.com/v1", kind: "Widget", metadata: { name, ...metadata }, spec });
}

describe.each(PROGRAMS)("the kubectl $which", ({ chosen }) => {
  beforeAll(() => {
    program = chosen;
  });

  it("creates namespaces, config maps, secrets, service accounts and deployments", async () => {
    const ns = await namespace();
    await kubectl(["-n", ns, "create", "configmap", "c", "--from-literal=a=1"]);
    await kubectl(["-n", ns, "create", "secret", "generic", "s", "--from-literal=password=hunter2"]);
    await kubectl(["-n", ns, "create", "serviceaccount", "robot"]);
    await kubectl(["-n", ns, "create", "deployment", "d", "--image=nginx:1", "--replicas=2"]);
    await kubectl(["-n", ns, "create", "role", "r", "--verb=get", "--resource=secrets"]);
    await kubectl(["-n", ns, "create", "rolebinding", "b", "--role=r", `--serviceaccount=${ns}:robot`]);
    expect(await kubectl(["-n", ns, "get", "cm", "c", "-o", "jsonpath={.data.a}"])).toBe("1");
    const password = await kubectl(["-n", ns, "get", "secret", "s", "-o", "jsonpath={.data.password}"]);
    expect(Buffer.from(password, "base64").toString()).toBe("hunter2");
    expect(await kubectl(["-n", ns, "get", "deploy", "d", "-o", "jsonpath={.spec.replicas}"])).toBe("2");
    const who = `system:serviceaccount:${ns}:robot`;
    expect(await kubectl(["-n", ns, "auth", "can-i", "get", "secrets", `--as=${who}`])).toContain("yes");
  }, 60_000);

  it("gets tables, wide ones, yaml, json, jsonpath, and what selectors select", async () => {
    const ns = await namespace();
    await kubectl(["-n", ns, "apply", "-f", "-"], {
      input: widget("a", { image: "nginx:1", note: "first" }, { labels: { app: "x" } }),
    });
    await kubectl(["-n", ns, "apply", "-f", "-"], { input: widget("b") });
    expect(await kubectl(["-n", ns, "get", "widgets"])).toMatch(/^NAME +IMAGE\na +nginx:1\nb +nginx:1\n$/);
    expect(await kubectl(["-n", ns, "get", "wd", "-o", "wide"])).toMatch(/NAME +IMAGE +NOTE\na +nginx:1 +first/);
    expect(await kubectl(["-n", ns, "get", "wd", "a", "-o", "yaml"])).toContain("image: nginx:1");
    expect(JSON.parse(await kubectl(["-n", ns, "get", "wd", "-o", "json"])).items).toHaveLength(2);
    expect(await kubectl(["-n", ns, "get", "wd", "-l", "app=x", "-o", "name"])).toBe("widget.test.example.com/a\n");
    expect(await kubectl(["-n", ns, "get", "wd", "--field-selector=metadata.name=b", "-o", "name"])).toContain("/b");
    expect(await kubectl(["get", "wd", "-A", "-o", "jsonpath={.items[*].metadata.name}"])).toContain("a b");
    expect((await attempt(["-n", ns, "get", "wd", "none"])).err).toContain('widgets.test.example.com "none" not found');
  }, 60_000);

  it("applies a List, and what get answers for several objects", async () => {
    const ns = await namespace();
    const apply = ["-n", ns, "apply", "-f", "-"];
    const list = (...items: string[]) => `{"apiVersion": "v1", "kind": "List", "items": [${items.join(", ")}]}`;
    await kubectl(apply, { input: list(widget("a"), widget("b")) });
    const both = await kubectl(["-n", ns, "get", "widgets", "-o", "yaml"]);
    expect(await kubectl(apply, { input: both })).toMatch(/widget.test.example.com\/a .*\n.*\/b /);
    // kubectl itself checks what stands in a List, by the OpenAPI document that it takes as protobuf.
    const misspelt = list(widget("a", { image: "nginx:1", imgae: "nginx:1" }));
    expect((await attempt(apply, { input: misspelt })).err).toContain('unknown field "imgae"');
  }, 60_000);

  it("watches", async () => {
    const ns = await namespace();
    const child = spawn(program, ["-n", ns, "get", "wd", "--watch", "-o", "name"], { env: environment() });
    const lines = createInterface({ input: child.stdout });
    const seen = once(lines, "line");
    // The watch may open before or after this: either way it shows the object.
    await kubectl(["-n", ns, "apply", "-f", "-"], { input: widget("seen") });
    expect(await seen).toEqual(["widget.test.example.com/seen"]);
    child.kill();
    await once(child, "exit");
  }, 60_000);

  it("explains a kind and lists api-resources", async () => {
    expect(await kubectl(["explain", "widget.spec.image"])).toContain("The image to run.");
    expect(await kubectl(["api-resources", "--api-group=test.example.com"])).toMatch(
      /widgets +wd +test.example.com\/v1 +true +Widget/,
    );
    expect(await kubectl(["api-versions"])).toContain("apiextensions.k8s.io/v1");
    expect(await kubectl(["version"])).toMatch(/Server Version: v1\.\d+/);
  }, 60_000);

  it("applies client-side and server-side, diffs, and reports conflicts between managers", async () => {
    const ns = await namespace();
    const apply = (...args: string[]) => ["-n", ns, "apply", "-f", "-", ...args];
    expect(await kubectl(apply(), { input: widget("a") })).toContain("created");
    expect(await kubectl(apply(), { input: widget("a") })).toContain("unchanged");
    expect(await kubectl(apply(), { input: widget("a", { image: "nginx:2" }) })).toContain("configured");
    const diff = await attempt(["-n", ns, "diff", "-f", "-"], { input: widget("a", { image: "nginx:3" }) });
    expect(diff.code).toBe(1);
    expect(diff.out).toContain("+  image: nginx:3");
    await kubectl(apply("--server-side", "--field-manager=one"), { input: widget("b") });
    const conflict = await attempt(apply("--server-side", "--field-manager=two"), {
      input: widget("b", { image: "nginx:9" }),
    });
    expect(conflict.err).toContain('conflict with "one": .spec.image');
    await kubectl(apply("--server-side", "--field-manager=two", "--force-conflicts"), {
      input: widget("b", { image: "nginx:9" }),
    });
    expect((await attempt(apply(), { input: widget("c", { imag: "x" }) })).err).toContain('unknown field "spec.imag"');
  }, 60_000);

  it("edits, patches, labels, annotates, scales and replaces", async () => {
    const ns = await namespace();
    await kubectl(["-n", ns, "create", "-f", "-"], { input: widget("a") });
    const editor = join(home, "editor.sh");
    await writeFile(editor, "#!/bin/sh\nsed -i 's/nginx:1/nginx:edited/' \"$1\"\n");
    await chmod(editor, 0o755);
    await kubectl(["-n", ns, "edit", "wd", "a"], { env: { KUBE_EDITOR: editor } });
    expect(await kubectl(["-n", ns, "get", "wd", "a", "-o", "jsonpath={.spec.image}"])).toBe("nginx:edited");
    await kubectl(["-n", ns, "patch", "wd", "a", "--type=merge", "-p", '{"spec":{"note":"merged"}}']);
    await kubectl([
      "-n",
      ns,
      "patch",
      "wd",
      "a",
      "--type=json",
      "-p",
      '[{"op":"replace","path":"/spec/image","value":"json"}]',
    ]);
    await kubectl(["-n", ns, "label", "wd", "a", "team=blue"]);
    await kubectl(["-n", ns, "annotate", "wd", "a", "why=test"]);
    await kubectl(["-n", ns, "scale", "wd", "a", "--replicas=3"]);
    const found = JSON.parse(await kubectl(["-n", ns, "get", "wd", "a", "-o", "json"]));
    expect(found).toMatchObject({
      metadata: { labels: { team: "blue" }, annotations: { why: "test" } },
      spec: { note: "merged", image: "json", replicas: 3 },
    });
    await kubectl(["-n", ns, "replace", "-f", "-"], {
      input: JSON.stringify({ ...found, spec: { image: "replaced" } }),
    });
    expect(await kubectl(["-n", ns, "get", "wd", "a", "-o", "jsonpath={.spec}"])).toBe('{"image":"replaced"}');
    await kubectl(["-n", ns, "patch", "cm", "none", "-p", "{}"]).catch((error: Error) =>
      expect(error.message).toContain("not found"),
    );
  }, 60_000);

  it("describes with events", async () => {
    const ns = await namespace();
    await kubectl(["-n", ns, "create", "-f", "-"], { input: widget("a") });
    const uid = await kubectl(["-n", ns, "get", "wd", "a", "-o", "jsonpath={.metadata.uid}"]);
    const event = {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: { name: "a.1" },
      eventTime: "2026-01-01T00:00:00.000000Z",
      reportingController: "test.example.com/controller",
      reportingInstance: "one",
      action: "Start",
      reason: "Started",
      note: "it runs",
      type: "Normal",
      regarding: { apiVersion: "test.example.com/v1", kind: "Widget", namespace: ns, name: "a", uid },
    };
    await kubectl(["-n", ns, "create", "-f", "-"], { input: JSON.stringify(event) });
    expect(await kubectl(["-n", ns, "describe", "wd", "a"])).toMatch(/Events:[\s\S]*Started[\s\S]*it runs/);
    expect(await kubectl(["-n", ns, "events"])).toContain("it runs");
  }, 60_000);

  it("waits for conditions and for deletion", async () => {
    const ns = await namespace();
    await kubectl(["-n", ns, "create", "-f", "-"], { input: widget("a") });
    const waiting = kubectl(["-n", ns, "wait", "wd/a", "--for=condition=Ready", "--timeout=20s"]);
    const status = { status: { conditions: [{ type: "Ready", status: "True" }] } };
    await kubectl(["-n", ns, "patch", "wd", "a", "--subresource=status", "--type=merge", "-p", JSON.stringify(status)]);
    expect(await waiting).toContain("condition met");
    const gone = kubectl(["-n", ns, "wait", "wd/a", "--for=delete", "--timeout=20s"]);
    await kubectl(["-n", ns, "delete", "wd", "a"]);
    await gone;
  }, 60_000);

  it("deletes: held by a finalizer, with dependents, and a namespace with all that is in it", async () => {
    const ns = await namespace();
    await kubectl(["-n", ns, "create", "-f", "-"], {
      input: widget("held", {}, { finalizers: ["test.example.com/hold"] }),
    });
    await kubectl(["-n", ns, "delete", "wd", "held", "--wait=false"]);
    expect(await kubectl(["-n", ns, "get", "wd", "held", "-o", "jsonpath={.metadata.deletionTimestamp}"])).not.toBe("");
    await kubectl(["-n", ns, "patch", "wd", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}']);
    await kubectl(["-n", ns, "wait", "wd/held", "--for=delete", "--timeout=20s"]);

    await kubectl(["-n", ns, "create", "-f", "-"], { input: widget("owner") });
    const uid = await kubectl(["-n", ns, "get", "wd", "owner", "-o", "jsonpath={.metadata.uid}"]);
    const ownerReferences = [
      { apiVersion: "test.example.com/v1", kind: "Widget", name: "owner", uid, blockOwnerDeletion: true },
    ];
    await kubectl(["-n", ns, "create", "-f", "-"], { input: widget("owned", {}, { ownerReferences }) });
    await kubectl(["-n", ns, "delete", "wd", "owner", "--cascade=foreground"]);
    await kubectl(["-n", ns, "wait", "wd/owned", "--for=delete", "--timeout=20s"]);

    await kubectl(["-n", ns, "create", "configmap", "c"]);
    await kubectl(["delete", "namespace", ns, "--timeout=20s"]);
    expect((await attempt(["get", "namespace", ns])).err).toContain("not found");
    expect((await attempt(["-n", ns, "get", "cm", "c"])).err).toContain("not found");
  }, 60_000);

  it("serves a definition that a user applies, at once", async () => {
    const { spec } = WIDGETS;
    const names = { plural: "gears", singular: "gear", kind: "Gear", listKind: "GearList" };
    const definition = { ...WIDGETS, metadata: { name: "gears.test.example.com" }, spec: { ...spec, names } };
    await kubectl(["apply", "--server-side", "-f", "-"], { input: JSON.stringify(definition) });
    await kubectl(["wait", "crd/gears.test.example.com", "--for=condition=Established", "--timeout=20s"]);
    const gear = {
      apiVersion: "test.example.com/v1",
      kind: "Gear",
      metadata: { name: "a", namespace: "default" },
      spec: {},
    };
    await kubectl(["apply", "-f", "-"], { input: JSON.stringify(gear) });
    await kubectl(["delete", "crd", "gears.test.example.com", "--timeout=20s"]);
    // kubectl may still have the kind in its discovery cache; the server has it no more.
    expect((await attempt(["get", "gears"])).err).toMatch(
      /could not find the requested resource|doesn't have a resource type/,
    );
  }, 60_000);
});
