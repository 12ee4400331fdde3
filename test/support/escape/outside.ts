import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type Docker from "dockerode";
import { engineClient } from "../../../scripts/engine/engine-address.ts";
import { loadCertificates } from "../../../src/server/http/certificates.ts";
import { requireTool } from "../tool.ts";
import { OUTSIDE_BLOCKS } from "./addresses.ts";
import type { Zone } from "./outside/dns-server.ts";
import type { Order, Packet } from "./outside/world.ts";
import { escapeProgram } from "./program.ts";
import { Undo } from "./undo.ts";

const WORLD = join(import.meta.dirname, "outside/world.ts");
/** The name that its HTTPS server can prove. */
export const HTTPS_NAME = "allowed.test";
/** What the outside calls its own end of the link. */
const DEVICE = "outside";
const LINKS = 2 ** 14;

/** Addresses of the link between the machine and the outside, and of the bridge network behind it. */
interface Plan {
  readonly name: string;
  readonly table: string;
  readonly link: {
    readonly host4: string;
    readonly outside4: string;
    readonly host6: string;
    readonly outside6: string;
  };
  readonly bridge6: string;
}

export interface OutsideOptions {
  /** Where its network is made. Default: the machine's own Engine. */
  readonly engine?: Docker;
  /** For an Engine that keeps its hands off iptables: what it does not let through is let through. */
  readonly openForwarding?: boolean;
}

/**
 * The outside world: a network namespace with a resolver, servers and the metadata service, and a network of the Engine whose
 * containers, and nobody else on the machine, are routed there. All of it goes at the end, however that comes.
 */
export class Outside implements AsyncDisposable {
  /** Name of the Engine's network. */
  readonly network: string;
  /** The machine's other end of the link to the outside: an address of its own that is not the bridge's. */
  readonly hostAddress: string;
  readonly #child: ChildProcess;
  readonly #undo: Undo;
  readonly #engine: Docker;
  readonly #pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #bridge: Bridge | undefined;
  #caPem = "";
  #orders = 0;

  private constructor({ child, undo, engine, plan }: { child: ChildProcess; undo: Undo; engine: Docker; plan: Plan }) {
    this.#child = child;
    this.#undo = undo;
    this.#engine = engine;
    this.network = plan.name;
    this.hostAddress = plan.link.host4;
    child.on("message", ({ id, value, error }: { id: number; value?: unknown; error?: string }) => {
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      if (error === undefined) pending?.resolve(value);
      else pending?.reject(new Error(`the outside failed: ${error}`));
    });
    child.once("exit", () => {
      for (const { reject } of this.#pending.values()) reject(new Error("the outside is gone"));
    });
  }

  static async start({ engine = engineClient(), openForwarding = false }: OutsideOptions = {}): Promise<Outside> {
    const plan = choosePlan(randomInt(LINKS));
    const undo = new Undo();
    const child = spawn(requireTool("unshare", "util-linux"), ["--net", process.execPath, WORLD], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const outside = new Outside({ child, undo, engine, plan });
    try {
      await outside.#connect(plan, openForwarding);
      return outside;
    } catch (error) {
      await outside[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What clients have to trust to believe its HTTPS server. */
  get caPem(): string {
    return this.#caPem;
  }

  /** The Engine's end of its network. */
  get bridge(): Bridge {
    if (!this.#bridge) throw new Error("the outside has no network yet");
    return this.#bridge;
  }

  /** From now on a name has these addresses and no others. */
  async name(name: string, zone: Zone): Promise<void> {
    await this.#order({ kind: "name", name, zone });
  }

  /** Everything that the resolver was asked, by whomever. */
  async questions(): Promise<readonly { readonly name: string; readonly type: string }[]> {
    return (await this.#order({ kind: "questions" })) as { name: string; type: string }[];
  }

  /** How many packets arrived at an address, for anything or for one protocol. */
  async arrivals(address: string, protocol?: Packet["protocol"]): Promise<number> {
    const all = (await this.#order({ kind: "packets" })) as [string, number][];
    return all
      .map(([key, count]) => ({ count, packet: JSON.parse(key) as Packet }))
      .filter(({ packet }) => packet.to === address && (protocol === undefined || packet.protocol === protocol))
      .reduce((sum, { count }) => sum + count, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine
      .getNetwork(this.network)
      .remove()
      .catch((error: { statusCode?: number }) => {
        if (error.statusCode !== 404) throw error;
      });
    if (this.#child.exitCode === null) {
      const ended = once(this.#child, "exit");
      this.#child.disconnect();
      await ended;
    }
    await this.#undo[Symbol.asyncDispose]();
  }

  async #connect(plan: Plan, openForwarding: boolean): Promise<void> {
    this.#bridge = await createNetwork(this.#engine, plan);
    // Its program answers once it runs, and then it is in its namespace.
    await this.#order({ kind: "questions" });
    buildLink(plan, this.#child.pid ?? 0);
    for (const [command, undoing] of routes(plan, this.#bridge.subnet4)) {
      this.#undo.later("ip", ...undoing);
      ip(...command);
    }
    if (openForwarding) this.#letThrough(plan.name);
    const { caPem, certificatePem, keyPem } = await makeCertificates();
    this.#caPem = caPem;
    const program = await escapeProgram();
    await this.#order({ kind: "serve", device: DEVICE, program, key: keyPem, certificate: certificatePem });
  }

  /** The machine's own Engine sets the policy of forwarding to DROP. */
  #letThrough(bridge: string): void {
    for (const program of ["iptables", "ip6tables"]) {
      for (const direction of ["-i", "-o"]) {
        const rule = ["FORWARD", direction, bridge, "-j", "ACCEPT"];
        this.#undo.later(program, "-w", "-D", ...rule);
        execFileSync(requireTool(program, "iptables"), ["-w", "-I", ...rule], { stdio: "inherit", timeout: 10_000 });
      }
    }
  }

  async #order(order: Order): Promise<unknown> {
    if (this.#child.exitCode !== null) throw new Error("the outside is gone");
    const id = this.#orders++;
    return await new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#child.send({ id, order });
    });
  }
}

/** The machine's end of a network of the Engine. */
export interface Bridge {
  readonly gateway4: string;
  readonly gateway6: string;
  readonly subnet4: string;
}

function choosePlan(number: number): Plan {
  const base = number * 4;
  const v4 = (host: number) => `10.216.${base >> 8}.${(base & 0xff) + host}`;
  const hex = number.toString(16);
  return {
    name: `esc${number}`,
    table: String(1_000_000 + number),
    link: { host4: v4(1), outside4: v4(2), host6: `fd5a:${hex}:2::1`, outside6: `fd5a:${hex}:2::2` },
    bridge6: `fd5a:${hex}:1::/64`,
  };
}

async function createNetwork(engine: Docker, { name, bridge6 }: Plan): Promise<Bridge> {
  const network = await engine.createNetwork({
    Name: name,
    Driver: "bridge",
    EnableIPv6: true,
    IPAM: { Driver: "default", Config: [{ Subnet: bridge6 }] },
    Options: { "com.docker.network.bridge.name": name },
    Labels: { "slipway.test/outside": name },
  });
  const { IPAM } = (await network.inspect()) as Docker.NetworkInspectInfo;
  const v4 = IPAM?.Config?.find(({ Subnet }) => Subnet?.includes("."));
  if (!v4?.Subnet || !v4.Gateway) throw new Error(`the network ${name} has no IPv4 gateway`);
  return { gateway4: v4.Gateway, gateway6: bridge6.replace("/64", "1"), subnet4: v4.Subnet };
}

/** A link of two ends; both are gone with the namespace of the other one. */
function buildLink({ name, link }: Plan, pid: number): void {
  const near = `${name}o`;
  const inside = (...args: string[]) =>
    execFileSync("nsenter", [`--net=/proc/${pid}/ns/net`, "ip", ...args], { stdio: "inherit", timeout: 10_000 });
  ip("link", "add", near, "type", "veth", "peer", "name", DEVICE, "netns", String(pid));
  ip("address", "add", `${link.host4}/30`, "dev", near);
  ip("-6", "address", "add", `${link.host6}/64`, "dev", near, "nodad");
  ip("link", "set", near, "up");
  inside("link", "set", "lo", "up");
  inside("address", "add", `${link.outside4}/30`, "dev", DEVICE);
  inside("-6", "address", "add", `${link.outside6}/64`, "dev", DEVICE, "nodad");
  inside("link", "set", DEVICE, "up");
  inside("route", "add", "default", "via", link.host4);
  inside("-6", "route", "add", "default", "via", link.host6);
  for (const block of OUTSIDE_BLOCKS.v4) inside("route", "add", "local", block, "dev", "lo");
  for (const block of OUTSIDE_BLOCKS.v6) inside("-6", "route", "add", "local", block, "dev", "lo");
}

/** Routes for packets of the bridge's containers alone, since the machine may need the metadata service itself. */
function routes({ name, table, link, bridge6 }: Plan, subnet4: string): [command: string[], undoing: string[]][] {
  const near = `${name}o`;
  const route4 = (block: string) => ["route", "add", block, "via", link.outside4, "dev", near, "table", table];
  const route6 = (block: string) => ["-6", "route", "add", block, "via", link.outside6, "dev", near, "table", table];
  const flush = (family: string) => [family, "route", "flush", "table", table];
  return [
    ...OUTSIDE_BLOCKS.v4.map((block): [string[], string[]] => [route4(block), flush("-4")]),
    ...OUTSIDE_BLOCKS.v6.map((block): [string[], string[]] => [route6(block), flush("-6")]),
    [
      ["rule", "add", "from", subnet4, "lookup", table],
      ["rule", "delete", "from", subnet4, "lookup", table],
    ],
    [
      ["-6", "rule", "add", "from", bridge6, "lookup", table],
      ["-6", "rule", "delete", "from", bridge6, "lookup", table],
    ],
  ];
}

async function makeCertificates() {
  const folder = mkdtempSync(join(tmpdir(), "slipway-outside-"));
  try {
    return await loadCertificates(folder, [HTTPS_NAME], new Date());
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function ip(...args: string[]): void {
  execFileSync(requireTool("ip", "iproute2"), args, { stdio: ["ignore", "ignore", "inherit"], timeout: 10_000 });
}
