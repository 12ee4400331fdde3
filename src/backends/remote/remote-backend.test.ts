import { describe, expect, it } from "@jest/globals";
import { ANY, contractSpec, newOwner, UNCONFINED } from "../../../test/contract/backend.ts";
import { NO_IMAGE, type WorkloadSpec } from "../backend.ts";
import { RemoteBackend } from "./remote-backend.ts";

const HEADERS = { Authorization: "Bearer hush" };
const PROGRAM = {
  kind: "remote",
  url: "https://mcp.example.com/tools?key=hush",
  transport: "streamable-http",
  headers: HEADERS,
} as const;
const CURRENT = { role: "current", hostPort: undefined } as const;
const { signal } = new AbortController();

function specOf(given: Partial<WorkloadSpec> = {}): WorkloadSpec {
  return contractSpec({ owner: newOwner(), image: { pinned: NO_IMAGE }, port: 0, program: PROGRAM, ...given });
}

describe("a server that somebody else runs", () => {
  it("is reached where its spec says, with its headers, at what the backend allows", async () => {
    const backend = new RemoteBackend({ allowedCidrs: ["10.0.0.0/8"] });
    const { id, reach } = await backend.create(specOf(), CURRENT, signal);
    expect(reach).toBeUndefined();
    const started = await backend.start(id, signal);
    expect(started).toMatchObject({
      state: { kind: "running" },
      image: { pinned: "none" },
      reach: { kind: "remote", url: PROGRAM.url, headers: HEADERS, allowedCidrs: ["10.0.0.0/8"] },
    });
    expect([started.startedAt, started.address, started.hostPort]).toEqual([undefined, undefined, undefined]);
  });

  it("is only disconnected by a stop", async () => {
    const backend = new RemoteBackend({ allowedCidrs: [] });
    const spec = specOf();
    const { id } = await backend.create(spec, CURRENT, signal);
    const first = await backend.start(id, signal);
    await backend.stop(id);
    const [stopped] = await backend.observe(spec.owner, signal);
    expect(stopped).toMatchObject({ id, state: { kind: "created" } });
    expect(stopped?.reach).toBeUndefined();
    expect(await backend.start(id, signal)).toEqual(first);
  });

  it("is the same in the next life of the controller", async () => {
    const spec = specOf();
    const lives = [1, 2].map(async () => {
      const backend = new RemoteBackend({ allowedCidrs: [] });
      return await backend.start((await backend.create(spec, CURRENT, signal)).id, signal);
    });
    const [first, second] = await Promise.all(lives);
    expect(second).toEqual(first);
  });

  it("is another where anything of it changed, and as a candidate", async () => {
    const backend = new RemoteBackend({ allowedCidrs: [] });
    const spec = specOf();
    const ids = await Promise.all([
      backend.create(spec, CURRENT, signal),
      backend.create({ ...spec, hash: "another" }, CURRENT, signal),
      backend.create(spec, { ...CURRENT, role: "candidate" }, signal),
    ]);
    expect(new Set(ids.map(({ id }) => id)).size).toBe(3);
  });

  it("cannot be started once it was forgotten", async () => {
    const backend = new RemoteBackend({ allowedCidrs: [] });
    await expect(backend.start("remote-x", signal)).rejects.toMatchObject({ name: "TransientError" });
  });

  it.each([
    { because: "it is an image", given: {}, message: "spec.source: must be remote" },
    {
      because: "it is a program of this machine",
      given: { program: { kind: "process", command: "x", args: [], workingDir: undefined } as const },
      message: "spec.source: must be remote",
    },
    { because: "it would need variables", given: { program: PROGRAM, env: { TOKEN: "hush" } }, message: "env TOKEN" },
  ])("is refused where $because", ({ given, message }) => {
    const backend = new RemoteBackend({ allowedCidrs: [] });
    const admit = () => backend.admit({ ...ANY, imageReference: undefined, confinement: UNCONFINED, ...given });
    expect(admit).toThrow(
      expect.objectContaining({ name: "TerminalError", message: expect.stringContaining(message) }),
    );
    expect(admit).not.toThrow("hush");
  });

  it("has no images", async () => {
    const backend = new RemoteBackend({ allowedCidrs: [] });
    await expect(backend.resolveImage()).rejects.toMatchObject({ reason: "SourceNotSupported" });
    await expect(backend.ensureImage()).rejects.toMatchObject({ reason: "SourceNotSupported" });
  });

  it("is promised no guardrail", async () => {
    const { capabilities, message } = await new RemoteBackend({ allowedCidrs: ["10.0.0.0/8"] }).health();
    expect(message).toBe("servers are reached at public addresses and in 10.0.0.0/8");
    expect(capabilities).toMatchObject({
      isolation: "none",
      sources: ["remote"],
      cpuLimits: false,
      memoryLimits: false,
    });
    const supports = Object.values(capabilities?.guardrails.features ?? {});
    expect(new Set(supports.map(({ enforcement }) => enforcement))).toEqual(new Set(["NotEnforced"]));
  });
});
