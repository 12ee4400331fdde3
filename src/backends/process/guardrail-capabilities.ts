import type { GuardrailCapabilities, GuardrailFeature, Support } from "../../guardrails/capabilities.ts";

export interface EnforcementFacts {
  /** Undefined: bubblewrap confines. Else why it does not, and the remedy. */
  readonly noSandbox: string | undefined;
  /** Whether each workload has a user of its own; else all run as Slipway's, which is not root. */
  readonly ownUsers: boolean;
  /** Whether the number of a user's processes is kept. */
  readonly limitsProcesses: boolean;
  /** Whether no program gives a workload without a sandbox privileges that it lacks. */
  readonly keepsPrivileges: boolean;
}

/** Pure. What this machine can enforce of a GuardrailProfile for processes, and how. */
export function guardrailCapabilities(facts: EnforcementFacts): GuardrailCapabilities {
  const confined = facts.noSandbox === undefined;
  return {
    features: { ...NETWORK, ...filesystem(facts), ...privileges(facts), ...limits(facts), ...LINUX_SECURITY },
    appArmorProfiles: [],
    ...(confined && { withoutNetwork: WITHOUT_NETWORK }),
  };
}

type Features<Prefix extends string> = Record<Extract<GuardrailFeature, Prefix | `${Prefix}.${string}`>, Support>;

const SHARED = "a process that listens has the network of this machine";
const OPEN = notEnforced(
  `${SHARED}; only a server of stdio whose egress is closed has none, where bubblewrap is installed`,
);
const NO_FILTER = notEnforced("a process has the network of this machine, which Slipway does not filter");

const NETWORK: Features<"network"> = {
  "network.closedEgress": OPEN,
  "network.allowedNames": NO_FILTER,
  "network.allowedRanges": NO_FILTER,
  "network.allowedPorts": NO_FILTER,
  "network.ingressPorts": notEnforced("a process can listen on any port of this machine that is free"),
  "network.closedIngress": notEnforced("a process can listen on any port of this machine that is free"),
};

const NONE = enforced("bubblewrap gives it a network of its own that leads nowhere; MCP is spoken over its pipes");
const WITHOUT_NETWORK = {
  "network.closedEgress": NONE,
  "network.ingressPorts": NONE,
  "network.closedIngress": NONE,
} satisfies NonNullable<GuardrailCapabilities["withoutNetwork"]>;

function filesystem({ noSandbox }: EnforcementFacts): Features<"filesystem"> {
  return {
    "filesystem.readOnlyRoot":
      noSandbox === undefined
        ? enforced(
            "bubblewrap makes the files of this machine read-only; its own folder and its own /tmp stay writable",
          )
        : notEnforced(`a process can write what its user may write on this machine; ${noSandbox}`),
    "filesystem.allowedMounts": partial(
      "nothing is mounted, and a deployment with volumes is refused; but a process reads what its user may read on this machine",
    ),
  };
}

function privileges({
  noSandbox,
  ownUsers,
  keepsPrivileges,
}: EnforcementFacts): Features<"capabilities" | "runAsNonRoot"> {
  const user = ownUsers ? "a user of its own" : "the user of Slipway, which is not root";
  const none = `it runs as ${user} and has no capabilities`;
  const gains =
    "programs of this machine with a set-user-ID bit could give it some; install util-linux with setpriv, or bubblewrap";
  return {
    "capabilities.dropAll":
      noSandbox === undefined || keepsPrivileges
        ? enforced(`${none}, and no program can give it any`)
        : partial(`${none}; ${gains}`),
    "capabilities.add": notEnforced("a process of an unprivileged user has no capabilities, and gets none"),
    runAsNonRoot: enforced(`it runs as ${user}`),
  };
}

function limits({ limitsProcesses, ownUsers }: EnforcementFacts): Features<"resources"> {
  const why = ownUsers
    ? "prlimit of util-linux is not installed"
    : "the kernel counts by user, and it has none of its own";
  return {
    "resources.maxCpu": notEnforced("CPU time of a process is not limited: control groups are not Slipway's to write"),
    "resources.maxMemory": notEnforced("memory of a process is not limited: control groups are not Slipway's to write"),
    "resources.maxPids": limitsProcesses
      ? enforced("processes and threads of its own user, by RLIMIT_NPROC")
      : notEnforced(`the number of processes is not limited: ${why}`),
  };
}

const LINUX_SECURITY: Features<"seccomp" | "appArmor"> = {
  "seccomp.RuntimeDefault": notEnforced("a process has no seccomp filter"),
  "seccomp.Unconfined": enforced("no filter is asked for, and there is none"),
  "seccomp.ConfigMap": notEnforced("a process has no seccomp filter"),
  "appArmor.RuntimeDefault": notEnforced("a process has no AppArmor profile of Slipway's"),
  "appArmor.Unconfined": enforced("no profile is asked for, and there is none"),
  "appArmor.Localhost": notEnforced("a process gets no AppArmor profile"),
};

function enforced(reason: string): Support {
  return { enforcement: "Enforced", reason };
}

function partial(reason: string): Support {
  return { enforcement: "Partial", reason };
}

function notEnforced(reason: string): Support {
  return { enforcement: "NotEnforced", reason };
}
