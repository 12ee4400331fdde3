import { expect, it } from "@jest/globals";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { startLeader } from "../../../test/support/mcp/replicas.ts";
import { endpointAt } from "../../../test/support/mcp-gateway.ts";
import { FollowersGrace } from "./followers-grace.ts";

const KEY = { namespace: "team-a", name: "files" };

it("stands for calls at other replicas for three seconds, of what is about to end alone", async () => {
  const clock = new FakeClock();
  const grace = new FollowersGrace(clock);
  grace.begin(KEY);
  expect(grace.at(KEY)?.calls).toBe(1);
  expect(grace.at({ ...KEY, name: "other" })).toBeUndefined();
  await clock.advance(2_000);
  grace.begin(KEY);
  await clock.advance(2_000);
  expect(grace.at(KEY)?.calls).toBe(1);
  await clock.advance(1_000);
  expect(grace.at(KEY)).toBeUndefined();
  expect(clock.pending).toBe(0);
});

it("lets a server live on for what other replicas pass to it, though no call is under way here", async () => {
  const clock = new FakeClock();
  await using leader = await startLeader([endpointAt("http://10.0.0.1/mcp")], { clock });
  let isOver = false;
  const calls = leader.dataPath.drain(KEY, true, () => {
    isOver = true;
  });
  expect([calls, isOver]).toEqual([1, false]);
  await clock.advance(3_100);
  expect(isOver).toBe(true);
});
