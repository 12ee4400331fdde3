import {
  checkAll,
  type Field,
  FieldError,
  integer,
  type JsonObject,
  list,
  object,
  oneOf,
  optional,
  type ReadOptions,
  readFields,
  required,
  text,
  type Values,
  withDefault,
} from "../fields/field.ts";
import { gitUrl } from "../fields/git-url.ts";
import { imageReference } from "../fields/image-reference.ts";
import { dottedName, keyName, mebibyte, workName } from "../fields/names.ts";

type BuildParam =
  | { readonly type: "literal"; readonly name: string; readonly value: string }
  | {
      readonly type: "config_map_key_reference" | "secret_key_reference";
      readonly name: string;
      readonly key: string;
      readonly reference: string;
    };

const paramType = oneOf("literal", "config_map_key_reference", "secret_key_reference");

const buildParam: Field<BuildParam> = object((members, at) => {
  const type = required(paramType)(members.type, `${at}.type`);
  const name = required(keyName)(members.name, `${at}.name`);
  if (type === "literal") return { type, name, value: required(mebibyte)(members.value, `${at}.value`) };
  const key = required(keyName)(members.key, `${at}.key`);
  return { type, name, key, reference: required(dottedName)(members.reference, `${at}.reference`) };
});

const shortText = text({ min: 1, max: 253 });

/** What builds and build runs say alike. */
const fields = {
  output_image: required(imageReference),
  output_secret: required(dottedName),
  strategy_type: required(oneOf("dockerfile", "buildpacks")),
  strategy_size: withDefault(oneOf("small", "medium", "large", "xlarge", "xxlarge"), "medium"),
  strategy_spec_file: withDefault(shortText, "Dockerfile"),
  source_type: withDefault(oneOf("git", "local"), "git"),
  source_url: optional(gitUrl),
  source_revision: optional(shortText),
  source_context_dir: optional(shortText),
  source_secret: optional(dottedName),
  timeout: withDefault(integer(1, 3600), 600),
  run_build_params: withDefault(list(buildParam), []),
};

export type BuildSpec = Values<typeof fields>;

/** @throws {ApiError} 400 */
export function readBuildName(body: JsonObject): string {
  return readFields({ name: required(workName) }, body).name;
}

/** A run without a name gets one. @throws {ApiError} 400 */
export function readRunHead(body: JsonObject) {
  const head = {
    name: optional(workName),
    build_name: optional(workName),
    service_account: withDefault(oneOf("default", "manager", "none", "reader", "writer"), "default"),
  };
  return readFields(head, body);
}

/** @throws {ApiError} 400 */
export function readBuildSpec(body: JsonObject, options: ReadOptions): BuildSpec {
  const spec = readFields(fields, body, { ...options, others: ["name", "build_name", "service_account"] });
  checkAll(() => checkSource(spec));
  return spec;
}

function checkSource({ source_type, source_url, source_revision, source_context_dir, source_secret }: BuildSpec): void {
  if (source_type === "git") {
    if (source_url === undefined)
      throw new FieldError("source_url", "source_url is required where source_type is git.");
    return;
  }
  const members = Object.entries({ source_url, source_revision, source_context_dir, source_secret });
  const [name] = members.find(([, value]) => value !== undefined) ?? [];
  if (name !== undefined) throw new FieldError(name, `${name} must be absent where source_type is local.`);
}
