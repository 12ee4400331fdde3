import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { findProgram } from "../../scripts/engine/machine.ts";

/** Why no network namespace can be had here; undefined where it can. */
export function whyNoNetworkNamespaces(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are Linux'";
  if (findProgram("ip") === undefined || findProgram("nsenter") === undefined) {
    return "network namespaces take iproute2 and util-linux";
  }
  const { status } = spawnSync("unshare", ["--net", "true"]);
  return status === 0 ? undefined : "network namespaces take root";
}

/** A network of its own on this machine, with nothing in it but its loopback: what another machine, or a pod, has. */
export class NetworkNamespace implements Disposable {
  readonly name = `slwy-${randomBytes(4).toString("hex")}`;
  /** What to put before a command so that it runs there. `ip netns exec` would also replace /sys, and hide the cgroups. */
  readonly prefix: readonly string[] = ["nsenter", `--net=/run/netns/${this.name}`];

  constructor() {
    ip("netns", "add", this.name);
    ip("-n", this.name, "link", "set", "lo", "up");
  }

  /** A cable between two of them, each end with an address of a network that nobody else uses. */
  static connect(one: NetworkEnd, other: NetworkEnd): void {
    const [first, second] = [cableEnd(), cableEnd()];
    ip("link", "add", first, "type", "veth", "peer", "name", second);
    for (const [device, { namespace, address }] of [[first, one] as const, [second, other] as const]) {
      if (namespace) ip("link", "set", device, "netns", namespace.name);
      const there = namespace ? ["-n", namespace.name] : [];
      ip(...there, "address", "add", `${address}/30`, "dev", device);
      ip(...there, "link", "set", device, "up");
    }
  }

  /** Its ends of cables go with it, and with them the others. */
  [Symbol.dispose](): void {
    ip("netns", "delete", this.name);
  }
}

export interface NetworkEnd {
  /** None: the machine's own. */
  readonly namespace?: NetworkNamespace;
  readonly address: string;
}

/** Fifteen characters are the most that a device's name may have. */
function cableEnd(): string {
  return `slwy${randomBytes(4).toString("hex")}`;
}

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "inherit"], timeout: 10_000 });
}
