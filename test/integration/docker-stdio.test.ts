import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text as textOf } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it, jest } from "@jest/globals";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { buildQuickstartImage, QUICKSTART_IMAGE } from "../../examples/quickstart/build-image.ts";
import { engineAddress, engineClient } from "../../scripts/engine/engine-address.ts";
import type { WorkloadSpec } from "../../src/backends/backend.ts";
import type { DockerConfig } from "../../src/backends/docker/docker-config.ts";
import { lineChannel } from "../../src/gateway/bridge/stdio/server-channel.ts";
import { type SharedServer, startSharedServer } from "../../src/gateway/bridge/stdio/shared-server.ts";
import { systemClock } from "../../src/machinery/clock.ts";
import { UNCONFINED } from "../contract/backend.ts";
import {
  type DockerDeployment,
  dockerDeployment,
  dockerUnderTest,
  script,
  within,
} from "../support/docker-under-test.ts";
import { eventually } from "../support/eventually.ts";
import { ensureBusyboxImage } from "../support/images.ts";
import { ended, exchange } from "../support/line-exchange.ts";
import { portTransport } from "../support/mcp/server-channel.ts";

// A loaded machine takes its time for containers.
jest.setTimeout(180_000);

const engine = engineClient();
const CHILD = join(import.meta.dirname, "../support/stdio-child.ts");
const MEGABYTE = 1024 * 1024;
/** What the gateway promises a client whose server dies. */
const NOTICED_MS = 2_000;

/** Writes what it reads, and ends with its input. */
const ECHO = { command: ["/bin/busybox", "cat"], stdio: true } satisfies Partial<WorkloadSpec>;
/** Writes what it reads, and ends for nothing but SIGKILL. */
const STUBBORN = {
  ...script("trap '' TERM; /bin/busybox cat; while true; do /bin/busybox sleep 1; done"),
  stdio: true,
};

function helpersOf({ owner }: Pick<DockerDeployment, "owner">): Promise<unknown[]> {
  const label = [`slipway.dev/uid=${owner.uid}`, "slipway.dev/role=helper"];
  return engine.listContainers({ all: true, filters: { label } });
}

async function noHelpers(use: DockerDeployment): Promise<void> {
  await eventually("nothing is left of it", async () => (await helpersOf(use)).length === 0);
}

describe("a container that speaks MCP over stdio", () => {
  beforeAll(() => buildQuickstartImage(() => undefined));

  type Host = ReturnType<typeof dockerUnderTest>;

  async function everything(backend: Host): Promise<DockerDeployment> {
    const request = { reference: QUICKSTART_IMAGE, pullPolicy: "Never", dockerConfig: undefined } as const;
    const image = await backend.resolveImage(request, within());
    const limits = { cpuMillis: 2_000, memoryBytes: 512 * MEGABYTE, pids: 100 };
    return await dockerDeployment("everything", { backend, spec: { image, limits, args: ["stdio"], stdio: true } });
  }

  async function serve(backend: Host, id: string): Promise<SharedServer> {
    const stream = await backend.attach(id, within());
    return await startSharedServer(lineChannel(stream), {
      clock: systemClock,
      clientInfo: { name: "slipway", version: "1" },
    });
  }

  async function clientOf(server: SharedServer): Promise<Client> {
    const client = new Client({ name: "test", version: "1" });
    await client.connect(portTransport((events) => server.connect(events)) as unknown as Transport);
    return client;
  }

  it("serves tools and large results, also to the controller after, and is noticed when it dies in a call", async () => {
    const backend = dockerUnderTest();
    await using use = await everything(backend);
    const { id, startedAt } = await use.launch();
    const server = await serve(backend, id);
    const client = await clientOf(server);
    expect(server.greeting).toMatchObject({ era: "sessions" });
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain("echo");
    const message = "slipway ".repeat(MEGABYTE);
    const { content } = await client.callTool({ name: "echo", arguments: { message } });
    expect((content as { text: string }[])[0]?.text).toBe(`Echo: ${message}`);
    server.close("the controller ends");

    // Another controller: nothing but the Engine is known to it.
    await using second = dockerUnderTest();
    const [found] = await second.observe(use.owner, within());
    expect(found).toMatchObject({ id, startedAt, drift: [] });
    const again = await serve(second, id);
    const other = await clientOf(again);
    const call = other.callTool({ name: "trigger-long-running-operation", arguments: { duration: 60, steps: 60 } });
    const failed = call.then(
      () => undefined,
      (error: unknown) => ({ error, at: performance.now() }),
    );
    await sleep(300);
    const killedAt = performance.now();
    await engine.getContainer(id).kill();
    const failure = await failed;
    expect(failure?.error).toBeInstanceOf(Error);
    expect((failure?.at ?? Number.POSITIVE_INFINITY) - killedAt).toBeLessThan(NOTICED_MS);

    await second.start(id, within());
    const next = await clientOf(await serve(second, id));
    expect((await next.callTool({ name: "echo", arguments: { message: "back" } })).content).toEqual([
      { type: "text", text: "Echo: back" },
    ]);
  });
});

describe("the streams of a container", () => {
  beforeAll(() => ensureBusyboxImage());

  it("end with its process, and are there again when the Engine has started it again", async () => {
    const backend = dockerUnderTest();
    await using use = await dockerDeployment("restarts", { backend });
    const { id } = await use.launch({ ...script("read line; echo $line; exit 1"), stdio: true });
    const first = await backend.attach(id, within());
    await Promise.all([exchange(first, "one", within()).then(() => ended(first, within()))]);
    const second = await eventually("the Engine has started it again", () => backend.attach(id, within()));
    expect(await exchange(second, "two", within())).toBe("two");
    expect((await use.observe()).platformRestarts).toBeGreaterThan(0);
  });

  it("cost no more than buffers for who reads slowly, and the container waits", async () => {
    const backend = dockerUnderTest();
    await using use = await dockerDeployment("slow-reader", { backend });
    const size = 48 * MEGABYTE;
    const flood = `read go; /bin/busybox head -c ${size} /dev/zero | /bin/busybox tr '\\0' x; echo written >&2; /bin/busybox cat`;
    const { id } = await use.launch({ ...script(flood), stdio: true });
    const stream = await backend.attach(id, within());
    stream.write("go\n");
    await once(stream, "readable");
    await sleep(1_500);
    expect(stream.readableLength).toBeLessThan(MEGABYTE);
    const lines = () =>
      Array.fromAsync(backend.logs(use.owner, { tail: 5, follow: false, timestamps: false }, within()));
    expect(await lines()).toEqual([]);
    let bytes = 0;
    for await (const chunk of stream) {
      bytes += (chunk as Buffer).length;
      if (bytes >= size) break;
    }
    expect(bytes).toBe(size);
    await eventually("all is written", async () => (await lines()).includes("written"));
  });

  it("make who writes wait for a container that does not read", async () => {
    const backend = dockerUnderTest();
    await using use = await dockerDeployment("slow-server", { backend });
    const { id } = await use.launch({ ...script("/bin/busybox sleep 600"), stdio: true });
    const stream = await backend.attach(id, within());
    let taken = 0;
    const endless = Readable.from(
      (function* () {
        for (;;) {
          taken += 64 * 1024;
          yield Buffer.alloc(64 * 1024, "x");
        }
      })(),
      { highWaterMark: 1 },
    );
    endless.pipe(stream);
    await eventually("nothing more is taken", async () => {
      const before = taken;
      await sleep(500);
      return before > 0 && taken === before;
    });
    expect(taken).toBeLessThan(4 * MEGABYTE);
    endless.unpipe(stream).destroy();
    stream.destroy();
  });

  it("are nobody's of another backend's container, nor of one that has an address", async () => {
    const backend = dockerUnderTest();
    await using use = await dockerDeployment("with-address", { backend });
    const { id } = await use.launch();
    await expect(backend.attach(id, within())).rejects.toThrow("is no server of stdio");
    await using other = await dockerDeployment("elsewhere", {
      backend: dockerUnderTest({}, { installation: randomUUID() }),
      spec: ECHO,
    });
    const { id: foreign } = await other.launch();
    await expect(backend.attach(foreign, within())).rejects.toThrow("is no server of stdio");
    await expect(backend.attachOwn(foreign, within())).rejects.toThrow("is no server of stdio");
  });

  it("are not in its log, which is what it writes to standard error", async () => {
    const backend = dockerUnderTest();
    await using use = await dockerDeployment("its-log", { backend });
    const text =
      "for i in 1 2 3; do echo error $i >&2; done; for i in 1 2 3 4 5 6 7 8; do echo protocol $i; done; /bin/busybox cat >&2";
    const { id } = await use.launch({ ...script(text), stdio: true });
    const stop = new AbortController();
    const lines = (tail: number | undefined) =>
      Array.fromAsync(backend.logs(use.owner, { tail, follow: false, timestamps: false }, within()));
    await eventually("it has written", async () => (await lines(undefined)).length === 3);
    expect(await lines(2)).toEqual(["error 2", "error 3"]);
    const seen: string[] = [];
    const followed = (async () => {
      const options = { tail: 1, follow: true, timestamps: false };
      for await (const line of backend.logs(use.owner, options, stop.signal)) seen.push(line);
    })();
    await eventually("the log is followed", () => seen.length === 1);
    (await backend.attach(id, within())).write("later\n");
    await eventually("it goes on", () => seen.length === 2);
    expect(seen).toEqual(["error 3", "later"]);
    stop.abort();
    await expect(followed).rejects.toHaveProperty("name", "AbortError");
  });
});

describe("a process of one client", () => {
  beforeAll(() => ensureBusyboxImage());

  it.each([
    { because: "it ends with its input", spec: ECHO },
    { because: "it ends for nothing but SIGKILL", spec: STUBBORN },
  ])("leaves nothing behind when its stream is closed, where $because", async ({ spec }) => {
    const backend = dockerUnderTest();
    await using use = await dockerDeployment("own", { backend, spec });
    const { id } = await use.launch();
    const own = await backend.attachOwn(id, within());
    expect(await exchange(own, "hello", within())).toBe("hello");
    expect(await helpersOf(use)).toHaveLength(1);
    own.destroy();
    await noHelpers(use);
    expect((await use.observe()).state).toEqual({ kind: "running" });
  });

  it("leaves nothing behind of clients that go while it is made", async () => {
    const backend = dockerUnderTest();
    await using use = await dockerDeployment("own-impatient", { backend, spec: STUBBORN });
    const { id } = await use.launch();
    const impatient = [0, 20, 60, 150].map((ms) => backend.attachOwn(id, within(ms)));
    const outcomes = await Promise.allSettled(impatient);
    expect(outcomes.map(({ status }) => status)).toContain("rejected");
    for (const outcome of outcomes) if (outcome.status === "fulfilled") outcome.value.destroy();
    await noHelpers(use);
  });

  it("has what the workload has, and is confined as it is", async () => {
    const backend = dockerUnderTest();
    const files = { token: Buffer.from("abc\n") };
    const mounts = [{ name: "secret", path: "/secret", readOnly: true, kind: "files", files, secret: true }] as const;
    const network = { egress: { kind: "closed" }, ingressPorts: [] } as const;
    const confinement = { ...UNCONFINED, network, readOnlyRoot: true, capabilities: { dropAll: true, add: [] } };
    const look = [
      "/bin/busybox cat /secret/token; echo $NAME",
      "/bin/busybox touch /new 2>/dev/null && echo wrote",
      "/bin/busybox grep CapBnd /proc/self/status; /bin/busybox ls /sys/class/net; /bin/busybox cat",
    ];
    const spec = { ...script(look.join("; ")), env: { NAME: "files" }, mounts, confinement, stdio: true };
    await using use = await dockerDeployment("own-confined", { backend, spec });
    const { id } = await use.launch();
    const own = await backend.attachOwn(id, within());
    own.end();
    const said = await textOf(own);
    expect(said.replaceAll(/\s+/g, " ")).toMatch(/^abc files CapBnd: 0{16} (eth0 )?lo $/);
    await noHelpers(use);
  });

  it("is kept by the collection of orphans while its client is there, and goes with its deployment", async () => {
    const backend = dockerUnderTest({}, { installation: randomUUID() });
    await using use = await dockerDeployment("own-purged", { backend, spec: STUBBORN });
    const { id } = await use.launch();
    const own = await backend.attachOwn(id, within());
    await backend.collectOrphans(() => true, within());
    expect(await exchange(own, "still here", within())).toBe("still here");
    await Promise.all([eventually("all is gone", () => backend.purge(use.owner, within())), ended(own, within())]);
    expect(await helpersOf(use)).toEqual([]);
  });

  it.each([
    { because: "it ends with its input, by itself", spec: ECHO, watches: false },
    { because: "it ignores the end of its input, by the next controller's", spec: STUBBORN, watches: true },
  ])("ends after its controller was killed: where $because", async ({ spec, watches }) => {
    const installation = randomUUID();
    const config: DockerConfig = {
      name: "docker",
      installation,
      sharesLoopback: true,
      spec: {
        host: engineAddress(),
        publish: { bindAddress: "127.0.0.1" },
        sandbox: { addressHoldSeconds: 60 },
        defaultLimits: { cpu: "500m", memory: "512Mi", pids: 100 },
        orphanCollection: { enabled: true, intervalHours: 24 },
      },
    };
    const backend = dockerUnderTest({}, { installation });
    await using use = await dockerDeployment("own-orphan", { backend, spec });
    const { id } = await use.launch();
    const controller = spawn(process.execPath, [CHILD, JSON.stringify(config), id], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(controller.stdout, "data");
    expect(await helpersOf(use)).toHaveLength(1);
    controller.kill("SIGKILL");
    await once(controller, "close");
    const stop = new AbortController();
    if (watches) backend.watch(() => undefined, stop.signal);
    await noHelpers(use);
    stop.abort();
    expect((await use.observe()).state).toEqual({ kind: "running" });
  });

  it("ends with its backend", async () => {
    await using use = await dockerDeployment("own-closed", { spec: STUBBORN });
    const { id } = await use.launch();
    const other = dockerUnderTest();
    const own = await other.attachOwn(id, within());
    await Promise.all([other[Symbol.asyncDispose](), ended(own, within())]);
    expect(await helpersOf(use)).toEqual([]);
  });
});
