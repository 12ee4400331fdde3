import { describe, expect, it } from "@jest/globals";
import { chooseReach } from "./reach.ts";

const choice = { name: "ibm", reach: { scaling: true, visibilities: ["public", "project"] } } as const;
const COLD = expect.stringContaining("cold start: the first request after a pause waits for an instance (about 17 s)");
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
      want: { scaling: { min: 0, max: 1, concurrency: 100 }, reachNotes: [COLD] },
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
    {
      because: "all that there is to choose arrives",
      asked: { scaling: { min: 1, max: 250, initial: 3, downDelaySeconds: 3600, requestTimeoutSeconds: 60 } },
      backend: choice,
      want: {
        scaling: { min: 1, max: 250, concurrency: 100, initial: 3, downDelaySeconds: 3600, requestTimeoutSeconds: 60 },
      },
    },
    {
      because: "the backend has a default, and a note of what it costs",
      asked: {},
      backend: { ...choice, defaults: { scaling: { min: 0, max: 10 } } },
      want: { scaling: { min: 0, max: 10, concurrency: 100 }, reachNotes: [COLD] },
    },
    {
      because: "a member of its own wins over the backend's, the others stay",
      asked: { scaling: { min: 2, concurrency: 5 } },
      backend: { ...choice, defaults: { scaling: { min: 0, max: 10, concurrency: 50, downDelaySeconds: 60 } } },
      want: { scaling: { min: 2, max: 10, concurrency: 5, downDelaySeconds: 60 } },
    },
    {
      because: "a default above a maximum of its own gives way",
      asked: { scaling: { max: 2 } },
      backend: { ...choice, defaults: { scaling: { min: 5, initial: 5 } } },
      want: { scaling: { min: 2, max: 2, concurrency: 100, initial: 2 } },
    },
    {
      because: "a default below a minimum of its own gives way",
      asked: { scaling: { min: 5 } },
      backend: { ...choice, defaults: { scaling: { max: 2 } } },
      want: { scaling: { min: 5, max: 5, concurrency: 100 } },
    },
    {
      because: "a default that says nothing is none",
      asked: {},
      backend: { ...choice, defaults: { scaling: {} } },
      want: {},
    },
    {
      because: "a default has no effect where there is no choice, and nobody asked",
      asked: {},
      backend: { ...none, defaults: { scaling: { min: 0 } } },
      want: {},
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
