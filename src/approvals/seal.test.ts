import { describe, expect, it } from "@jest/globals";
import { approvalOf, decided, KEYS, keysOf } from "../../test/support/approvals.ts";
import type { Approval } from "../api/v1alpha1/index.ts";
import { isSealed, sealOf } from "./seal.ts";

const approval = approvalOf();
const spec = (more: object): Approval => ({ ...approval, spec: { ...approval.spec, ...more } });

describe("the seal of an Approval", () => {
  it("holds while decisions come", () => {
    expect(isSealed(approval, KEYS)).toBe(true);
    expect(isSealed(decided(decided(approval, { by: "sam" }), { by: "kim" }), KEYS)).toBe(true);
  });

  it("holds in what a server makes of it: other order, and what the schema fills in", () => {
    const { effective, ...rest } = approval.spec;
    expect(
      isSealed({ ...approval, spec: JSON.parse(JSON.stringify({ effective, ...rest })) as Approval["spec"] }, KEYS),
    ).toBe(true);
    const { decisions: _, ...made } = approval.spec;
    expect(sealOf({ ...approval, spec: made }, KEYS)).toBe(approval.spec.seal);
  });

  it.each<{ because: string; approval: Approval; keys?: typeof KEYS }>([
    { because: "another digest", approval: spec({ digest: `v1:sha256:${"1".repeat(64)}` }) },
    { because: "another content", approval: spec({ effective: { image: "evil" } }) },
    { because: "other requesters", approval: spec({ requesters: [{ username: "kim" }] }) },
    {
      because: "other approvers",
      approval: spec({ policies: [{ ...approval.spec.policies[0], approvers: { users: ["m"] } }] }),
    },
    { because: "a later request", approval: spec({ requestedAt: "2026-02-01T00:00:00.000Z" }) },
    { because: "another deployment", approval: spec({ deploymentRef: { name: "server", uid: "other" } }) },
    { because: "a field more", approval: spec({ generation: 7 }) },
    { because: "another name", approval: { ...approval, metadata: { ...approval.metadata, name: "other" } } },
    { because: "another namespace", approval: { ...approval, metadata: { ...approval.metadata, namespace: "other" } } },
    { because: "no seal", approval: spec({ seal: undefined }) },
    { because: "the seal of another", approval: spec({ seal: approvalOf({ name: "b" }).spec.seal }) },
    { because: "a key that is none of them", approval, keys: keysOf("b") },
  ])("breaks by $because", ({ approval: given, keys = KEYS }) => {
    expect(isSealed(given, keys)).toBe(false);
  });

  it("outlives its key where that still verifies", () => {
    expect(isSealed(approval, keysOf("b", "a"))).toBe(true);
  });
});
