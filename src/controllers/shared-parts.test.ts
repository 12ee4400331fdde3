import { expect, it } from "@jest/globals";
import type { RuntimeDeployment } from "../api/v1alpha1/index.ts";
import { SharedParts } from "./shared-parts.ts";

const deployment = (reason?: string): RuntimeDeployment => {
  const fields = reason === undefined ? undefined : [{ field: "seccomp", enforcement: "Enforced", reason }];
  return { status: { guardrails: { profile: "standard", fields } } } as RuntimeDeployment;
};
const tableOf = ({ status }: RuntimeDeployment) => status?.guardrails?.fields;

it("keeps equal tables once, and others apart", () => {
  const parts = new SharedParts();
  const [first, second, other] = [deployment("a"), deployment("a"), deployment("b")].map((each) => parts.share(each));
  if (!first || !second || !other) throw new Error("there are three");
  expect(tableOf(second)).toBe(tableOf(first));
  expect(second).toEqual(deployment("a"));
  expect(other).toEqual(deployment("b"));
});

it("leaves alone what has none", () => {
  const parts = new SharedParts();
  expect(parts.share(deployment())).toEqual(deployment());
  const bare = {} as RuntimeDeployment;
  expect(parts.share(bare)).toBe(bare);
});

it("forgets rather than grows", () => {
  const parts = new SharedParts();
  const first = parts.share(deployment("0"));
  for (let i = 1; i <= 2_048; i++) parts.share(deployment(String(i)));
  expect(tableOf(parts.share(deployment("0")))).not.toBe(tableOf(first));
});

it("keeps equal members of specs once, and texts as they are", () => {
  const parts = new SharedParts();
  const made = (name: string): RuntimeDeployment =>
    ({
      metadata: { name, namespace: "team-a", finalizers: ["slipway.dev/teardown"] },
      spec: { desiredState: "Running", health: { probe: "mcp", periodSeconds: 30 } },
      status: { conditions: [{ type: "Ready", status: "True", reason: "Connected", message: "MCP answered" }] },
    }) as unknown as RuntimeDeployment;
  const [first, second] = [parts.share(made("a")), parts.share(made("b"))];
  expect(second.spec.health).toBe(first.spec.health);
  expect(second.metadata.finalizers).toBe(first.metadata.finalizers);
  expect([first, second]).toEqual([made("a"), made("b")]);
});
