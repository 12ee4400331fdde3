import { Reason } from "../../api/v1alpha1/conditions.ts";
import { leadsPastNetwork } from "../../guardrails/confinement.ts";
import { TerminalError } from "../../machinery/errors.ts";
import type { AdmissionRequest } from "../backend.ts";

/** Begins the names of mounts that a profile promises and no deployment asks for. */
const PROMISED = "slipway-/";

/**
 * Pure. Refuses what no process can have. What a guardrail asks for and a process does not get is no matter of this: its profile
 * says whether that is refused. @throws {TerminalError} naming the field.
 */
export function admitProcess({ imageReference, program, mounts, confinement }: AdmissionRequest): void {
  if (imageReference !== undefined || !program || program.kind === "remote") {
    const message = "spec.source: local processes run source.package and source.process; choose another backend";
    throw new TerminalError(Reason.SourceNotSupported, message);
  }
  const asked = mounts.find(({ name }) => !name.startsWith(PROMISED));
  if (asked) {
    const message = `spec.volumes[${asked.name}]: a local process has no mounts; give it values by env, and files by a path of this machine, or choose a backend of containers`;
    throw new TerminalError(Reason.VolumeNotAllowed, message);
  }
  const escapes = confinement.network ? confinement.capabilities.add.filter(leadsPastNetwork) : [];
  if (escapes.length > 0) {
    const message = `capabilities.add: ${escapes.join(", ")} leads past the rules of a restricted network; leave it out of capabilities.add, or let the profile restrict nothing about the network`;
    throw new TerminalError(Reason.InvalidSpec, message);
  }
}
