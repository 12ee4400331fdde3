import { createHash } from "node:crypto";
import type Docker from "dockerode";
import { Label } from "../../../api/labels.ts";
import { DockerLabel, type Maker, ownerLabels } from "../workloads/object-labels.ts";
import { sandboxName } from "../workloads/object-names.ts";
import { readAllowList } from "./allowed-names.ts";
import { resolverConfigs } from "./resolver-config.ts";
import { flushCommands, type Place, ruleset } from "./rules.ts";
import type { SandboxRequest } from "./sandbox.ts";

export const SandboxLabel = {
  /** Digest of what it was made from, all but the resolver's user and the machine's own addresses, which come and go. */
  Request: "slipway.dev/sandbox-request",
  /** The addresses of the Engine's machine on the network that its rules were made for. */
  Gateways: "slipway.dev/sandbox-gateways",
} as const;

/** Where a sandbox is made, beyond what is asked of it. */
export interface SandboxPlacement {
  readonly image: string;
  /** Name of the Engine's network. */
  readonly network: string;
  readonly bindAddress: string;
  readonly place: Place;
}

type ContainerOptions = Docker.ContainerCreateOptions & { name: string };

/** Measured are 2 to 7 MB; a long list takes 6 MB more while it is loaded. Whoever floods the resolver ends it, not the machine. */
const MEMORY_BYTES = 32 * 1024 * 1024;
const LIMITS = {
  Memory: MEMORY_BYTES,
  MemorySwap: MEMORY_BYTES,
  // Twenty are those that dnsmasq forks at most for TCP, in each of three views.
  PidsLimit: 80,
  NanoCpus: 500_000_000,
};

/** The most that Linux takes for one variable is 128 KiB, its name included. */
const PIECE_LENGTH = 96 * 1024;

/** Users of images end far below, also where they are mapped; the kernel takes no number above 2³² - 2. */
export const RESOLVER_UIDS = { from: 2 ** 30, to: 2 ** 31 } as const;

/** Pure. The container of a sandbox, with a label by which an equal request is known. */
export function sandboxOptions(
  request: SandboxRequest,
  placement: SandboxPlacement,
  { maker, resolverUid }: { maker: Maker; resolverUid: number },
): ContainerOptions {
  const options = withoutDigest(request, placement, { maker, resolverUid });
  // The machine's bridges have their addresses only while something is connected: they come and go between two equal requests.
  const lasting = { ...placement, place: { ...placement.place, hostAddresses: [] } };
  const comparable = withoutDigest(request, lasting, { maker, resolverUid: RESOLVER_UIDS.from });
  const digest = createHash("sha256").update(JSON.stringify(comparable)).digest("hex");
  return { ...options, Labels: { ...options.Labels, [SandboxLabel.Request]: digest } };
}

function withoutDigest(
  request: SandboxRequest,
  { image, network, bindAddress, place }: SandboxPlacement,
  { maker, resolverUid }: { maker: Maker; resolverUid: number },
): ContainerOptions {
  const { owner, role, published } = request;
  const port = `${published?.port}/tcp`;
  return {
    ...sandboxProcess({ rules: request.rules, place, resolverUid }),
    name: sandboxName(owner, role),
    Image: image,
    Labels: {
      ...request.labels,
      ...ownerLabels(maker, owner, "sandbox"),
      [Label.SpecHash]: request.hash,
      [DockerLabel.Candidate]: String(role === "candidate"),
      [SandboxLabel.Gateways]: place.network.gateways.join(" "),
    },
    ...(published && { ExposedPorts: { [port]: {} } }),
    HostConfig: {
      ...SANDBOX_HOST_CONFIG,
      NetworkMode: network,
      ...(published && {
        PortBindings: { [port]: [{ HostIp: bindAddress, HostPort: String(published.hostPort) }] },
      }),
    },
  };
}

/** The process of a sandbox: what its entry script loads is in its environment. */
export function sandboxProcess({
  rules,
  place,
  resolverUid,
}: Pick<SandboxRequest, "rules"> & { place: Place; resolverUid: number }): Pick<
  Docker.ContainerCreateOptions,
  "Env" | "StopSignal"
> {
  const allowed = readAllowList(rules.egress);
  const { upstreams, addressHoldSeconds } = place;
  const [front = "", exact = "", below = ""] = resolverConfigs({
    egress: rules.egress,
    allowed,
    upstreams,
    addressHoldSeconds,
  });
  return {
    Env: [
      `RESOLVER_UID=${resolverUid}`,
      `HOLD_SECONDS=${addressHoldSeconds}`,
      ...pieces("RULES", ruleset({ rules, allowed, place, resolverUid })),
      ...pieces("RESOLVER", front),
      ...pieces("EXACT", exact),
      ...pieces("BELOW", below),
      ...pieces("FLUSH_A", flushCommands("a", allowed)),
      ...pieces("FLUSH_B", flushCommands("b", allowed)),
    ],
    // There is nothing to wait for, and an Engine that stops must not.
    StopSignal: "SIGKILL",
  };
}

/** NET_ADMIN loads rules, KILL ends the resolver with what empties its sets, the others let the resolver give up being root. */
export const SANDBOX_HOST_CONFIG = {
  ...LIMITS,
  RestartPolicy: { Name: "no" },
  ReadonlyRootfs: true,
  Tmpfs: { "/run": "rw,noexec,nosuid,nodev,size=4m,mode=755" },
  CapDrop: ["ALL"],
  CapAdd: ["NET_ADMIN", "SETUID", "SETGID", "KILL"],
  SecurityOpt: ["no-new-privileges"],
  Privileged: false,
  IpcMode: "private",
  LogConfig: { Type: "json-file", Config: { "max-size": "1m", "max-file": "1" } },
} satisfies Docker.HostConfig;

function pieces(name: string, text: string): string[] {
  const count = Math.ceil(text.length / PIECE_LENGTH);
  return Array.from({ length: count }, (_, index) => {
    const piece = text.slice(index * PIECE_LENGTH, (index + 1) * PIECE_LENGTH);
    return `${name}_${index}=${piece}`;
  });
}

/**
 * Pure. Whether a sandbox is connected to another network than the one that its rules were made for: one of the same name
 * that was made anew with other addresses. False for one that does not run.
 */
export function isElsewhere({ Config, NetworkSettings }: Docker.ContainerInspectInfo, network: string): boolean {
  const made = (Config.Labels?.[SandboxLabel.Gateways] ?? "").split(" ").filter((gateway) => gateway !== "");
  const now = NetworkSettings.Networks?.[network]?.Gateway;
  return made.length > 0 && Boolean(now) && !made.includes(now ?? "");
}
