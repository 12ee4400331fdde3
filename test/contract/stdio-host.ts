import { describe, expect, it } from "@jest/globals";
import type { Backend, StdioHost, Workload, WorkloadSpec } from "../../src/backends/backend.ts";
import type { NetworkRules } from "../../src/guardrails/confinement.ts";
import { eventually } from "../support/eventually.ts";
import { ended, exchange } from "../support/line-exchange.ts";
import { contractSpec, newOwner, UNCONFINED } from "./backend.ts";

/** A backend that runs servers of stdio, and what the suite has to know of its world. */
export interface StdioWorld extends AsyncDisposable {
  readonly backend: Backend & StdioHost;
  /** Of a program, there already, that writes each line that it reads, and ends when its input does. */
  readonly echo: Pick<WorkloadSpec, "image"> & Partial<WorkloadSpec>;
}

const CALL_MS = 60_000;
const within = (): AbortSignal => AbortSignal.timeout(CALL_MS);

/** What every StdioHost promises, beside what every Backend does. Each case is an owner of its own, removed at its end. */
export function stdioHostContract(
  name: string,
  start: () => Promise<StdioWorld>,
  can: { readonly sandboxes: boolean; readonly ownProcesses: boolean },
): void {
  const withSandboxes = can.sandboxes ? it : it.skip;
  const withOwn = can.ownProcesses ? it : it.skip;
  describe(`${name} honours the StdioHost contract`, () => {
    it("gives a server no address, and its streams to whoever attached last", async () => {
      await using use = await deployment(start);
      const launched = await launch(use);
      expect(launched).toMatchObject({ state: { kind: "running" }, reach: { kind: "stdio" }, drift: [] });
      expect(launched.address).toBeUndefined();
      expect(launched.hostPort).toBeUndefined();
      const first = await use.backend.attach(launched.id, within());
      expect(await exchange(first, "one", within())).toBe("one");
      const [second] = await Promise.all([use.backend.attach(launched.id, within()), ended(first, within())]);
      expect(await exchange(second, "two", within())).toBe("two");
      second.destroy();
      const third = await use.backend.attach(launched.id, within());
      expect(await exchange(third, "three", within())).toBe("three");
      third.destroy();
      // Whoever let go of it, the process lives on.
      expect(await use.backend.observe(use.spec.owner, within())).toEqual([launched]);
    });

    it("gives the streams to the last of many who ask at once", async () => {
      await using use = await deployment(start);
      const { id } = await launch(use);
      const asked = Array.from({ length: 5 }, () => use.backend.attach(id, within()));
      const outcomes = await Promise.allSettled(asked);
      const last = await asked.at(-1);
      for (const outcome of outcomes.slice(0, -1))
        if (outcome.status === "fulfilled") await ended(outcome.value, within());
      expect(last && (await exchange(last, "here", within()))).toBe("here");
      last?.destroy();
    });

    it("ends the streams with the process, and gives those of the next", async () => {
      await using use = await deployment(start);
      const { id } = await launch(use);
      const first = await use.backend.attach(id, within());
      await Promise.all([use.backend.stop(id, 1, within()), ended(first, within())]);
      await expect(use.backend.attach(id, within())).rejects.toMatchObject({ name: "TransientError" });
      const again = await use.backend.start(id, within());
      const second = await use.backend.attach(again.id, within());
      expect(await exchange(second, "again", within())).toBe("again");
      await Promise.all([use.backend.delete(again.id, within()), ended(second, within())]);
    });

    it("gives nobody the streams of what it does not know", async () => {
      await using use = await deployment(start);
      const unknown = "0".repeat(64);
      await expect(use.backend.attach(unknown, within())).rejects.toMatchObject({ name: "TransientError" });
    });

    withOwn("starts one more process for one client, which is no workload and ends with the stream", async () => {
      await using use = await deployment(start);
      const launched = await launch(use);
      const shared = await use.backend.attach(launched.id, within());
      const own = await attachOwn(use, launched);
      expect(await exchange(own, "own", within())).toBe("own");
      expect(await exchange(shared, "shared", within())).toBe("shared");
      expect(await use.backend.observe(use.spec.owner, within())).toEqual([launched]);
      await Promise.all([own.destroy(), ended(own, within())]);
      expect(await exchange(shared, "still", within())).toBe("still");
      shared.destroy();
    });

    withOwn("ends such a process with the workload", async () => {
      await using use = await deployment(start);
      const launched = await launch(use);
      const own = await attachOwn(use, launched);
      await Promise.all([use.backend.stop(launched.id, 1, within()), ended(own, within())]);
      await expect(attachOwn(use, launched)).rejects.toMatchObject({ name: "TransientError" });
    });

    withSandboxes("runs a server where nothing may come in or go out", async () => {
      const network: NetworkRules = { egress: { kind: "closed" }, ingressPorts: [] };
      const confinement = { ...UNCONFINED, network, readOnlyRoot: true, capabilities: { dropAll: true, add: [] } };
      await using use = await deployment(start, { confinement });
      const launched = await launch(use);
      expect(launched).toMatchObject({ reach: { kind: "stdio" }, drift: [], address: undefined });
      for (const open of [use.backend.attach(launched.id, within()), attachOwn(use, launched)]) {
        const stream = await open;
        expect(await exchange(stream, "hello", within())).toBe("hello");
        stream.destroy();
      }
    });
  });
}

interface Use extends AsyncDisposable {
  readonly backend: Backend & StdioHost;
  readonly spec: WorkloadSpec;
}

async function deployment(start: () => Promise<StdioWorld>, changes: Partial<WorkloadSpec> = {}): Promise<Use> {
  const world = await start();
  const { backend } = world;
  const spec = contractSpec({ owner: newOwner(), port: 8080, ...world.echo, stdio: true, ...changes });
  const dispose = async (): Promise<void> => {
    await eventually("nothing is left", () => backend.purge(spec.owner, within()));
    await world[Symbol.asyncDispose]();
  };
  return { backend, spec, [Symbol.asyncDispose]: dispose };
}

async function launch({ backend, spec }: Use): Promise<Workload> {
  const { id } = await backend.create(spec, { role: "current", hostPort: undefined }, within());
  return await backend.start(id, within());
}

async function attachOwn({ backend }: Use, { id }: Workload) {
  if (!backend.attachOwn) throw new Error("this backend starts no process for one client");
  return await backend.attachOwn(id, within());
}
