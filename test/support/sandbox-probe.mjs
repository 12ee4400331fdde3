// Runs inside a workload and does what it is told, one JSON object a line: the client of SandboxProbe.
import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";

/** Longer than any answer of the test's own outside takes; shorter than a person waits. */
const TIMEOUT_MS = 1500;
const held = [];

const orders = {
  /** Whether something echoes there. */
  async tcp({ host, port }) {
    const socket = await dial(host, port);
    socket.destroy();
    return "open";
  },
  async udp({ host, port }) {
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    try {
      return await within((resolve, reject) => {
        socket.on("error", reject).on("message", () => resolve("open"));
        socket.send("ping", port, host, (error) => error && reject(error));
      });
    } finally {
      socket.close();
    }
  },
  /** Addresses with their TTLs; asks `server`, else what resolv.conf says. */
  async resolve({ name, type, server }) {
    const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 1 });
    if (server !== undefined) resolver.setServers([server]);
    if (type === "TXT") return (await resolver.resolveTxt(name)).flat();
    return await (type === "AAAA" ? resolver.resolve6(name, { ttl: true }) : resolver.resolve4(name, { ttl: true }));
  },
  /** Opens a connection and keeps it. */
  async hold({ host, port }) {
    held.push(await dial(host, port));
    return "open";
  },
  /** Whether the kept connections still echo. */
  async talk() {
    await Promise.all(held.map(echo));
    return "open";
  },
  async listen({ port }) {
    await new Promise((resolve) => createServer((socket) => socket.pipe(socket)).listen(port, "::", resolve));
  },
  /** Asks for a name, waits, and connects to what was answered; `count` times at once, each a little later. */
  async lag({ name, waitMs, port, count, everyMs }) {
    const once = async (at) => {
      await sleep(at * everyMs);
      const [{ address }] = await orders.resolve({ name, type: "A" });
      await sleep(waitMs);
      return await attempt("tcp", { host: address, port });
    };
    return await Promise.all(Array.from({ length: count }, (_, at) => once(at)));
  },
  /** How long the address of a name stays open after it was asked for, in milliseconds. */
  async closes({ name, host, port, limitMs }) {
    // Before the answer, which may open it: what is measured is never shorter than what was promised.
    const began = performance.now();
    await orders.resolve({ name, type: "A" });
    while (performance.now() - began < limitMs) {
      const at = performance.now() - began;
      if ((await attempt("tcp", { host, port })) !== "open") return at;
      await sleep(50);
    }
    return null;
  },
};

async function dial(host, port) {
  const socket = connect({ host, port });
  try {
    await within((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    await echo(socket);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function echo(socket) {
  await within((resolve, reject) => {
    socket.once("data", resolve).once("error", reject);
    socket.write("ping");
  });
}

async function within(work) {
  let timer;
  try {
    return await new Promise((resolve, reject) => {
      timer = setTimeout(() => reject(Object.assign(new Error("no answer"), { code: "TIMEOUT" })), TIMEOUT_MS);
      work(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
  }
}

async function attempt(order, args) {
  try {
    return await orders[order](args);
  } catch (error) {
    return error.code ?? String(error);
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

for await (const line of createInterface({ input: process.stdin })) {
  const { id, order, args } = JSON.parse(line);
  void attempt(order, args).then((answer) => process.stdout.write(`${JSON.stringify({ id, answer })}\n`));
}
