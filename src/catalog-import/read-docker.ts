import type { DockerContainer, DockerVolume } from "./catalog.ts";
import type { FieldReader } from "./field-reader.ts";
import type { SettingReader } from "./read-settings.ts";

/** `runtime` of type docker, but for its `env_file`. Undefined where it cannot be read; the problems are noted. */
export function readDocker(fields: FieldReader, settings: SettingReader): DockerContainer | undefined {
  const image = settings.plain(fields, "image", "required");
  const containerName = settings.plain(fields, "container_name");
  const network = settings.plain(fields, "network");
  const volumes = fields.texts("volumes").flatMap((text, at) => {
    const volume = volumeOf(text);
    if (typeof volume !== "string") return [volume];
    fields.refuse(["volumes", at], volume);
    return [];
  });
  const cpu = settings.plain(fields, "cpus");
  if (cpu !== undefined && !/^\d{1,4}(\.\d{1,3})?$/.test(cpu)) {
    fields.refuse("cpus", 'must be a number of cores in quotes, for example "0.5"');
  }
  const memory = settings.plain(fields, "memory");
  const quantity = memory === undefined ? undefined : kubernetesMemory(memory);
  if (memory !== undefined && quantity === undefined) {
    fields.refuse("memory", "must be a number with one of b, k, m and g behind it, for example 512m");
  }
  if (network !== undefined && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/.test(network)) {
    fields.refuse("network", "is no name of a Docker network");
  }
  return image === undefined
    ? undefined
    : { type: "docker", image, containerName, network, volumes, cpu, memory: quantity };
}

/** Pure. Docker's `m` is 1024 × 1024 bytes; that of Kubernetes is a thousandth of one. Undefined where it is neither. */
export function kubernetesMemory(text: string): string | undefined {
  const [, number, suffix = ""] = /^(\d{1,15})([bkmg]?)b?$/i.exec(text) ?? [];
  if (number === undefined) return undefined;
  const unit = { b: "", k: "Ki", m: "Mi", g: "Gi" }[suffix.toLowerCase()] ?? "";
  return `${BigInt(number)}${unit}`;
}

/** What is wrong with it is answered as text. */
function volumeOf(text: string): DockerVolume | string {
  const [hostPath = "", mountPath = "", option, ...rest] = text.split(":");
  if (rest.length > 0 || mountPath === "") return "must be /host/path:/container/path, with :ro behind it or not";
  if (option !== undefined && option !== "ro" && option !== "rw") {
    return `the option ${JSON.stringify(option.slice(0, 32))} has no counterpart here; only ro and rw have`;
  }
  if (!hostPath.startsWith("/")) {
    return "must begin with an absolute path; volumes that have names, and paths beside this file, have no counterpart here";
  }
  if (!mountPath.startsWith("/")) return "must have an absolute path in the container";
  return { hostPath, mountPath, readOnly: option === "ro" };
}
