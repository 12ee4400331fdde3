import { describe, expect, it, jest } from "@jest/globals";
import { engineClient } from "../../scripts/engine/engine-address.ts";
import type { LogOptions } from "../../src/backends/backend.ts";
import { newOwner } from "../contract/backend.ts";
import { type DockerDeployment, dockerDeployment, script, within } from "../support/docker-under-test.ts";
import { eventually } from "../support/eventually.ts";

// A loaded machine takes its time for containers.
jest.setTimeout(180_000);

const engine = engineClient();

function logsOf({ backend, owner }: DockerDeployment, options: Partial<LogOptions> = {}): AsyncIterable<string> {
  return backend.logs(owner, { tail: undefined, follow: false, timestamps: false, ...options }, within());
}

async function ended(use: DockerDeployment): Promise<void> {
  await eventually("the script ended", async () => (await use.observe()).state.kind === "exited");
}

/** Reads on in the background. */
function follower(lines: AsyncIterable<string>): { readonly seen: string[]; readonly end: Promise<void> } {
  const seen: string[] = [];
  const read = async (): Promise<void> => {
    for await (const line of lines) seen.push(line);
  };
  return { seen, end: read() };
}

describe("logs", () => {
  it("have both streams", async () => {
    await using use = await dockerDeployment("both-streams");
    const text = "for i in 1 2 3; do echo out $i; echo err $i >&2; done";
    await use.launch({ ...script(text), restartPolicy: "Never" });
    await ended(use);
    const lines = await Array.fromAsync(logsOf(use));
    // Between the two, the Engine keeps no order.
    expect(lines.filter((line) => line.startsWith("out"))).toEqual(["out 1", "out 2", "out 3"]);
    expect(lines.filter((line) => line.startsWith("err"))).toEqual(["err 1", "err 2", "err 3"]);
    expect(await Array.fromAsync(logsOf(use, { tail: 2 }))).toEqual(lines.slice(-2));
    const [first = ""] = await Array.fromAsync(logsOf(use, { timestamps: true }));
    expect(first).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (out|err) 1$/);
  });

  it("join what the Engine cut, and cut what does not end", async () => {
    await using use = await dockerDeployment("long-lines");
    const text =
      "/bin/busybox head -c 40000 /dev/zero | /bin/busybox tr '\\0' x; echo; /bin/busybox head -c 70000 /dev/zero | /bin/busybox tr '\\0' y; echo end";
    await use.launch({ ...script(text), restartPolicy: "Never" });
    await ended(use);
    const lengths = (await Array.fromAsync(logsOf(use))).map((line) => line.length);
    expect(lengths).toEqual([40_000, 65_536, 70_000 - 65_536 + 3]);
  });

  it("are empty for who has none", async () => {
    await using use = await dockerDeployment("silent");
    const options = { tail: 10, follow: false, timestamps: false };
    expect(await Array.fromAsync(use.backend.logs(newOwner(), options, within()))).toEqual([]);
    expect(await Array.fromAsync(logsOf(use))).toEqual([]);
  });

  it("are followed through restarts and into the next container, each line once", async () => {
    await using use = await dockerDeployment("followed");
    const print = (name: string) =>
      script(`n=0; while true; do echo ${name} $n; n=$((n+1)); /bin/busybox sleep 0.2; done`);
    const { id } = await use.launch(print("first"));
    const stop = new AbortController();
    const options = { tail: undefined, follow: true, timestamps: false };
    const { seen, end } = follower(use.backend.logs(use.owner, options, stop.signal));
    await eventually("the first process is followed", () => seen.length > 2);
    await engine.getContainer(id).kill();
    await use.backend.start(id, within());
    await eventually("the second process is followed", () => seen.filter((line) => line === "first 1").length === 2);
    await use.backend.delete(id, within());
    await use.launch({ ...print("next"), hash: "second" });
    await eventually("the next container is followed", () => seen.includes("next 2"));
    stop.abort();
    await expect(end).rejects.toHaveProperty("name", "AbortError");
    const restart = seen.lastIndexOf("first 0");
    const first = seen.slice(0, restart);
    const second = seen.slice(restart, seen.indexOf("next 0"));
    const next = seen.slice(seen.indexOf("next 0"));
    for (const [name, lines] of Object.entries({ first, second, next })) {
      const word = name === "next" ? "next" : "first";
      expect(lines).toEqual(lines.map((_, at) => `${word} ${at}`));
    }
  });
});
