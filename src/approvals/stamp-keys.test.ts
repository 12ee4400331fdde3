import { describe, expect, it } from "@jest/globals";
import type { Secret } from "../api/core.ts";
import { stampKeySecret, stampKeysIn } from "./stamp-keys.ts";
import { isStampOf, type StampKind, stampOf } from "./stamps.ts";

const text = (fill: number, bytes = 32) => Buffer.alloc(bytes, fill).toString("base64");
const secret = (data?: Record<string, string>) => ({ kind: "Secret", data }) as unknown as Secret;

describe("the keys of stamps", () => {
  it.each<{ because: string; secret: Secret | undefined; verify: number[] | undefined }>([
    { because: "as first made, one signs and verifies", secret: secret({ key: text(1) }), verify: [1] },
    { because: "all verify", secret: secret({ old: text(2), key: text(1) }), verify: [2, 1] },
    { because: "one that is too short is none", secret: secret({ old: text(2, 31), key: text(1) }), verify: [1] },
    { because: "nothing signs without `key`", secret: secret({ old: text(2) }), verify: undefined },
    { because: "nor with a short one", secret: secret({ key: text(1, 8), old: text(2) }), verify: undefined },
    { because: "an empty Secret has none", secret: secret(), verify: undefined },
    { because: "nor has an absent one", secret: undefined, verify: undefined },
  ])("$because", ({ secret: given, verify }) => {
    expect(stampKeysIn(given)?.verify.map(([first]) => first)).toEqual(verify);
    expect(stampKeysIn(given)?.sign[0]).toBe(verify ? 1 : undefined);
  });

  it("are found in the Secret that is made", () => {
    const made = stampKeySecret(Buffer.alloc(32, 7)) as unknown as Secret;
    expect(stampKeysIn(made)?.sign).toEqual(Buffer.alloc(32, 7));
  });

  it("can be replaced, while stamps of the old one still count", () => {
    const [before, between, after] = [
      { old: text(1), key: text(1) },
      { old: text(1), key: text(2) },
      { key: text(2) },
    ].map((data) => stampKeysIn(secret(data)));
    if (!before || !between || !after) throw new Error("no keys");
    const stamp = stampOf("decision", { a: 1 }, before);
    expect(isStampOf(stamp, "decision", { a: 1 }, between)).toBe(true);
    expect(isStampOf(stamp, "decision", { a: 1 }, after)).toBe(false);
    expect(isStampOf(stampOf("decision", { a: 1 }, between), "decision", { a: 1 }, after)).toBe(true);
  });
});

describe("a stamp", () => {
  const keys = stampKeysIn(secret({ key: text(1) }));
  if (!keys) throw new Error("no keys");
  const stamp = stampOf("decision", { a: 1, b: [2] }, keys);

  it("is of what it says, in whatever order it stands", () => {
    expect(isStampOf(stamp, "decision", { b: [2], a: 1 }, keys)).toBe(true);
  });

  it.each<{ because: string; stamp: string | undefined; kind?: StampKind; said?: object }>([
    { because: "it says something else", stamp, said: { a: 1, b: [3] } },
    { because: "it is of another kind", stamp, kind: "requesters" },
    { because: "it is absent", stamp: undefined },
    { because: "it is empty", stamp: "" },
    { because: "it is cut short", stamp: stamp.slice(0, -2) },
    { because: "it is of a version that is not known", stamp: stamp.replace("v1:", "v2:") },
    { because: "it has no version", stamp: stamp.slice(3) },
    { because: "it is text of the right length", stamp: `v1:${"A".repeat(43)}` },
  ])("does not count where $because", ({ stamp: given, kind = "decision", said = { a: 1, b: [2] } }) => {
    expect(isStampOf(given, kind, said, keys)).toBe(false);
  });
});
