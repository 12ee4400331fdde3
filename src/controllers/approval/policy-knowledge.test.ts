import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { MemoryStore } from "../../../test/support/memory-store.ts";
import { recordingLogger } from "../../../test/support/recording-logger.ts";
import type { ApprovalPolicy, RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import { ApiUnreachable } from "../../machinery/client.ts";
import { PolicyKnowledge } from "./policy-knowledge.ts";

const policy = (name: string, generation = 1, uid = name) =>
  ({ metadata: { name, uid, generation } }) as unknown as ApprovalPolicy;
const deployment = (name: string, generation = 1) =>
  ({ metadata: { namespace: "team-a", name, uid: name, generation } }) as unknown as RuntimeDeployment;

function world() {
  const clock = new FakeClock();
  const found = {
    clock,
    cache: new MemoryStore<ApprovalPolicy>(),
    server: [] as ApprovalPolicy[],
    lists: 0,
    away: false,
    enqueued: [] as string[],
    knowledge: undefined as unknown as PolicyKnowledge,
  };
  found.knowledge = new PolicyKnowledge({
    async list() {
      found.lists++;
      if (found.away) throw new ApiUnreachable("no answer");
      return found.server;
    },
    policies: found.cache,
    enqueue: ({ name }) => void found.enqueued.push(name),
    clock,
    logger: recordingLogger().logger,
  });
  return found;
}

describe("whether all policies are known", () => {
  it("is known after a question, once for each generation", async () => {
    const { knowledge, clock, enqueued, ...found } = world();
    expect(knowledge.isComplete(deployment("a"))).toBe(false);
    await clock.advance(0);
    expect(enqueued).toEqual(["a"]);
    expect(knowledge.isComplete(deployment("a"))).toBe(true);
    expect(knowledge.isComplete(deployment("a", 2))).toBe(false);
    await clock.advance(0);
    expect(knowledge.isComplete(deployment("a", 2))).toBe(true);
    expect({ ...found, pending: clock.pending }).toMatchObject({ pending: 0 });
  });

  it.each([
    { because: "one is missing in the cache", server: policy("a"), stale: undefined, fresh: policy("a") },
    { because: "one was changed", server: policy("a", 2), stale: policy("a", 1), fresh: policy("a", 3) },
    {
      because: "one was made anew",
      server: policy("a", 1, "new"),
      stale: policy("a", 4, "old"),
      fresh: policy("a", 1, "new"),
    },
  ])("is not while $because", async ({ server, stale, fresh }) => {
    const found = world();
    found.server = [server];
    if (stale) found.cache.put(stale);
    found.knowledge.isComplete(deployment("a"));
    await found.clock.advance(30_000);
    expect(found.enqueued).toEqual([]);
    expect(found.lists).toBeLessThan(15);
    found.cache.put(fresh);
    await found.clock.advance(10_000);
    expect(found.enqueued).toEqual(["a"]);
    expect(found.clock.pending).toBe(0);
  });

  it("asks nothing of a policy that the server has no more", async () => {
    const found = world();
    found.cache.put(policy("gone"));
    found.knowledge.isComplete(deployment("a"));
    await found.clock.advance(0);
    expect(found.enqueued).toEqual(["a"]);
  });

  it("asks once for many, and again for those that came while it asked", async () => {
    const found = world();
    for (let at = 0; at < 1_000; at++) found.knowledge.isComplete(deployment(`before-${at}`));
    await found.clock.advance(0);
    expect(found.enqueued).toHaveLength(1_000);
    expect(found.lists).toBe(2);
  });

  it("is not while the API server is away", async () => {
    const found = world();
    found.away = true;
    found.knowledge.isComplete(deployment("a"));
    await found.clock.advance(60_000);
    expect(found.knowledge.isComplete(deployment("a"))).toBe(false);
    found.away = false;
    await found.clock.advance(10_000);
    expect(found.knowledge.isComplete(deployment("a"))).toBe(true);
  });

  it("is asked for by nobody who is gone, and tries no longer than the process runs", async () => {
    const found = world();
    found.server = [policy("a")];
    found.knowledge.isComplete(deployment("a"));
    const stop = new AbortController();
    const ran = found.knowledge.run(stop.signal);
    stop.abort();
    await ran;
    const { lists } = found;
    await found.clock.advance(60_000);
    expect(found.lists).toBeLessThanOrEqual(lists + 1);
    expect(found.clock.pending).toBe(0);
  });
});
