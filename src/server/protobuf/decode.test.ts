import { describe, expect, it } from "@jest/globals";
import { decodeProtobuf, UnsupportedProtobuf } from "./decode.ts";

/** A field of length-delimited bytes; all numbers here fit one byte. */
function field(number: number, content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

function body(apiVersion: string, kind: string, message: Buffer): Buffer {
  const type = Buffer.concat([field(1, apiVersion), field(2, kind)]);
  return Buffer.concat([Buffer.from("k8s\0"), field(1, type), field(2, message)]);
}

describe("decodeProtobuf", () => {
  it("reads a ConfigMap as its JSON would be, without Go's zero values", () => {
    const metadata = Buffer.concat([field(1, "a"), field(2, ""), field(8, "")]);
    const entry = Buffer.concat([field(1, "key"), field(2, "value")]);
    const message = Buffer.concat([field(1, metadata), field(2, entry), Buffer.from([4 << 3, 0])]);
    expect(decodeProtobuf(body("v1", "ConfigMap", message))).toEqual({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "a" },
      data: { key: "value" },
      immutable: false,
    });
  });

  it("puts the fields of an embedded struct beside the others", () => {
    const rule = Buffer.concat([field(1, "CREATE"), field(2, Buffer.concat([field(2, "v1"), field(4, "*")]))]);
    const webhook = Buffer.concat([field(1, "a.example.com"), field(3, rule), field(4, "Fail")]);
    const message = field(2, webhook);
    expect(decodeProtobuf(body("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", message))).toEqual({
      ...{ apiVersion: "admissionregistration.k8s.io/v1", kind: "MutatingWebhookConfiguration" },
      webhooks: [
        {
          name: "a.example.com",
          rules: [{ operations: ["CREATE"], apiVersions: ["v1"], scope: "*" }],
          failurePolicy: "Fail",
        },
      ],
    });
  });

  it("keeps a key that is dangerous in JavaScript a key", () => {
    const entry = Buffer.concat([field(1, "__proto__"), field(2, "x")]);
    const { data } = decodeProtobuf(body("v1", "ConfigMap", field(2, entry)));
    expect(Object.keys(data as object)).toEqual(["__proto__"]);
  });

  it.each([
    { because: "the kind is not known", bytes: body("v1", "Mystery", Buffer.alloc(0)), error: UnsupportedProtobuf },
    { because: "a field is not known", bytes: body("v1", "ConfigMap", field(9, "x")), error: UnsupportedProtobuf },
    { because: "it is cut short", bytes: body("v1", "ConfigMap", field(1, "abc")).subarray(0, -1), error: RangeError },
    { because: "it is JSON", bytes: Buffer.from("{}"), error: RangeError },
  ])("refuses a body because $because", ({ bytes, error }) => {
    expect(() => decodeProtobuf(bytes)).toThrow(error);
  });
});
