import type { DockerConfig } from "../docker-config.ts";
import type { EngineAddress } from "../engine/engine-address.ts";

/**
 * Pure. Host name or address under which the controller reaches published ports: what the administrator says, else what
 * they are bound to; where that means "all", the machine of the Engine.
 */
export function dialHost(
  { advertiseAddress, bindAddress }: DockerConfig["spec"]["publish"],
  engine: EngineAddress,
): string {
  if (advertiseAddress) return advertiseAddress;
  if (bindAddress !== "0.0.0.0" && bindAddress !== "::") return bindAddress;
  if (engine.kind === "tcp") return engine.host;
  return bindAddress === "::" ? "::1" : "127.0.0.1";
}
