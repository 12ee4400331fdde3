import { describe, expect, it } from "@jest/globals";
import { knownOf } from "../../test/support/known.ts";
import { judge } from "./rules.ts";
import type { Write } from "./write.ts";

const deployment = { metadata: { name: "files", namespace: "team-b" }, spec: {} };
const write = (changes: Partial<Write> = {}): Write =>
  ({
    ...{ operation: "CREATE", group: "slipway.dev", resource: "runtimedeployments", subresource: "" },
    ...{ namespace: "team-b", name: "files", object: deployment, oldObject: undefined, dryRun: false },
    user: { username: "alice", groups: [] },
    ...changes,
  }) as Write;
const isWatched = (namespace: string) => namespace === "team-a";
const SAID = ['metadata.namespace: this Slipway does not watch "team-b", so nobody runs this deployment'];

describe("a deployment in a namespace that nobody watches", () => {
  it.each([
    { because: "it is declared", known: { isWatched }, write: write(), says: SAID },
    {
      because: "it is changed",
      known: { isWatched },
      write: write({ operation: "UPDATE", oldObject: deployment as never }),
      says: SAID,
    },
    { because: "its namespace is watched", known: { isWatched }, write: write({ namespace: "team-a" }), says: [] },
    { because: "all namespaces are watched", known: {}, write: write(), says: [] },
    {
      because: "it goes",
      known: { isWatched },
      write: write({ operation: "DELETE", object: undefined, oldObject: deployment as never }),
      says: [],
    },
  ])("is told where $because", ({ known, write: written, says }) => {
    const { refusal, warnings } = judge(written, { ...knownOf(), ...known });
    expect([refusal, warnings]).toEqual([undefined, says]);
  });
});
