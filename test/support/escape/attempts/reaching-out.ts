import { forbidden, IN_RANGE, METADATA, METADATA_PORT, RESOLVER } from "../addresses.ts";
import type { Answer } from "../inside.ts";
import { PROFILES, type Profile } from "../profiles.ts";
import { ECHO, type Stage } from "../stage.ts";
import type { Attempt, Spot } from "./attempt.ts";

const PROVES = ["network.egressAllowed", "network.allowedHosts"] as const;
/** Where nobody restricts the network, and where all of the outside is open. */
const ANYWHERE: readonly Profile[] = ["unrestricted", "open"];
const UNCONFINED: readonly Profile[] = ["unrestricted"];

/** Packets to addresses: outside, on the machine, of other deployments. */
export const REACHING_OUT: readonly Attempt[] = [
  toOutside("TCP to an address outside", ({ number }) => ["tcp", forbidden(number).v4, ECHO]),
  toOutside("UDP to an address outside", ({ number }) => ["udp", forbidden(number).v4, ECHO]),
  toOutside("ICMP to an address outside", ({ number }) => ["icmp", forbidden(number).v4]),
  toOutside("TCP over IPv6 to an address outside", ({ number }) => ["tcp", forbidden(number).v6, ECHO]),
  toOutside("UDP over IPv6 to an address outside", ({ number }) => ["udp", forbidden(number).v6, ECHO]),
  toOutside("ICMP over IPv6 to an address outside", ({ number }) => ["icmp", forbidden(number).v6]),

  inward("TCP to the bridge's gateway", (stage) => ["tcp", stage.outside.bridge.gateway4, port(stage)]),
  inward("UDP to the bridge's gateway", (stage) => ["udp", stage.outside.bridge.gateway4, port(stage)]),
  inward("ICMP to the bridge's gateway", (stage) => ["icmp", stage.outside.bridge.gateway4]),
  inward("TCP over IPv6 to the bridge's gateway", (stage) => ["tcp", stage.outside.bridge.gateway6, port(stage)]),
  inward("TCP to the bridge's link-local address", (stage) => ["tcp", stage.linkLocal, port(stage)]),
  inward("TCP to a service at another address of the machine", (stage) => [
    "tcp",
    stage.outside.hostAddress,
    port(stage),
  ]),
  inward("UDP to a service at another address of the machine", (stage) => [
    "udp",
    stage.outside.hostAddress,
    port(stage),
  ]),
  inward("TCP to the metadata service", () => ["tcp", METADATA, String(METADATA_PORT)]),
  inward("ICMP to the metadata service", () => ["icmp", METADATA]),
  inward("TCP to another deployment's container", (stage) => ["tcp", stage.address("sibling"), "8080"]),
  inward("ICMP to another deployment's container", (stage) => ["icmp", stage.address("sibling")]),
  {
    name: "TCP to another deployment's sandbox",
    proves: ["network.ingressPorts"],
    succeedsIn: [],
    run: ({ inside }, stage) => inside.attempt(["tcp", anotherSandbox(stage, inside), "8080"]),
    control: (stage) => stage.inside("unrestricted").attempt(["tcp", stage.address("sibling"), "8080"]),
  },

  {
    name: "DNS by UDP to a resolver outside",
    proves: PROVES,
    succeedsIn: ANYWHERE,
    run: ({ inside, number }) => inside.attempt(["dns", "udp", RESOLVER.v4, `asked-${number}.test`, "A"]),
    control: "network",
  },
  {
    name: "DNS by TCP to a resolver outside",
    proves: PROVES,
    succeedsIn: ANYWHERE,
    run: ({ inside, number }) => inside.attempt(["dns", "tcp", RESOLVER.v4, `asked-${number}.test`, "A"]),
    control: "network",
  },
  {
    name: "DNS over IPv6 to a resolver outside",
    proves: PROVES,
    succeedsIn: ANYWHERE,
    run: ({ inside, number }) => inside.attempt(["dns", "udp", RESOLVER.v6, `asked-${number}.test`, "A"]),
    control: "network",
  },

  {
    name: "TCP to an address in an allowed range",
    proves: ["network.allowedHosts"],
    succeedsIn: ["unrestricted", "open", "listed"],
    run: ({ inside }) => inside.attempt(["tcp", IN_RANGE.v4, ECHO]),
    control: "network",
  },
  {
    name: "UDP over IPv6 to an address in an allowed range",
    proves: ["network.allowedHosts"],
    succeedsIn: ["unrestricted", "open", "listed"],
    run: ({ inside }) => inside.attempt(["udp", IN_RANGE.v6, ECHO]),
    control: "network",
  },
];

function toOutside(name: string, args: (spot: Spot) => string[]): Attempt {
  return {
    name,
    proves: PROVES,
    succeedsIn: ANYWHERE,
    run: (spot) => spot.inside.attempt(args(spot)),
    control: "network",
  };
}

function inward(name: string, args: (stage: Stage) => string[]): Attempt {
  return {
    name,
    proves: PROVES,
    succeedsIn: UNCONFINED,
    run: ({ inside }, stage): Promise<Answer> => inside.attempt(args(stage)),
    control: "network",
  };
}

function port({ host }: Stage): string {
  return String(host.port);
}

function anotherSandbox(stage: Stage, { container }: Spot["inside"]): string {
  const other = PROFILES.find((each) => each !== "unrestricted" && stage.inside(each).container.id !== container.id);
  return stage.address(other ?? "standard");
}
