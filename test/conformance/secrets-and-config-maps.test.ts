import { beforeEach, describe, expect, it } from "@jest/globals";
import { MERGE_PATCH } from "./support/client.ts";
import { configMap, secret } from "./support/objects.ts";
import { conformance, type Namespace } from "./support/suite.ts";

const suite = conformance();
const base64 = (text: string) => Buffer.from(text).toString("base64");
let ns: Namespace;

beforeEach(async () => {
  ns = await suite.namespace();
});

// https://kubernetes.io/docs/concepts/configuration/secret/
describe("a Secret", () => {
  it("takes stringData over data, and never shows it", async () => {
    const made = await suite.api.create(
      ns.core("secrets"),
      secret("s", { data: { a: base64("old"), b: base64("kept") }, stringData: { a: "new" } }),
    );
    expect(made.data).toEqual({ a: base64("new"), b: base64("kept") });
    expect(made).not.toHaveProperty("stringData");
    const patched = await suite.api.merge(ns.core("secrets", "s"), { stringData: { c: "third" } });
    expect(patched.data).toEqual({ a: base64("new"), b: base64("kept"), c: base64("third") });
  });

  it("that is immutable keeps its data, and stays immutable", async () => {
    const path = ns.core("secrets", "s");
    await suite.api.create(ns.core("secrets"), secret("s", { stringData: { a: "1" } }));
    await suite.api.merge(path, { immutable: true });
    for (const body of [{ stringData: { a: "2" } }, { immutable: false }, { data: { b: base64("x") } }]) {
      const { status, body: refusal } = await suite.api.send("PATCH", path, { type: MERGE_PATCH, body });
      expect([status, refusal.reason]).toEqual([422, "Invalid"]);
    }
    // Labels are no data.
    expect((await suite.api.merge(path, { metadata: { labels: { a: "b" } } })).metadata.labels).toEqual({ a: "b" });
    await suite.api.remove(path);
  });

  it("keeps its type", async () => {
    await suite.api.create(ns.core("secrets"), secret("s"));
    const { status, body } = await suite.api.send("PATCH", ns.core("secrets", "s"), {
      type: MERGE_PATCH,
      body: { type: "example.com/other" },
    });
    expect([status, body.details.causes?.[0]?.field]).toEqual([422, "type"]);
  });

  it("has under data only what is base64", async () => {
    const { status } = await suite.api.send("POST", ns.core("secrets"), {
      body: secret("s", { data: { a: "not base64!" } }),
    });
    expect(status).toBe(400);
  });

  it("is for TLS only with both its parts", async () => {
    const { status, body } = await suite.api.send("POST", ns.core("secrets"), {
      body: secret("s", { type: "kubernetes.io/tls", stringData: { "tls.crt": "x" } }),
    });
    expect(status).toBe(422);
    expect(body.details.causes?.[0]?.field).toBe("data[tls.key]");
  });
});

// https://kubernetes.io/docs/concepts/configuration/configmap/
describe("a ConfigMap", () => {
  it("keeps text and bytes apart, under keys of their own", async () => {
    const both = configMap("c", { data: { text: "grün" }, binaryData: { bytes: base64("\u0000\u0001") } });
    const made = await suite.api.create(ns.core("configmaps"), both);
    expect(made).toMatchObject({ data: { text: "grün" }, binaryData: { bytes: base64("\u0000\u0001") } });
    const { status } = await suite.api.send("POST", ns.core("configmaps"), {
      body: configMap("d", { data: { same: "x" }, binaryData: { same: base64("x") } }),
    });
    expect(status).toBe(422);
  });

  it("that is immutable keeps its data", async () => {
    const path = ns.core("configmaps", "c");
    await suite.api.create(ns.core("configmaps"), configMap("c", { data: { a: "1" }, immutable: true }));
    for (const body of [{ data: { a: "2" } }, { binaryData: { b: base64("x") } }, { immutable: null }]) {
      expect((await suite.api.send("PATCH", path, { type: MERGE_PATCH, body })).status).toBe(422);
    }
  });

  it("holds one MiB and no more", async () => {
    const half = "x".repeat(512 * 1024);
    await suite.api.create(ns.core("configmaps"), configMap("c", { data: { a: half, b: half } }));
    const { status } = await suite.api.send("POST", ns.core("configmaps"), {
      body: configMap("d", { data: { a: half, b: `${half}x` } }),
    });
    expect(status).toBe(422);
  });
});

// https://kubernetes.io/docs/reference/using-api/api-concepts/#response-compression
describe("an answer", () => {
  it("beyond 128 KiB is compressed for those who take gzip", async () => {
    await suite.api.create(ns.core("configmaps"), configMap("c", { data: { a: "x".repeat(256 * 1024) } }));
    const gzip = { "accept-encoding": "gzip" };
    const large = await suite.api.send("GET", ns.core("configmaps", "c"), { headers: gzip });
    expect(large.headers["content-encoding"]).toBe("gzip");
    expect(large.body.data.a).toHaveLength(256 * 1024);
    const plain = await suite.api.send("GET", ns.core("configmaps", "c"), {
      headers: { "accept-encoding": "identity" },
    });
    expect(plain.headers["content-encoding"]).toBeUndefined();
    expect(plain.body).toEqual(large.body);
  });
});
