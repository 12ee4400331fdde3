import { describe, expect, it } from "@jest/globals";
import type { RuntimeBackend } from "../../api/v1alpha1/index.ts";
import { TransientError } from "../../machinery/errors.ts";
import { egressRival } from "./egress-rival.ts";

const never = new AbortController().signal;

function backend(name: string, second: number): RuntimeBackend {
  return { metadata: { name, creationTimestamp: `2026-01-01T00:00:0${second}Z` } } as RuntimeBackend;
}

describe("who else keeps the rules of a place", () => {
  const mine = backend("mine", 5);
  it.each<{ because: string; other: RuntimeBackend; place: string | Error | undefined; rival: string | undefined }>([
    { because: "one that was made before", other: backend("z", 4), place: "here", rival: "z" },
    { because: "not one that was made later", other: backend("a", 6), place: "here", rival: undefined },
    { because: "the first by name of one second", other: backend("a", 5), place: "here", rival: "a" },
    { because: "not the last by name of one second", other: backend("z", 5), place: "here", rival: undefined },
    { because: "not one that is elsewhere", other: backend("z", 4), place: "there", rival: undefined },
    { because: "not one that leaves rules alone", other: backend("z", 4), place: undefined, rival: undefined },
    {
      because: "not one that does not find its place",
      other: backend("z", 4),
      place: new TransientError("BackendUnavailable", "no such project"),
      rival: undefined,
    },
  ])("is $because", async ({ other, place, rival }) => {
    const liveOf = async (each: RuntimeBackend) => ({
      egressPlace: async () => {
        const found = each === mine ? "here" : place;
        if (found instanceof Error) throw found;
        return found;
      },
    });
    const found = await egressRival(mine, { backends: [mine, other], liveOf }, never);
    expect(found?.rival).toBe(rival);
  });
});
