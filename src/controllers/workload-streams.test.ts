import { PassThrough } from "node:stream";
import { expect, it, jest } from "@jest/globals";
import type { BackendRegistry, LiveBackend } from "./backend-registry.ts";
import { WorkloadStreams } from "./workload-streams.ts";

const forever = new AbortController().signal;

function streamsOver(backend: object | undefined): WorkloadStreams {
  const get: BackendRegistry["get"] = () => backend && ({ backend } as LiveBackend);
  return new WorkloadStreams({ get });
}

it.each([
  { own: false, method: "attach" },
  { own: true, method: "attachOwn" },
])("are those of the place: own $own", async ({ own, method }) => {
  const stream = new PassThrough();
  const open = jest.fn(async (_id: string, _signal: AbortSignal) => stream);
  const streams = streamsOver({ [method]: open });
  expect(await streams.open({ backend: "b", id: "w", own }, forever)).toBe(stream);
  expect(open).toHaveBeenCalledWith("w", forever);
  expect(streams.canOpenOwn("b")).toBe(own);
});

it.each([
  { because: "the backend is not there", backend: undefined, own: false, want: "is not there" },
  { because: "it runs no servers of stdio", backend: {}, own: false, want: "has no standard input" },
  {
    because: "it has no process for one client",
    backend: { attach: async () => undefined },
    own: true,
    want: "has no standard input",
  },
])("are refused when $because", async ({ backend, own, want }) => {
  const streams = streamsOver(backend);
  await expect(streams.open({ backend: "b", id: "w", own }, forever)).rejects.toThrow(want);
  expect(streams.canOpenOwn("b")).toBe(false);
});
