import { type Field, flag, object, oneOf, optional, required, withDefault } from "../fields/field.ts";
import { dottedName } from "../fields/names.ts";
import { mountPath, subPath } from "../fields/paths.ts";

/** One entry of `run_volume_mounts`. */
export interface VolumeMount {
  readonly type: "config_map" | "secret" | "persistent_data_store";
  readonly reference: string;
  readonly mount_path: string;
  readonly sub_path: string | undefined;
  readonly read_only: boolean;
}

const type = withDefault(oneOf("config_map", "secret", "persistent_data_store"), "secret");
const subPathField = optional(subPath);
const readOnly = withDefault(flag, true);

export const volumeMount: Field<VolumeMount> = object((members, at) => {
  const kind = type(members.type, `${at}.type`);
  return {
    type: kind,
    reference: required(dottedName)(members.reference, `${at}.reference`),
    mount_path: required(mountPath)(members.mount_path, `${at}.mount_path`),
    sub_path: subPathField(members.sub_path, `${at}.sub_path`),
    // Only data stores can be written to.
    read_only: readOnly(members.read_only, `${at}.read_only`) || kind !== "persistent_data_store",
  };
});
