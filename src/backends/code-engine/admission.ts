import { Reason } from "../../api/v1alpha1/conditions.ts";
import { TerminalError } from "../../machinery/errors.ts";
import type { AdmissionRequest, Mount } from "../backend.ts";
import { admitImage } from "../images/allowed-registries.ts";
import { imageReferenceTrouble } from "./client/rules/image-reference.ts";
import { mountPathTrouble } from "./client/rules/mount-path.ts";
import { keyTrouble } from "./client/rules/names.ts";

/** Ports of what Code Engine puts beside the container. @see https://cloud.ibm.com/docs/codeengine */
const RESERVED_PORTS: readonly number[] = [8008, 8012, 8022, 9090, 9091, 15090];
/** A server may ask for it to open a port below 1024; it gets one that it need not open with a privilege. */
const HARMLESS = "NET_BIND_SERVICE";
/** So many variables come from one secret or config map; one that is larger is no set of variables. */
const MAX_VALUE_BYTES = 1024 * 1024;

/** Pure. @throws {TerminalError} for what Code Engine cannot run, naming field, value and remedy. */
export function admit(request: AdmissionRequest, allowedRegistries: readonly string[]): void {
  const { imageReference, port, restartPolicy, mounts, env, confinement } = request;
  if (imageReference !== undefined) admitImage(imageReference, allowedRegistries);
  const trouble = imageReference === undefined ? undefined : imageReferenceTrouble(imageReference);
  if (trouble !== undefined) throw invalid(`spec.source.image.reference: ${JSON.stringify(imageReference)} ${trouble}`);
  if (RESERVED_PORTS.includes(port))
    throw invalid(
      `spec.transport.port: ${port} is reserved on Code Engine, as ${RESERVED_PORTS.join(", ")} are; use another`,
    );
  if (restartPolicy !== "Always")
    throw invalid(
      `spec.restartPolicy: "${restartPolicy}": Code Engine starts again whatever ends; use Always, or another backend`,
    );
  for (const [name, value] of Object.entries(env)) {
    const wrong =
      keyTrouble(name) ?? (Buffer.byteLength(value) > MAX_VALUE_BYTES ? "has a value above 1 MiB" : undefined);
    if (wrong !== undefined) throw invalid(`spec.env: ${name} ${wrong}`);
  }
  for (const mount of mounts) admitMount(mount);
  admitConfinement(confinement, port);
}

/** Pure. Whether a mount stands for a path that the profile promises to be writable: here all of the root is. */
export function isPromised({ kind, name }: Mount): boolean {
  // No volume of a deployment can have a slash in its name.
  return kind === "tmpfs" && name.includes("/");
}

function admitMount(mount: Mount): void {
  if (isPromised(mount)) return;
  const { name, path, kind } = mount;
  if (kind !== "files")
    throw new TerminalError(
      Reason.VolumeNotAllowed,
      `spec.volumes[${name}]: Code Engine has no ${KINDS[kind]}; it mounts Secrets and ConfigMaps only. Take it out, or use another backend`,
    );
  const trouble = mountPathTrouble(path);
  if (trouble !== undefined) throw invalid(`spec.volumes[${name}].mountPath: ${path} ${trouble}`);
  for (const [key, content] of Object.entries(mount.files)) {
    if (content.byteLength > MAX_VALUE_BYTES) throw invalid(`spec.volumes[${name}]: the file ${key} is above 1 MiB`);
    if (!isText(content))
      throw invalid(`spec.volumes[${name}]: the file ${key} is no UTF-8 text, and Code Engine mounts nothing else`);
  }
}

const KINDS = { volume: "volumes of a deployment's own", tmpfs: "tmpfs", hostPath: "host paths" } as const;

function isText(content: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(content);
    return true;
  } catch {
    return false;
  }
}

function admitConfinement({ capabilities, network, seccomp }: AdmissionRequest["confinement"], port: number): void {
  const added = capabilities.add.filter((name) => name !== HARMLESS);
  if (added.length > 0)
    throw invalid(
      `capabilities.add: ${added.join(", ")}: Code Engine adds no capabilities; take them out of the GuardrailProfile, or use another backend`,
    );
  const more = network?.ingressPorts.filter((each) => each !== port) ?? [];
  if (more.length > 0)
    throw invalid(
      `network.ingressPorts: ${more.join(", ")}: Code Engine publishes the transport's port ${port} only; take them out, or use another backend`,
    );
  if (seccomp.kind === "profile")
    throw invalid("seccomp: Code Engine loads no profiles of its users; use RuntimeDefault, or another backend");
}

function invalid(message: string): TerminalError {
  return new TerminalError(Reason.InvalidSpec, message);
}
