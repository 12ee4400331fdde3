import { expect, it } from "@jest/globals";
import type { RuntimeDeployment } from "../api/v1alpha1/index.ts";
import { SharedTables } from "./shared-tables.ts";

const deployment = (reason?: string): RuntimeDeployment => {
  const fields = reason === undefined ? undefined : [{ field: "seccomp", enforcement: "Enforced", reason }];
  return { status: { guardrails: { profile: "standard", fields } } } as RuntimeDeployment;
};
const tableOf = ({ status }: RuntimeDeployment) => status?.guardrails?.fields;

it("keeps equal tables once, and others apart", () => {
  const tables = new SharedTables();
  const [first, second, other] = [deployment("a"), deployment("a"), deployment("b")].map((each) => tables.share(each));
  if (!first || !second || !other) throw new Error("there are three");
  expect(tableOf(second)).toBe(tableOf(first));
  expect(second).toEqual(deployment("a"));
  expect(other).toEqual(deployment("b"));
});

it("leaves alone what has none", () => {
  const tables = new SharedTables();
  expect(tables.share(deployment())).toEqual(deployment());
  const bare = {} as RuntimeDeployment;
  expect(tables.share(bare)).toBe(bare);
});

it("forgets rather than grows", () => {
  const tables = new SharedTables();
  const first = tables.share(deployment("0"));
  for (let i = 1; i <= 1_024; i++) tables.share(deployment(String(i)));
  expect(tableOf(tables.share(deployment("0")))).not.toBe(tableOf(first));
});
