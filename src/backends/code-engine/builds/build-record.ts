import type { Owner } from "../../backend.ts";
import { fromJson } from "../client/json-text.ts";
import type { ConfigMap } from "../client/resources/config.ts";
import type { Maker } from "../workloads/marks.ts";

const VERSION = "1";

/** Pure. Data of the config map that is there before the secrets of an owner's builds, and goes after them. */
export function encodeBuildRecord(maker: Maker, owner: Owner): Record<string, string> {
  return { version: VERSION, builds: JSON.stringify({ maker, owner }) };
}

/** Pure. Whose builds these are; undefined for a config map that says no such thing, or another maker's. */
export function ownerOfBuilds({ data = {} }: Pick<ConfigMap, "data">, maker: Maker): Owner | undefined {
  if (data.version !== VERSION || data.builds === undefined) return undefined;
  const found = fromJson(data.builds) as { maker?: Partial<Maker>; owner?: Partial<Owner> } | null | undefined;
  const { uid, namespace, name } = found?.owner ?? {};
  if (found?.maker?.installation !== maker.installation || found.maker.backend !== maker.backend) return undefined;
  const texts = [uid, namespace, name];
  return texts.every((text) => typeof text === "string") ? ({ uid, namespace, name } as Owner) : undefined;
}
