import { describe, expect, it } from "@jest/globals";
import { chooseReach } from "./reach.ts";

const choice = { name: "ibm", reach: { scaling: true, visibilities: ["public", "project"] } } as const;
const none = { name: "local", reach: { scaling: false, visibilities: [] } } as const;

describe("chooseReach", () => {
  it.each([
    { because: "nothing is asked for", asked: {}, backend: choice, want: {} },
    {
      because: "what is not named stays one",
      asked: { scaling: { concurrency: 5 } },
      backend: choice,
      want: { scaling: { min: 1, max: 1, concurrency: 5 } },
    },
    {
      because: "none is fewest, and one is most",
      asked: { scaling: { min: 0 } },
      backend: choice,
      want: { scaling: { min: 0, max: 1, concurrency: 100 } },
    },
    {
      because: "most is never less than fewest",
      asked: { scaling: { min: 3 }, exposure: { visibility: "public" as const } },
      backend: choice,
      want: { scaling: { min: 3, max: 3, concurrency: 100 }, visibility: "public" },
    },
    {
      because: "a backend without a choice says so",
      asked: { scaling: { min: 0 }, exposure: { visibility: "public" as const } },
      backend: none,
      want: {
        reachNotes: [
          'spec.scaling has no effect on RuntimeBackend "local", which runs one instance',
          'spec.exposure.visibility has no effect on RuntimeBackend "local", whose own spec says where it publishes',
        ],
      },
    },
    { because: "nobody has asked the backend", asked: { scaling: { min: 0 } }, backend: { name: "new" }, want: {} },
  ])("$because", ({ asked, backend, want }) => {
    expect(chooseReach(asked, backend)).toEqual({ scaling: undefined, visibility: undefined, reachNotes: [], ...want });
  });

  it("refuses a visibility that there is not", () => {
    expect(() => chooseReach({ exposure: { visibility: "private" } }, choice)).toThrow(
      'spec.exposure.visibility: "private": RuntimeBackend "ibm" has public, project only',
    );
  });
});
