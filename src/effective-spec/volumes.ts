import { memoryBytes } from "../api/quantity.ts";
import { Reason } from "../api/v1alpha1/conditions.ts";
import type { RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";
import { isAtOrBelow, normalPath } from "../guardrails/container-path.ts";
import type { Guardrails } from "../guardrails/guardrails.ts";
import { parseField } from "../guardrails/parse-field.ts";
import { TerminalError } from "../machinery/errors.ts";

export type Volume = { readonly name: string; readonly path: string; readonly readOnly: boolean } & (
  | { readonly kind: "volume"; readonly retain: boolean }
  | { readonly kind: "tmpfs"; readonly sizeBytes: number }
  | { readonly kind: "secret" | "configMap"; readonly objectName: string }
  | { readonly kind: "hostPath"; readonly hostPath: string }
);

/** As the schema promises for a tmpfs without `sizeLimit`. */
const DEFAULT_TMPFS = "64Mi";

/** Begins the names of promised volumes; with the slash behind it no name of a deployment's volume does. */
const PROMISED = "slipway-";

/** Pure. @throws {TerminalError} `InvalidSpec`, naming the field. */
export function parseVolumes(volumes: RuntimeDeploymentSpec["volumes"] = []): readonly Volume[] {
  return volumes.map(volume);
}

/**
 * Pure. What a profile promises to be writable though the root is not: a tmpfs at each allowed path that no volume is mounted
 * at or above. Their names hold the path and its slash, which no volume of a deployment can.
 */
export function promisedVolumes({ filesystem }: Guardrails, volumes: readonly Volume[]): readonly Volume[] {
  const { readOnlyRoot, allowedMounts = [] } = filesystem;
  if (!readOnlyRoot) return [];
  return allowedMounts
    .filter((allowed) => allowed !== "/" && !volumes.some(({ path }) => isAtOrBelow(allowed, path)))
    .map((path) => ({
      name: `${PROMISED}${path}`,
      path,
      readOnly: false,
      kind: "tmpfs",
      sizeBytes: memoryBytes(DEFAULT_TMPFS),
    }));
}

/** Whether it is there because the profile promises it, and not because the deployment has it. */
export function isPromised({ name }: Pick<Volume, "name">): boolean {
  return name.startsWith(`${PROMISED}/`);
}

function volume(given: NonNullable<RuntimeDeploymentSpec["volumes"]>[number]): Volume {
  const { name, readOnly } = given;
  const path = parseField(`spec.volumes[${name}].mountPath`, given.mountPath, normalPath);
  if (given.volume) return { name, path, readOnly, kind: "volume", retain: given.volume.retain };
  if (given.tmpfs) {
    const field = `spec.volumes[${name}].tmpfs.sizeLimit`;
    const sizeBytes = parseField(field, given.tmpfs.sizeLimit ?? DEFAULT_TMPFS, memoryBytes);
    return { name, path, readOnly, kind: "tmpfs", sizeBytes };
  }
  if (given.secret) return { name, path, readOnly: true, kind: "secret", objectName: given.secret.name };
  if (given.configMap) return { name, path, readOnly: true, kind: "configMap", objectName: given.configMap.name };
  if (given.hostPath) return { name, path, readOnly, kind: "hostPath", hostPath: given.hostPath.path };
  throw new TerminalError(
    Reason.InvalidSpec,
    `spec.volumes[${name}]: has no kind; set one of volume, tmpfs, configMap, secret, hostPath`,
  );
}
