import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { ended } from "../../../../test/support/line-exchange.ts";
import { ProcessWorld } from "../../../../test/support/process-world.ts";
import { openSupervisor } from "../../../../test/support/supervising.ts";
import { linuxProcesses } from "../supervisor/process-table.ts";
import { AttachedStream } from "./attached-stream.ts";

let world: ProcessWorld;
beforeEach(async () => {
  world = await ProcessWorld.open();
});
afterEach(() => world[Symbol.asyncDispose]());

it("ends with its process, though one that got away keeps the output open", async () => {
  await world.supervisor[Symbol.asyncDispose]();
  // As where all run as Slipway's user: then nothing tells that it was the workload's.
  world.supervisor = await openSupervisor(world.directory, { ...linuxProcesses, userOf: async () => undefined });
  const script = "setsid env -i sleep 300 & sleep 0.3; echo $!";
  const made = await world.started(["sh", "-c", script], { streams: "lines" });
  if (!made.connection) throw new Error("it has no connection");
  const stream = new AttachedStream(made.connection);
  let said = "";
  stream.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  await ended(stream, AbortSignal.timeout(10_000));
  const pid = Number(said);
  expect(await linuxProcesses.get(pid)).toMatchObject({ pid });
  process.kill(pid, "SIGKILL");
});
