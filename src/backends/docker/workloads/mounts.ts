import type Docker from "dockerode";
import { Label } from "../../../api/labels.ts";
import type { Mount, Owner, WorkloadSpec } from "../../backend.ts";
import { DockerLabel, type Maker, ownerLabels } from "./object-labels.ts";
import { filesVolumeName, volumeName } from "./object-names.ts";

/** Mounts as the Engine wants them: some as structures, tmpfs (whose structure knows no `noexec`) as a map. */
export interface EngineMounts {
  readonly Mounts: Docker.MountSettings[];
  readonly Tmpfs: Record<string, string>;
}

/**
 * Pure. Volumes are made by the Engine along with the container, with these labels.
 * @param uid whose a tmpfs is: runc gives it the mode that the directory has in the image, and 0755 from the second start on.
 */
export function engineMounts(
  spec: Pick<WorkloadSpec, "owner" | "hash" | "mounts">,
  uid: number,
  maker: Maker,
): EngineMounts {
  const Mounts: Docker.MountSettings[] = [];
  const Tmpfs: Record<string, string> = {};
  for (const mount of spec.mounts) {
    switch (mount.kind) {
      case "volume":
        Mounts.push(ownVolume(spec.owner, mount, maker));
        break;
      case "files":
        Mounts.push(filesVolume({ ...spec, mount, target: mount.path, readOnly: true }, maker));
        break;
      case "hostPath":
        Mounts.push({
          Type: "bind",
          Source: mount.hostPath,
          Target: mount.path,
          ReadOnly: mount.readOnly,
          // Mounts made below the path on either side stay there.
          BindOptions: { Propagation: "rprivate" },
        });
        break;
      case "tmpfs": {
        const access = mount.readOnly ? "ro" : "rw";
        Tmpfs[mount.path] = `${access},noexec,nosuid,nodev,size=${mount.sizeBytes},uid=${uid}`;
        break;
      }
      default:
        mount satisfies never;
    }
  }
  return { Mounts, Tmpfs };
}

/** A volume that keeps what the image has at its path, with owner and mode, so that a server without root can write. */
function ownVolume(owner: Owner, mount: Mount & { kind: "volume" }, maker: Maker): Docker.MountSettings {
  const labels = { ...ownerLabels(maker, owner, "volume"), [DockerLabel.Retain]: String(mount.retain) };
  return {
    Type: "volume",
    Source: volumeName(owner, mount.name),
    Target: mount.path,
    ReadOnly: mount.readOnly,
    VolumeOptions: { NoCopy: false, Labels: labels, DriverConfig: { Name: "local", Options: {} } },
  };
}

/** The volume that holds the files of one mount, wherever it is mounted: in the workload, or where they are written. */
export function filesVolume(
  use: { owner: Owner; hash: string; mount: { name: string }; target: string; readOnly: boolean },
  maker: Maker,
): Docker.MountSettings {
  const labels = {
    ...ownerLabels(maker, use.owner, "volume"),
    [Label.SpecHash]: use.hash,
    [DockerLabel.Retain]: "false",
  };
  return {
    Type: "volume",
    Source: filesVolumeName(use.owner, use.mount.name, use.hash),
    Target: use.target,
    ReadOnly: use.readOnly,
    // What the image has at this path does not shine through.
    VolumeOptions: { NoCopy: true, Labels: labels, DriverConfig: { Name: "local", Options: {} } },
  };
}
