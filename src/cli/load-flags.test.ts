import { describe, expect, it } from "@jest/globals";
import { Command } from "commander";
import { type LoadFlags, loadFlags, loadOptions } from "./load-flags.ts";

function parsed(...argv: string[]) {
  const command = new Command().exitOverride();
  for (const option of loadFlags()) command.addOption(option);
  return loadOptions(command.parse(argv, { from: "user" }).opts<LoadFlags>());
}

describe("the flags of a controller's load", () => {
  it("have the defaults that docs/design/cluster.md names", () => {
    expect(parsed()).toEqual({ concurrency: 16, kubeApi: { qps: 50, burst: 100 } });
  });

  it("are taken as they are given", () => {
    const given = ["--concurrency=3", "--kube-api-qps=7", "--kube-api-burst=9"];
    const names = ["--watch-namespace=team-a", "--watch-namespace=team-b", "--watch-namespace=team-a"];
    expect(parsed(...given, ...names)).toEqual({
      concurrency: 3,
      kubeApi: { qps: 7, burst: 9 },
      watchNamespaces: ["team-a", "team-b"],
    });
  });

  it.each([
    { flag: "--concurrency=0", because: "nothing would ever be reconciled" },
    { flag: "--concurrency=257", because: "the contract ends there" },
    { flag: "--concurrency=1.5", because: "it is a count" },
    { flag: "--kube-api-qps=0", because: "nothing would ever be asked" },
    { flag: "--kube-api-burst=-1", because: "no request could pass" },
    { flag: "--watch-namespace=Team", because: "a namespace's name has no capitals" },
    { flag: "--watch-namespace=", because: "a template that lost its value must not mean all" },
    { flag: `--watch-namespace=${"a".repeat(64)}`, because: "names end at 63 characters" },
  ])("refuse $flag: $because", ({ flag }) => {
    expect(() => parsed(flag)).toThrow(flag.split("=")[0]);
  });
});
