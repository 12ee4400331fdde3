import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { stdioEndpoint } from "../../../../test/support/mcp/stdio-processes.ts";
import type { StdioEndpoint } from "../../../backends/workload-endpoint.ts";
import type { BridgedServer } from "../../bridge/bridged-server.ts";
import { NoServer } from "../../bridge/no-server.ts";
import { ReceivedDirectory } from "../../thread/received-directory.ts";
import { BridgedUpstreams } from "./bridged-upstreams.ts";

const KEY = { namespace: "team-a", name: "files" };

function worldUnderTest() {
  const clock = new FakeClock();
  const directory = new ReceivedDirectory();
  const made: { endpoint: StdioEndpoint; closedFor: string | undefined }[] = [];
  const failures: Error[] = [];
  const upstreams = new BridgedUpstreams({
    ...{ clock, directory },
    async makeServer(endpoint) {
      const failure = failures.shift();
      if (failure) throw failure;
      const server = { endpoint: endpoint as StdioEndpoint, closedFor: undefined as string | undefined };
      made.push(server);
      const close = (reason: string) => {
        server.closedFor = reason;
      };
      return { close } as unknown as BridgedServer;
    },
  });
  /** Tells the directory of an instance, and asks for it as a client does. */
  const serve = (instance: string, id = "w") => {
    const endpoint = stdioEndpoint(id, { name: KEY.name, instance });
    directory.receive([endpoint], []);
    return upstreams.of(endpoint.upstream as StdioEndpoint, KEY);
  };
  return { clock, directory, made, failures, upstreams, serve };
}

/** Something under way. */
function work(isCall: boolean) {
  const ongoing = {
    isCall,
    cutFor: "",
    cut(reason: string) {
      ongoing.cutFor = reason;
    },
  };
  return ongoing;
}

describe("the instances of bridged servers", () => {
  it("are made once, for clients and probes", async () => {
    const { made, upstreams, serve } = worldUnderTest();
    const first = await serve("1");
    expect(await serve("1")).toBe(first);
    expect(await upstreams.of(stdioEndpoint("w", { instance: "1" }).upstream as StdioEndpoint)).toBe(first);
    expect(made).toHaveLength(1);
    expect(upstreams.at(KEY)).toBe(first);
  });

  it("are asked for again after a failure", async () => {
    const { failures, serve } = worldUnderTest();
    failures.push(new NoServer("UpstreamUnreachable", "not now"));
    await expect(serve("1")).rejects.toThrow("not now");
    await expect(serve("1")).resolves.toBeDefined();
  });

  it("let calls end when another takes their place, and nothing else", async () => {
    const { clock, made, serve } = worldUnderTest();
    const first = await serve("1", "one");
    const [call, stream] = [work(true), work(false)];
    for (const each of [call, stream]) first.enter(each);
    await serve("2", "two");
    await clock.advance(29_000);
    expect([call.cutFor, stream.cutFor !== "", made[0]?.closedFor]).toEqual(["", true, undefined]);
    first.leave(call);
    first.leave(stream);
    expect(made.map(({ closedFor }) => closedFor !== undefined)).toEqual([true, false]);
  });

  it("are cut when that takes too long", async () => {
    const { clock, directory, made, serve } = worldUnderTest();
    const first = await serve("1");
    const call = work(true);
    first.enter(call);
    directory.receive([], [KEY]);
    await clock.advance(30_000);
    expect([call.cutFor, made[0]?.closedFor]).toEqual(Array(2).fill(expect.stringContaining("replaced or removed")));
  });

  it("stay while the deployment is not ready for a moment", async () => {
    const { directory, made, serve } = worldUnderTest();
    await serve("1", "w");
    const { upstream: _, ...bare } = stdioEndpoint("w", { name: KEY.name });
    directory.receive([{ ...bare, upstream: undefined }], []);
    await serve("1", "w");
    expect(made).toMatchObject([{ closedFor: undefined }]);
  });

  it("serve again when the one before comes back", async () => {
    const { clock, made, serve } = worldUnderTest();
    const first = await serve("1", "one");
    const call = work(true);
    first.enter(call);
    await serve("2", "two");
    expect(await serve("1", "one")).toBe(first);
    await clock.advance(60_000);
    expect([call.cutFor, made[0]?.closedFor]).toEqual(["", undefined]);
  });

  it("are one at a place, since whoever attaches to a process takes its streams", async () => {
    const { made, upstreams } = worldUnderTest();
    const at = (instance: string) => upstreams.of(stdioEndpoint("w", { instance }).upstream as StdioEndpoint);
    await at("1");
    await at("2");
    await new Promise((resolve) => setImmediate(resolve));
    expect(made.map(({ closedFor }) => closedFor !== undefined)).toEqual([true, false]);
  });

  it("end when they stand in no directory and are not probed any more", async () => {
    const { clock, made, upstreams, serve } = worldUnderTest();
    await serve("1", "listed");
    await upstreams.of(stdioEndpoint("trial").upstream as StdioEndpoint);
    await clock.advance(800_000);
    expect(made.map(({ closedFor }) => closedFor !== undefined)).toEqual([false, true]);
    await upstreams.close("over");
    expect([made[0]?.closedFor, clock.pending]).toEqual(["over", 0]);
  });
});
