import { describe, expect, it } from "@jest/globals";
import { contractSpec, newOwner, UNCONFINED, UNRESTRICTED } from "../../../test/contract/backend.ts";
import type { WorkloadSpec } from "../backend.ts";
import { workloadNote, workloadProcess } from "./workload-process.ts";

const never = new AbortController().signal;
const packages = { ensure: async () => ["/node", "/tree/server.js"] };
const PROGRAM = { kind: "process", command: "server", args: ["--all"], workingDir: "/srv" } as const;
const PINNED = `npm:server@1.0.0#sha512-AAAA;lock=sha256-${"A".repeat(43)}=`;
const PACKAGE = { program: { kind: "package" }, image: { pinned: PINNED } } as const;

const specOf = (patch: Partial<WorkloadSpec>) =>
  contractSpec({ owner: newOwner(), port: 8080, image: { pinned: "none" }, program: PROGRAM, stdio: true, ...patch });

describe("what is started for a workload", () => {
  it.each<{ because: string; patch: Partial<WorkloadSpec>; want: object }>([
    {
      because: "a program with its own arguments",
      patch: {},
      want: { argv: ["server", "--all"], workingDirectory: "/srv", streams: "lines" },
    },
    {
      because: "the package's program with the deployment's",
      patch: { ...PACKAGE, args: ["stdio"] },
      want: { argv: ["/node", "/tree/server.js", "stdio"], workingDirectory: undefined },
    },
    { because: "what listens writes to its log", patch: { stdio: false }, want: { streams: "logs" } },
    {
      because: "a strict profile needs its sandbox",
      patch: { guardrails: { ...UNRESTRICTED, enforcement: "Strict" } },
      want: { confinement: { readOnlyRoot: false, noNetwork: false, required: true } },
    },
    {
      because: "closed egress is no network",
      patch: { confinement: { ...UNCONFINED, network: { egress: { kind: "closed" }, ingressPorts: [] } } },
      want: { confinement: { noNetwork: true } },
    },
    {
      because: "but not for what is reached over it",
      patch: {
        stdio: false,
        confinement: { ...UNCONFINED, network: { egress: { kind: "closed" }, ingressPorts: [8080] } },
      },
      want: { confinement: { noNetwork: false } },
    },
  ])("is $because", async ({ patch, want }) => {
    expect(await workloadProcess(specOf(patch), packages, never)).toMatchObject(want);
  });

  it.each<{ because: string; patch: Partial<WorkloadSpec>; reason: string; names: string }>([
    { because: "no ENTRYPOINT", patch: { command: ["sh"] }, reason: "InvalidSpec", names: "spec.command" },
    { because: "no CMD", patch: { args: ["x"] }, reason: "InvalidSpec", names: "spec.source.process.args" },
    {
      because: "a package that nobody has pinned",
      patch: { ...PACKAGE, image: { pinned: "npm:server@latest" } },
      reason: "SourceNotSupported",
      names: "spec.source",
    },
  ])("is refused where there is $because", async ({ patch, reason, names }) => {
    await expect(workloadProcess(specOf(patch), packages, never)).rejects.toMatchObject({
      ...{ name: "TerminalError", reason },
      message: expect.stringContaining(names),
    });
  });

  it("is known by a port only where it listens", () => {
    expect(workloadNote(specOf({}), "candidate")).toMatchObject({ role: "candidate", port: undefined });
    expect(workloadNote(specOf({ stdio: false }), "current")).toMatchObject({ role: "current", port: 8080 });
  });
});
