import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { KubeClient } from "../machinery/client.ts";
import { applyManifests, type Manifest, readManifests } from "./manifests.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-manifests-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const document = (kind: string, name: string) => `apiVersion: v1\nkind: ${kind}\nmetadata: {name: ${name}}\n`;

describe("readManifests", () => {
  it("reads every document of a folder, in the order of file names", async () => {
    file("b.yaml", `${document("ConfigMap", "two")}---\n# only a comment\n---\n${document("ConfigMap", "three")}`);
    file("a.json", JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "one" } }));
    file("notes.txt", "not a manifest");
    const names = (await readManifests(folder)).map(({ object }) => object.metadata.name);
    expect(names).toEqual(["one", "two", "three"]);
  });

  it.each([
    { because: "the syntax is broken", text: "a: [1", message: "document 1" },
    { because: "the kind is missing", text: "apiVersion: v1\nmetadata: {name: a}\n", message: "kind: undefined" },
    { because: "the name is missing", text: "apiVersion: v1\nkind: Secret\nmetadata: {}\n", message: "metadata.name" },
    { because: "it is no object", text: "just words\n", message: "apiVersion: undefined" },
    { because: "it expands without end", text: bomb(), message: "alias" },
  ])("names file and document when $because", async ({ text, message }) => {
    const path = file("x.yaml", text);
    await expect(readManifests(path)).rejects.toThrow(message);
  });

  it("names what cannot be read", async () => {
    await expect(readManifests(join(folder, "none.yaml"))).rejects.toThrow("none.yaml cannot be read (ENOENT)");
    await expect(readManifests(folder)).rejects.toThrow("holds no .yaml");
  });
});

describe("applyManifests", () => {
  const manifest = (kind: string, name: string): Manifest => ({
    origin: name,
    object: { apiVersion: "v1", kind, metadata: { name } },
  });
  const resources = [
    { name: "configmaps", kind: "ConfigMap", namespaced: true },
    { name: "namespaces", kind: "Namespace", namespaced: false },
  ];

  function recordingClient(refuse?: string) {
    const applied: string[] = [];
    const client = {
      request: async () => ({ resources }),
      patch: async (type: { plural: string }, key: { namespace: string; name: string }) => {
        if (key.name === refuse) throw new Error("forbidden");
        applied.push(`${type.plural} ${key.namespace}/${key.name}`);
      },
    } as unknown as KubeClient;
    return { applied, client };
  }
  const options = { fieldManager: "test", signal: new AbortController().signal };

  it("applies namespaces first, and takes `default` where none is named", async () => {
    const { applied, client } = recordingClient();
    await applyManifests(client, [manifest("ConfigMap", "a"), manifest("Namespace", "n")], options);
    expect(applied).toEqual(["namespaces /n", "configmaps default/a"]);
  });

  it("goes on after a refusal and names each in the end", async () => {
    const { applied, client } = recordingClient("a");
    const all = [manifest("ConfigMap", "a"), manifest("Unknown", "u"), manifest("ConfigMap", "b")];
    await expect(applyManifests(client, all, options)).rejects.toThrow(/a: ConfigMap a: forbidden\nu: Unknown u: kind/);
    expect(applied).toEqual(["configmaps default/b"]);
  });
});

/** Ten levels of ten aliases each: 10^10 nodes from a kilobyte. */
function bomb(): string {
  const levels = [...Array(10).keys()].map((n) => `k${n}: &k${n} [${Array(10).fill(n === 0 ? "x" : `*k${n - 1}`)}]`);
  return levels.join("\n");
}
