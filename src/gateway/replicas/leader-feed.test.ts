import { expect, it } from "@jest/globals";
import { eventually } from "../../../test/support/eventually.ts";
import { recordingLogger } from "../../../test/support/recording-logger.ts";
import { type Leader, NOBODY } from "./leader.ts";
import { feedLeader } from "./leader-feed.ts";

it("tells who leads at once, then each change, and once what is no address", async () => {
  const { logger, lines } = recordingLogger();
  const told: Leader[] = [];
  let leader: Leader & { identity?: string } = { ...NOBODY, identity: "what else is known stays here" };
  const stop = feedLeader({ leader: () => leader }, { tell: (each) => told.push(each), logger });
  expect(told).toEqual([NOBODY]);
  leader = { isSelf: false, gatewayAddress: "https://elsewhere.example.com" };
  await eventually("it is told", () => told.length === 2, { everyMs: 10 });
  expect(lines).toMatchObject([{ level: "warn", fields: { address: "https://elsewhere.example.com" } }]);
  leader = { isSelf: true, gatewayAddress: "10.42.0.7:7080" };
  await eventually("it is told", () => told.length === 3, { everyMs: 10 });
  expect(told[2]).toEqual(leader);
  expect(lines).toHaveLength(1);
  stop();
});
