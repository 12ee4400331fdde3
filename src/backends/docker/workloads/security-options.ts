import type Docker from "dockerode";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { type Confinement, leadsPastNetwork } from "../../../guardrails/confinement.ts";
import { DEFAULT_CAPABILITIES } from "../../../guardrails/held-capabilities.ts";
import { TerminalError } from "../../../machinery/errors.ts";
import { seccompProfile } from "./seccomp-profile.ts";

/** What an Engine has to confine processes with. */
export interface Confiners {
  readonly seccomp: boolean;
  readonly appArmor: boolean;
  /** AppArmor profiles that are loaded on its machine, as far as is known. */
  readonly appArmorProfiles: readonly string[];
}

/** Only what a container would have: an Engine refuses to drop what is newer than itself, such as BPF for 20.10. */
const DROPPED_WITH_RESTRICTED_NETWORK = DEFAULT_CAPABILITIES.filter(leadsPastNetwork);

/**
 * Pure. Refuses what no container may have, whoever asks: the domain's rules come first, these hold where they fail.
 * @throws {TerminalError} `InvalidSpec`
 */
export function admitConfinement({ network, capabilities, seccomp }: Confinement): void {
  const escapes = network ? capabilities.add.filter(leadsPastNetwork) : [];
  if (escapes.length > 0) {
    const remedy = "leave it out of capabilities.add, or let the profile restrict nothing about the network";
    throw new TerminalError(
      Reason.InvalidSpec,
      `capabilities.add: ${escapes.join(", ")} leads past the rules of a restricted network; ${remedy}`,
    );
  }
  if (seccomp.kind === "profile") seccompProfile(seccomp.json);
}

/**
 * Pure. What the Engine is asked for. What it has no means for is left out: its capabilities tell that this is not enforced.
 * No process gains a privilege that its parent lacks, whatever a profile says.
 * @throws {TerminalError} as `admitConfinement`.
 */
export function securityOptions(
  confinement: Confinement,
  confiners: Confiners,
): Pick<Docker.HostConfig, "ReadonlyRootfs" | "CapAdd" | "CapDrop" | "SecurityOpt"> {
  admitConfinement(confinement);
  const { network, capabilities, readOnlyRoot } = confinement;
  return {
    ReadonlyRootfs: readOnlyRoot,
    CapDrop: capabilities.dropAll ? ["ALL"] : network ? DROPPED_WITH_RESTRICTED_NETWORK : [],
    CapAdd: [...capabilities.add],
    SecurityOpt: [
      "no-new-privileges",
      ...seccompOption(confinement, confiners),
      ...appArmorOption(confinement, confiners),
    ],
  };
}

function seccompOption({ seccomp }: Confinement, confiners: Confiners): string[] {
  if (!confiners.seccomp) return [];
  switch (seccomp.kind) {
    case "default":
      return [];
    case "unconfined":
      return ["seccomp=unconfined"];
    case "profile":
      return [`seccomp=${seccompProfile(seccomp.json)}`];
    default:
      return seccomp satisfies never;
  }
}

/** A profile that is not loaded would keep the container from starting; the Engine's own is better than none. */
function appArmorOption({ appArmor }: Confinement, confiners: Confiners): string[] {
  if (!confiners.appArmor) return [];
  switch (appArmor.kind) {
    case "default":
      return [];
    case "unconfined":
      return ["apparmor=unconfined"];
    case "profile":
      return confiners.appArmorProfiles.includes(appArmor.name) ? [`apparmor=${appArmor.name}`] : [];
    default:
      return appArmor satisfies never;
  }
}
