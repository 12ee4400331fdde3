import { afterEach, expect, it } from "@jest/globals";
import { FakeClock } from "../../test/support/fake-clock.ts";
import type { Endpoint, EndpointKey } from "./directory.ts";
import { DRAIN_MS, Drains, HOLD_MS, type UnderWay } from "./drains.ts";

const KEY = { namespace: "team-a", name: "files" };
const NOBODY = new AbortController().signal;

function endpoint(instance: string, ready = true): Endpoint {
  const upstream = { kind: "http", transport: "streamable-http", url: "http://127.0.0.1:1/mcp", instance } as const;
  const state = ready
    ? ({ ready } as const)
    : ({ ready, reason: "Probing", message: "", retryAfterSeconds: 2 } as const);
  return { ...KEY, uid: "u", state, upstream, protocolVersion: undefined, tools: undefined };
}

class World {
  readonly clock = new FakeClock();
  calls = 1;
  cuts = 0;
  over = 0;
  endpoint: Endpoint | undefined = endpoint("old");
  readonly drains: Drains;
  #tell: (key: EndpointKey) => void = () => undefined;

  constructor() {
    const underWay = (): readonly UnderWay[] => [
      {
        calls: this.calls,
        cut: (_reason, spare) => {
          if (spare === "calls") this.cuts++;
        },
      },
    ];
    this.drains = new Drains({
      directory: {
        get: (_, name) => (name === KEY.name ? this.endpoint : undefined),
        onChange: (handler) => {
          this.#tell = handler;
          return () => undefined;
        },
      },
      clock: this.clock,
      underWay,
    });
  }

  begin(isReplaced = true): number {
    return this.drains.begin(KEY, isReplaced, () => void this.over++);
  }

  put(next: Endpoint | undefined): void {
    this.endpoint = next;
    this.#tell(KEY);
  }

  /** A request that asks to pass; `outcome` is undefined while it is held. */
  request(client: AbortSignal = NOBODY): { outcome: string | undefined } {
    const request: { outcome: string | undefined } = { outcome: undefined };
    void this.drains.pass(KEY, client).then((outcome) => {
      request.outcome = outcome;
    });
    return request;
  }
}

let world: World;
const start = () => {
  world = new World();
  return world;
};
afterEach(() => world.drains[Symbol.dispose]());

it("ends what waits for nothing at once, and tells when calls have ended", async () => {
  const { clock } = start();
  expect(world.begin()).toBe(1);
  expect(world.cuts).toBe(1);
  await clock.advance(5_000);
  expect(world.over).toBe(0);
  world.calls = 0;
  await clock.advance(100);
  expect(world.over).toBe(1);
});

it("is over at once where nothing is under way", () => {
  start();
  world.calls = 0;
  expect(world.begin()).toBe(0);
  expect(world.over).toBe(1);
});

it("gives calls their time, and no more", async () => {
  const { clock } = start();
  world.begin();
  await clock.advance(DRAIN_MS - 100);
  expect(world.over).toBe(0);
  await clock.advance(200);
  expect(world.over).toBe(1);
});

it("holds requests until another instance is ready", async () => {
  const { clock } = start();
  world.begin();
  const held = world.request();
  await clock.advance(5_000);
  world.put(endpoint("old"));
  world.put(endpoint("new", false));
  await clock.advance(5_000);
  expect(held.outcome).toBeUndefined();
  world.put(endpoint("new"));
  await clock.advance(0);
  expect(held.outcome).toBe("passed");
  expect(world.drains.isDraining(KEY)).toBe(false);
});

it("gives up a request that was held for long, and one whose client has left", async () => {
  const { clock } = start();
  world.begin();
  const leaving = new AbortController();
  const left = world.request(leaving.signal);
  const held = world.request();
  leaving.abort();
  await clock.advance(0);
  expect(left.outcome).toBe("late");
  await clock.advance(HOLD_MS - 1);
  expect(held.outcome).toBeUndefined();
  await clock.advance(1);
  expect(held.outcome).toBe("late");
});

it("refuses requests where nothing comes next", async () => {
  const { clock } = start();
  world.begin(false);
  const refused = world.request();
  await clock.advance(0);
  expect(refused.outcome).toBe("refused");
});

it.each([
  { because: "it goes on as before", happens: () => world.drains.end(KEY) },
  { because: "it is gone, which the directory tells", happens: () => world.put(undefined) },
  { because: "nobody ever said how it ended", happens: () => world.clock.advance(DRAIN_MS + HOLD_MS) },
  { because: "it drains anew", happens: () => world.begin() },
])("lets requests go on when $because", async ({ happens }) => {
  const { clock } = start();
  world.begin();
  await clock.advance(0);
  const held = world.request();
  await happens();
  await clock.advance(0);
  expect(held.outcome).toBe(world.clock.monotonicMs() >= HOLD_MS ? "late" : "passed");
  expect(world.over).toBe(1);
});

it("leaves it to what is known of a server that is no longer ready to say why", () => {
  start();
  world.begin(false);
  expect(world.drains.isDraining(KEY)).toBe(true);
  world.put(endpoint("old", false));
  expect(world.drains.isDraining(KEY)).toBe(false);
  expect(world.over).toBe(0);
});

it("concerns no other deployment", async () => {
  start();
  world.begin();
  expect(await world.drains.pass({ ...KEY, name: "other" }, NOBODY)).toBe("passed");
});
