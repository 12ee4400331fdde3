import type { GuardrailCapabilities, GuardrailFeature, Support } from "../../guardrails/capabilities.ts";
import type { EngineFacts } from "./engine/engine-facts.ts";
import type { SandboxSupport } from "./sandbox/sandbox.ts";

export interface EnforcementFacts {
  readonly engine: Pick<
    EngineFacts,
    | "cpuLimits"
    | "memoryLimits"
    | "swapLimits"
    | "pidsLimits"
    | "seccomp"
    | "seccompDefault"
    | "appArmor"
    | "cgroupVersion"
    | "rootless"
  >;
  readonly sandbox: SandboxSupport;
  /** Loaded on the Engine's machine, as far as is known. */
  readonly appArmorProfiles: readonly string[];
}

/** Pure. What an Engine can enforce of a GuardrailProfile, and how. */
export function guardrailCapabilities({ engine, sandbox, appArmorProfiles }: EnforcementFacts): GuardrailCapabilities {
  return {
    features: { ...network(sandbox), ...BY_EVERY_ENGINE, ...limits(engine), ...seccomp(engine), ...appArmor(engine) },
    appArmorProfiles: engine.appArmor ? appArmorProfiles : [],
  };
}

type Features<Prefix extends string> = Record<Extract<GuardrailFeature, Prefix | `${Prefix}.${string}`>, Support>;

function network(sandbox: SandboxSupport): Features<"network"> {
  if (sandbox.kind === "unsupported") return withoutSandbox(sandbox.reason);
  // What fails now keeps its workloads from starting, so that nothing of theirs is open.
  const now =
    sandbox.kind === "failing" ? `; sandboxes fail at present, and nothing starts without: ${sandbox.reason}` : "";
  const by = (how: string): Support => enforced(`${how}${now}`);
  return {
    "network.closedEgress": by(
      "its sandbox drops what is not allowed to leave, IPv4 and IPv6, and refuses every other DNS query",
    ),
    "network.allowedNames": by(
      "its sandbox resolves only these names and opens their addresses for as long as it answers with them; what shares an address with an allowed name is reachable, too",
    ),
    "network.allowedRanges": by("its sandbox lets packets pass to these ranges"),
    "network.allowedPorts": by("its sandbox lets TCP and UDP pass to this port of the host"),
    "network.ingressPorts": by("its sandbox takes connections to these ports only"),
    "network.closedIngress": by("its sandbox takes no connection, and no port is published"),
  };
}

function withoutSandbox(reason: string): Features<"network"> {
  const none = notEnforced(`the Engine cannot run network sandboxes: ${reason}`);
  const open =
    "programs on the Engine's machine reach every port of the container, since the Engine cannot run network sandboxes";
  return {
    "network.closedEgress": none,
    "network.allowedNames": none,
    "network.allowedRanges": none,
    "network.allowedPorts": none,
    "network.ingressPorts": partial(`only the server's own port is published; ${open}: ${reason}`),
    "network.closedIngress": partial(`no port is published; ${open}: ${reason}`),
  };
}

const BY_EVERY_ENGINE: Features<"filesystem" | "capabilities" | "runAsNonRoot"> = {
  "filesystem.readOnlyRoot": enforced(
    "the Engine mounts the image read-only; /dev and /dev/shm stay small writable memory, as in every container",
  ),
  "filesystem.allowedMounts": enforced("a deployment that mounts elsewhere is refused, and nothing else is mounted"),
  "capabilities.dropAll": enforced("the container has none but those that are added, and cannot gain any"),
  "capabilities.add": enforced("the container has these, unless its network is restricted and they lead past that"),
  runAsNonRoot: enforced(
    "an image whose user is root, or not known to the image, is refused, and no process can gain privileges",
  ),
};

function limits(engine: EnforcementFacts["engine"]): Features<"resources"> {
  const groups = `control groups version ${engine.cgroupVersion}`;
  const lacking = (what: string): Support => {
    const why = engine.rootless ? "; a rootless Engine needs control groups version 2 with delegation" : "";
    return notEnforced(`the kernel or the Engine has no limit of ${what} in its control groups${why}`);
  };
  const memory = engine.swapLimits
    ? enforced(`memory and swap together, by ${groups}`)
    : partial(
        "the kernel does not count swap, so that a workload may have as much swap again (boot with swapaccount=1)",
      );
  return {
    "resources.maxCpu": engine.cpuLimits ? enforced(`CPU time, by ${groups}`) : lacking("CPU time"),
    "resources.maxMemory": engine.memoryLimits ? memory : lacking("memory"),
    "resources.maxPids": engine.pidsLimits ? enforced(`processes and threads, by ${groups}`) : lacking("processes"),
  };
}

function seccomp(engine: EnforcementFacts["engine"]): Features<"seccomp"> {
  const none = notEnforced("the Engine or its kernel has no seccomp");
  const byDefault =
    engine.seccompDefault === "unconfined"
      ? notEnforced("the Engine's own filter is switched off (seccomp-profile of its configuration is unconfined)")
      : enforced(`the Engine's own filter (${engine.seccompDefault})`);
  return {
    "seccomp.RuntimeDefault": engine.seccomp ? byDefault : none,
    "seccomp.Unconfined": enforced("no filter is asked for, and there is none"),
    "seccomp.ConfigMap": engine.seccomp ? enforced("the Engine loads the filter that the ConfigMap holds") : none,
  };
}

function appArmor(engine: EnforcementFacts["engine"]): Features<"appArmor"> {
  const absent = "the Engine's machine has no AppArmor";
  return {
    "appArmor.RuntimeDefault": engine.appArmor
      ? enforced("the Engine's own profile, docker-default")
      : partial(`${absent}: there is nothing to confine with; the other guardrails hold without it`),
    "appArmor.Unconfined": enforced("no profile is asked for, and there is none"),
    "appArmor.Localhost": engine.appArmor
      ? enforced("the profile of that name, where it is loaded on the Engine's machine")
      : notEnforced(`${absent}, so that the profile cannot be loaded`),
  };
}

function enforced(reason: string): Support {
  return { enforcement: "Enforced", reason };
}

function partial(reason: string): Support {
  return { enforcement: "Partial", reason };
}

function notEnforced(reason: string): Support {
  return { enforcement: "NotEnforced", reason };
}
