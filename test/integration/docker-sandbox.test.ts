import { connect, createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type Docker from "dockerode";
import { engineClient } from "../../scripts/engine/engine-address.ts";
import { ensureSandboxImage } from "../../scripts/sandbox-image.ts";
import { within } from "../support/docker-under-test.ts";
import { ANYBODY, ECHO_PORT, METADATA, METADATA_PORT, place, RESOLVER } from "../support/escape/addresses.ts";
import { Outside } from "../support/escape/outside.ts";
import { eventually } from "../support/eventually.ts";
import { SandboxProbe } from "../support/sandbox-probe.ts";
import { HOLD_SECONDS, SandboxesUnderTest, sandboxRequest } from "../support/sandbox-under-test.ts";

// A loaded machine takes its time for containers.
jest.setTimeout(180_000);

const engine = engineClient();
/** Ports that the outside echoes on. */
const port = ECHO_PORT;
/** An address that no name has. */
const OTHER = place(99).v4;
/** How much later than promised something may close on a machine that does other things, too. */
const SLACK_MS = 5_000;

/** Name of a network beside the outside's. */
const ownNetwork = (name: string) => `slipway-sandbox-test-${process.pid}-${name}`;

let outside: Outside;
let sandboxes: SandboxesUnderTest;

beforeAll(async () => {
  await ensureSandboxImage(() => undefined);
  outside = await Outside.start();
  sandboxes = SandboxesUnderTest.on(outside.network, { dns: [RESOLVER.v4] });
  // Loads what speaks to the Engine: Jest lets nothing be imported between the ends of two tests that run side by side. Those that
  // make sandboxes of their own run alone for that.
  expect(await sandboxes.support({ signal: within() })).toEqual({ kind: "supported" });
});

afterAll(async () => {
  await sandboxes[Symbol.asyncDispose]();
  await outside[Symbol.asyncDispose]();
});

/** A workload in a sandbox that lets it reach `hosts`. */
async function probeOf(hosts: readonly string[]): Promise<SandboxProbe> {
  return await SandboxProbe.start(`container:${await sandboxes.launch({ hosts })}`);
}

describe("a sandbox", () => {
  it.concurrent("opens the addresses of an allowed name, for any protocol, and no other", async () => {
    const { v4 } = place(10);
    await outside.name("allowed.test", { a: [v4] });
    await using probe = await probeOf(["allowed.test"]);
    expect(await probe.tcp({ host: v4, port })).toBe("TIMEOUT");
    expect(await probe.resolve("allowed.test")).toEqual([v4]);
    expect(await probe.tcp({ host: v4, port })).toBe("open");
    expect(await probe.udp({ host: v4, port })).toBe("open");
    expect(await probe.tcp({ host: OTHER, port })).toBe("TIMEOUT");
    expect(await probe.udp({ host: OTHER, port })).not.toBe("open");
    await using anybody = await SandboxProbe.start(outside.network);
    expect(await anybody.tcp({ host: OTHER, port })).toBe("open");
  });

  it.concurrent("asks nobody for other names", async () => {
    await using probe = await probeOf(["exact.test", "*.below.test", "*.a.deep.test", "deep.test"]);
    const asked = async (name: string) => {
      const answer = await probe.resolve(name);
      const forwarded = (await outside.questions()).some((question) => question.name === name);
      return { answered: Array.isArray(answer), forwarded };
    };
    const yes = { answered: true, forwarded: true };
    const no = { answered: false, forwarded: false };
    expect(await asked("exact.test")).toEqual(yes);
    expect(await asked("x.exact.test")).toEqual(no);
    expect(await asked("notexact.test")).toEqual(no);
    expect(await asked("below.test")).toEqual(no);
    expect(await asked("x.below.test")).toEqual(yes);
    expect(await asked("y.x.below.test")).toEqual(yes);
    expect(await asked("notbelow.test")).toEqual(no);
    expect(await asked("deep.test")).toEqual(yes);
    expect(await asked("a.deep.test")).toEqual(no);
    expect(await asked("b.a.deep.test")).toEqual(yes);
    expect(await asked("elsewhere.test")).toEqual(no);
  });

  it.concurrent("follows aliases, rotation and answers by TCP, in both families", async () => {
    const many = Array.from({ length: 20 }, (_, at) => place(130 + at));
    await outside.name("many.test", {
      a: many.map(({ v4 }) => v4),
      aaaa: many.map(({ v6 }) => v6),
      aliases: ["one.cdn.test", "two.cdn.test"],
      rotate: true,
      ttl: 0,
    });
    await using probe = await probeOf(["many.test"]);
    expect(await probe.resolve("many.test")).toHaveLength(20);
    expect(await probe.resolve("many.test", "AAAA")).toHaveLength(20);
    for (const { v4, v6 } of many) {
      expect(await probe.tcp({ host: v4, port })).toBe("open");
      expect(await probe.tcp({ host: v6, port })).toBe("open");
    }
    expect(await probe.textLength("many.test")).toBe(2_000);
    expect(await probe.tcp({ host: place(99).v6, port })).toBe("TIMEOUT");
  });

  it("loses no address where answers come by TCP and UDP at once", async () => {
    // More than a datagram holds.
    const many = Array.from({ length: 100 }, (_, at) => place(1 + at).v4);
    await outside.name("big.test", { a: many });
    await outside.name("small.test", { a: [place(120).v4] });
    const id = await sandboxes.launch({ hosts: ["big.test", "small.test"] });
    await using probe = await SandboxProbe.start(`container:${id}`);
    const ask = async (name: string, times: number) => {
      for (let time = 0; time < times; time += 1) expect(await probe.resolve(name)).toEqual(expect.any(Array));
    };
    await Promise.all([ask("big.test", 30), ask("big.test", 30), ask("small.test", 400), ask("small.test", 400)]);
    const log = await engine.getContainer(id).logs({ stdout: true, stderr: true });
    expect(log.toString("utf8")).not.toContain("nftset inet slipway");
    expect(await probe.tcp({ host: place(120).v4, port })).toBe("open");
    expect(await probe.tcp({ host: place(100).v4, port })).toBe("open");
  });

  it.concurrent("opens no port that a name was not listed with", async () => {
    const [apex, below, range] = [place(31), place(32), place(33)];
    await outside.name("ports.test", { a: [apex.v4] });
    await outside.name("x.ports.test", { a: [below.v4] });
    await using probe = await probeOf([`ports.test:${port}`, "*.ports.test:443", `${range.v4}/32`]);
    expect(await probe.resolve("ports.test")).toEqual([apex.v4]);
    expect(await probe.resolve("x.ports.test")).toEqual([below.v4]);
    expect(await probe.tcp({ host: apex.v4, port })).toBe("open");
    expect(await probe.tcp({ host: apex.v4, port: 443 })).toBe("TIMEOUT");
    expect(await probe.tcp({ host: below.v4, port })).toBe("TIMEOUT");
    // The outside speaks TLS there: it accepts, and answers no echo.
    expect(await probe.tcp({ host: below.v4, port: 443 })).not.toBe("open");
    expect(await outside.arrivals(below.v4, "tcp")).toBeGreaterThan(0);
    expect(await probe.tcp({ host: range.v4, port })).toBe("open");
  });

  it.concurrent("keeps an address open for once to twice the hold after the last answer, and a connection for as long as it lasts", async () => {
    const { v4 } = place(40);
    await outside.name("held.test", { a: [v4] });
    await using probe = await probeOf(["held.test"]);
    await probe.resolve("held.test");
    expect(await probe.hold({ host: v4, port })).toBe("open");
    const closedMs = await probe.closes("held.test", { host: v4, port }, 2 * HOLD_SECONDS * 1000 + SLACK_MS);
    expect(closedMs).not.toBeNull();
    expect(closedMs).toBeGreaterThanOrEqual(HOLD_SECONDS * 1000);
    expect(await probe.talk()).toBe("open");
    expect(await probe.resolve("held.test")).toEqual([v4]);
    expect(await probe.tcp({ host: v4, port })).toBe("open");
  });

  it.concurrent("fails no connection within the TTL of an answer, at whatever moment it came", async () => {
    await outside.name("long.test", { a: [place(41).v4], ttl: 3600 });
    await outside.name("zero.test", { a: [place(42).v4], ttl: 0 });
    await using probe = await probeOf(["long.test", "zero.test"]);
    const [ttl = 0] = await probe.ttls("long.test");
    expect(ttl).toBe(HOLD_SECONDS - 1);
    // Over four turns of the sets, a lookup each quarter of a second.
    const spread = { port, count: 80, everyMs: 250 };
    const [long, zero] = await Promise.all([
      probe.lag({ name: "long.test", waitMs: ttl * 1000, ...spread }),
      probe.lag({ name: "zero.test", waitMs: 0, ...spread }),
    ]);
    expect(new Set([...long, ...zero])).toEqual(new Set(["open"]));
  });

  it.concurrent("closes addresses even where what empties its sets stands still", async () => {
    const { v4 } = place(43);
    await outside.name("stuck.test", { a: [v4] });
    const id = await sandboxes.launch({ hosts: ["stuck.test"] });
    await using probe = await SandboxProbe.start(`container:${id}`);
    const rotation = await processIn(id, "/bin/sh /entry.sh");
    process.kill(rotation, "SIGSTOP");
    const closedMs = await probe.closes("stuck.test", { host: v4, port }, 3 * HOLD_SECONDS * 1000 + SLACK_MS);
    expect(closedMs).not.toBeNull();
    // Neither is it closed early.
    expect(closedMs).toBeGreaterThanOrEqual(3 * HOLD_SECONDS * 1000 - 1_000);
  });

  it.concurrent("ends with what empties its sets, and with its resolver", async () => {
    for (const command of ["/bin/sh /entry.sh", "dnsmasq --keep-in-foreground"]) {
      const id = await sandboxes.launch({ hosts: ["stuck.test"] });
      process.kill(await processIn(id, command), "SIGTERM");
      await eventually("it ended", async () => !(await engine.getContainer(id).inspect()).State.Running);
    }
  });

  it.concurrent("lets only its own resolver's user ask outside", async () => {
    const id = await sandboxes.launch({ hosts: ["allowed.test", `${RESOLVER.v4}/32`] });
    const uid = await resolverUid(id);
    expect(uid).toBeGreaterThanOrEqual(2 ** 30);
    const askDirectly = async (user: string) => {
      await using probe = await SandboxProbe.start(`container:${id}`, user);
      return await probe.resolve("anything.test", "A", RESOLVER.v4);
    };
    expect(await askDirectly("0:0")).toEqual(expect.any(String));
    expect(await askDirectly("65532:65532")).toEqual(expect.any(String));
    // What an image would have to guess.
    expect(await askDirectly(`${uid}:${uid}`)).toEqual([ANYBODY.v4]);
  });

  it.concurrent("keeps the Engine's resolver, its machine, its network and the metadata service closed, whatever is listed", async () => {
    const { gateway4, gateway6, subnet4 } = outside.bridge;
    const listening = await Promise.all([listen(gateway4), listen(gateway6), listen(outside.hostAddress)]);
    const [g4 = 0, g6 = 0, host = 0] = listening.map(portOf);
    try {
      const listed = ["169.254.0.0/16", "10.0.0.0/8", "127.0.0.0/8", subnet4, "fd5a::/16", "inner.test"];
      await using sibling = await SandboxProbe.start(outside.network);
      await sibling.listen(8080);
      const siblingAddress = await addressOf(sibling.id);
      await using probe = await probeOf(listed);
      const closed = [
        { host: METADATA, port: METADATA_PORT },
        { host: gateway4, port: g4 },
        { host: gateway6, port: g6 },
        { host: siblingAddress, port: 8080 },
      ];
      for (const endpoint of closed)
        expect({ endpoint, outcome: await probe.tcp(endpoint) }).toEqual({ endpoint, outcome: "TIMEOUT" });
      // A range that the list names is open, also where it is the machine's.
      expect(await probe.tcp({ host: outside.hostAddress, port: host })).toBe("open");
      await using anybody = await SandboxProbe.start(outside.network);
      for (const endpoint of closed.slice(1))
        expect({ endpoint, outcome: await anybody.tcp(endpoint) }).toEqual({ endpoint, outcome: "open" });
    } finally {
      for (const server of listening) server.close();
    }
  });

  it.concurrent("opens nothing inside for a name that is re-pointed", async () => {
    const server = await listen(outside.hostAddress);
    try {
      await outside.name("inner.test", { a: [outside.hostAddress] });
      await using probe = await probeOf(["inner.test"]);
      expect(await probe.resolve("inner.test")).toEqual([outside.hostAddress]);
      expect(await probe.tcp({ host: outside.hostAddress, port: portOf(server) })).toBe("TIMEOUT");
    } finally {
      server.close();
    }
  });

  it.concurrent("takes connections on the listed ports only, from the Engine's port proxy only", async () => {
    const hostPort = await freePort();
    const request = {
      published: { port: 8080, hostPort },
      rules: { egress: { kind: "closed" }, ingressPorts: [8080] },
    } as const;
    const id = await sandboxes.launch(request);
    await using probe = await SandboxProbe.start(`container:${id}`);
    await probe.listen(8080);
    await probe.listen(8081);
    const address = await addressOf(id);
    expect(await dialFromHere("127.0.0.1", hostPort)).toBe("open");
    expect(await dialFromHere(address, 8080)).toBe("open");
    expect(await dialFromHere(address, 8081)).toBe("TIMEOUT");
    await using sibling = await SandboxProbe.start(outside.network);
    expect(await sibling.tcp({ host: address, port: 8080 })).toBe("TIMEOUT");
    expect(sandboxes.view(await engine.getContainer(id).inspect())).toMatchObject({
      id,
      running: true,
      connected: true,
    });
  });

  it("takes connections from allowed sources, too", async () => {
    await using wider = SandboxesUnderTest.on(outside.network, {
      dns: [RESOLVER.v4],
      allowedSources: [outside.bridge.subnet4],
    });
    const id = await wider.launch();
    await using probe = await SandboxProbe.start(`container:${id}`);
    await probe.listen(8080);
    await using sibling = await SandboxProbe.start(outside.network);
    expect(await sibling.tcp({ host: await addressOf(id), port: 8080 })).toBe("open");
  });

  it.concurrent("of an open network keeps only the machine and the inside of the network closed", async () => {
    const server = await listen(outside.hostAddress);
    try {
      const id = await sandboxes.launch({ rules: { egress: { kind: "open" }, ingressPorts: [] } });
      await using probe = await SandboxProbe.start(`container:${id}`);
      expect(await probe.resolve("whatever.test")).toEqual([ANYBODY.v4]);
      expect(await probe.tcp({ host: ANYBODY.v4, port })).toBe("open");
      expect(await probe.tcp({ host: ANYBODY.v6, port })).toBe("open");
      expect(await probe.tcp({ host: METADATA, port: METADATA_PORT })).toBe("TIMEOUT");
      expect(await probe.tcp({ host: outside.hostAddress, port: portOf(server) })).toBe("TIMEOUT");
    } finally {
      server.close();
    }
  });

  it.concurrent("loads the longest list that a profile may have", async () => {
    const label = "a".repeat(59);
    const hosts = Array.from({ length: 256 }, (_, at) => {
      const number = String(at).padStart(3, "0");
      return `${at % 2 === 0 ? "*." : ""}${label}${number}.${label}.${label}.${label}.test:${1000 + at}`;
    });
    const id = await sandboxes.launch({ hosts });
    await using probe = await SandboxProbe.start(`container:${id}`);
    expect(await probe.resolve(`${label}001.${label}.${label}.${label}.test`)).toEqual([ANYBODY.v4]);
  });

  it.concurrent("takes at most 8 MB, of which page cache and kernel memory are part", async () => {
    const id = await sandboxes.launch({ hosts: ["allowed.test"] });
    const { memory_stats } = await engine.getContainer(id).stats({ stream: false });
    expect(memory_stats.usage).toBeGreaterThan(0);
    expect(memory_stats.usage).toBeLessThanOrEqual(8e6);
  });
});

describe("making a sandbox", () => {
  it.concurrent("adopts the one that was asked for, and replaces any other of its name", async () => {
    const request = sandboxRequest({ hosts: ["allowed.test"] });
    const first = await sandboxes.create(request, { signal: within() });
    expect(await sandboxes.create(request, { signal: within() })).toBe(first);
    const other = { ...request, rules: { ...request.rules, ingressPorts: [9090] } };
    const second = await sandboxes.create(other, { signal: within() });
    expect(second).not.toBe(first);
    await expect(engine.getContainer(first).inspect()).rejects.toMatchObject({ statusCode: 404 });
    const candidate = await sandboxes.create({ ...other, role: "candidate" }, { signal: within() });
    expect(candidate).not.toBe(second);
  });

  it("leaves alone what is somebody else's", async () => {
    const request = sandboxRequest();
    await using others = SandboxesUnderTest.on(outside.network, { dns: [RESOLVER.v4] });
    await others.create(request, { signal: within() });
    await expect(sandboxes.create(request, { signal: within() })).rejects.toMatchObject({ reason: "BackendError" });
  });

  it.concurrent("loads its rules again with each start, before anything else", async () => {
    await outside.name("allowed.test", { a: [place(10).v4] });
    const id = await sandboxes.launch({ hosts: ["allowed.test"] });
    await sandboxes.start(id, { signal: within() });
    await engine.getContainer(id).restart({ t: 0 });
    // Not started by this code: what it wrote tells.
    await sandboxes.start(id, { signal: within() });
    await engine.getContainer(id).pause();
    await sandboxes.start(id, { signal: within() });
    await using probe = await SandboxProbe.start(`container:${id}`);
    expect(await probe.tcp({ host: OTHER, port })).toBe("TIMEOUT");
    expect(await probe.resolve("allowed.test")).toEqual([place(10).v4]);
    await sandboxes.stop(id, { signal: within() });
    expect(sandboxes.view(await engine.getContainer(id).inspect())).toMatchObject({ running: false });
    await sandboxes.stop(id, { signal: within() });
    await sandboxes.remove(id, { signal: within() });
    await sandboxes.remove(id, { signal: within() });
    await sandboxes.stop(id, { signal: within() });
  });

  it("goes where its network was made anew with other addresses", async () => {
    let network = await createNetwork("anew", { Subnet: "10.217.0.0/28", Gateway: "10.217.0.1" });
    try {
      await using there = SandboxesUnderTest.on(ownNetwork("anew"), { dns: [RESOLVER.v4] });
      const id = await there.launch();
      expect(there.view(await engine.getContainer(id).inspect())).toMatchObject({ running: true });
      await network.disconnect({ Container: id });
      await network.remove();
      network = await createNetwork("anew", { Subnet: "10.217.0.16/28", Gateway: "10.217.0.17" });
      await network.connect({ Container: id });
      expect(there.view(await engine.getContainer(id).inspect())).toMatchObject({ running: false });
      await expect(there.start(id, { signal: within() })).rejects.toMatchObject({ reason: "SandboxUnavailable" });
      await expect(engine.getContainer(id).inspect()).rejects.toMatchObject({ statusCode: 404 });
    } finally {
      await network.remove();
    }
  });

  it("knows the port proxy also on a network of which the Engine tells no gateway", async () => {
    const network = await createNetwork("proxied", { Subnet: "10.217.0.32/27", IPRange: "10.217.0.48/28" });
    try {
      await using there = SandboxesUnderTest.on(ownNetwork("proxied"), { dns: [RESOLVER.v4] });
      const hostPort = await freePort();
      const id = await there.launch({ published: { port: 8080, hostPort } });
      await using probe = await SandboxProbe.start(`container:${id}`);
      await probe.listen(8080);
      expect(await dialFromHere("127.0.0.1", hostPort)).toBe("open");
      expect(there.view(await engine.getContainer(id).inspect())).toMatchObject({ running: true, connected: true });
    } finally {
      await network.remove();
    }
  });

  it.concurrent("throws the Engine's refusal as it came where a port is taken", async () => {
    const server = await listen("127.0.0.1");
    try {
      const id = await sandboxes.create(sandboxRequest({ published: { port: 8080, hostPort: portOf(server) } }), {
        signal: within(),
      });
      await expect(sandboxes.start(id, { signal: within() })).rejects.toMatchObject({
        said: expect.stringContaining("address already in use"),
      });
    } finally {
      server.close();
    }
  });

  it.concurrent("ends at once when it is told to", async () => {
    const id = await sandboxes.launch({ hosts: ["allowed.test"] });
    const container = engine.getContainer(id);
    await container.kill({ signal: "SIGTERM" });
    await container.wait();
    expect((await container.inspect()).State.Running).toBe(false);
  });
});

describe("whether an Engine can run sandboxes", () => {
  it("is tried once, and again when asked", async () => {
    await using tried = SandboxesUnderTest.on(outside.network);
    expect(await tried.support({ signal: within() })).toEqual({ kind: "supported" });
    expect(await tried.support({ signal: within(), refresh: true })).toEqual({ kind: "supported" });
  });

  it("says what to do where the image is missing, and then makes none", async () => {
    await using tried = SandboxesUnderTest.on(outside.network, { image: "slipway.test/no-such-sandbox:1" });
    const support = await tried.support({ signal: within() });
    expect(support).toEqual({ kind: "failing", reason: expect.stringContaining("make sandbox-image") });
    await expect(tried.create(sandboxRequest(), { signal: within() })).rejects.toMatchObject({
      reason: "SandboxUnavailable",
    });
  });
});

async function createNetwork(name: string, config: Record<string, string>): Promise<Docker.Network> {
  return await engine.createNetwork({ Name: ownNetwork(name), IPAM: { Driver: "default", Config: [config] } });
}

async function addressOf(id: string): Promise<string> {
  const { NetworkSettings } = await engine.getContainer(id).inspect();
  return NetworkSettings.Networks[outside.network]?.IPAddress ?? "";
}

async function resolverUid(id: string): Promise<number> {
  const { Config } = await engine.getContainer(id).inspect();
  return Number(Config.Env.find((entry) => entry.startsWith("RESOLVER_UID="))?.split("=")[1]);
}

/** The machine's process ID of a process in a container. */
async function processIn(id: string, command: string): Promise<number> {
  const { Titles, Processes } = await engine.getContainer(id).top();
  const found = (Processes as string[][]).find((fields) => fields.at(-1)?.startsWith(command));
  return Number(found?.[(Titles as string[]).indexOf("PID")]);
}

async function listen(address: string): Promise<Server> {
  const server = createServer((socket) => void socket.pipe(socket));
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, address, resolve));
  return server;
}

function portOf(server: Server): number {
  return (server.address() as { port: number }).port;
}

async function freePort(): Promise<number> {
  const server = await listen("127.0.0.1");
  const free = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return free;
}

/** From the machine itself, whose address on the network is the gateway's. */
async function dialFromHere(host: string, to: number): Promise<string> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port: to, timeout: 1_500 });
    const end = (outcome: string) => {
      socket.destroy();
      resolve(outcome);
    };
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code ?? "")).once("timeout", () => end("TIMEOUT"));
    socket.once("data", () => end("open")).write("ping");
  });
}
