import type Docker from "dockerode";
import { RESOLVER } from "./addresses.ts";
import { ESCAPE } from "./image.ts";
import { Inside } from "./inside.ts";

type HostConfig = Docker.HostConfig;

/** What a control lacks, and how its container differs for it from the confined one. */
const WITHOUT = {
  /** On the bridge, as a container is without a sandbox. */
  network: (config: HostConfig, network: string) => ({ ...config, NetworkMode: network, Dns: [RESOLVER.v4] }),
  readOnlyRoot: (config: HostConfig) => ({ ...config, ReadonlyRootfs: false }),
  seccomp: (config: HostConfig) => withSecurity(config, "seccomp=unconfined"),
  noNewPrivileges: (config: HostConfig) => withSecurity(config),
  maxPids: (config: HostConfig) => ({ ...config, PidsLimit: 0 }),
  maxMemory: (config: HostConfig) => ({ ...config, Memory: 0, MemorySwap: 0 }),
  maxCpu: (config: HostConfig) => ({ ...config, NanoCpus: 0 }),
  // In the same sandbox: nothing but the capability differs.
  NET_RAW: (config: HostConfig) => withCapability(config, "NET_RAW"),
  NET_ADMIN: (config: HostConfig) => withCapability(config, "NET_ADMIN"),
  SETUID: (config: HostConfig) => withCapability(config, "SETUID"),
  CHOWN: (config: HostConfig) => withCapability(config, "CHOWN"),
  SYS_PTRACE: (config: HostConfig) => withCapability(config, "SYS_PTRACE"),
  // Where there is AppArmor, its default profile refuses mounts as well.
  SYS_ADMIN: (config: HostConfig) => withCapability(withSecurity(config, "apparmor=unconfined"), "SYS_ADMIN"),
} satisfies Record<string, (config: HostConfig, network: string) => HostConfig>;

export type Protection = keyof typeof WITHOUT;

/** TCP ports that the control without a sandbox serves. */
const PORTS = ["8080", "9090"];

/** Containers that are what the Engine shows of a confined workload, each but for one protection. Made when asked for. */
export class Controls implements AsyncDisposable {
  readonly #engine: Docker;
  readonly #model: Docker.Container;
  readonly #network: string;
  readonly #made = new Map<Protection, Promise<Inside>>();

  constructor(engine: Docker, model: Docker.Container, network: string) {
    this.#engine = engine;
    this.#model = model;
    this.#network = network;
  }

  async without(protection: Protection): Promise<Inside> {
    const made = this.#made.get(protection) ?? this.#make(protection);
    this.#made.set(protection, made);
    return await made;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const made of this.#made.values()) {
      const [inside] = await Promise.allSettled([made]);
      if (inside.status === "fulfilled") await inside.value.container.remove({ force: true, v: true });
    }
  }

  async #make(protection: Protection): Promise<Inside> {
    const { Config, HostConfig } = await this.#model.inspect();
    const container = await this.#engine.createContainer({
      Image: Config.Image,
      User: Config.User,
      Env: Config.Env,
      Labels: { "slipway.test/outside": this.#network },
      // The ports of a shared network are the workload's.
      Entrypoint: [ESCAPE, "listen", ...(protection === "network" ? PORTS : ["0"])],
      HostConfig: WITHOUT[protection](confinement(HostConfig), this.#network),
    });
    await container.start();
    return new Inside(container);
  }
}

/** What confines a container; not what publishes, restarts or logs it. */
function confinement(config: HostConfig): HostConfig {
  const { NetworkMode, CapAdd, CapDrop, SecurityOpt, ReadonlyRootfs, Tmpfs, Init, IpcMode } = config;
  const { Memory, MemorySwap, NanoCpus, PidsLimit } = config;
  return {
    ...{ NetworkMode, CapAdd, CapDrop, SecurityOpt, ReadonlyRootfs, Tmpfs, Init, IpcMode },
    ...{ Memory, MemorySwap, NanoCpus, PidsLimit },
  } as HostConfig;
}

function withCapability(config: HostConfig, name: string): HostConfig {
  return { ...config, CapAdd: [...(config.CapAdd ?? []), name] };
}

/** Replaces the option of the same name; without one, no-new-privileges goes. */
function withSecurity(config: HostConfig, option?: string): HostConfig {
  const name = option?.split("=")[0] ?? "no-new-privileges";
  const kept = (config.SecurityOpt ?? []).filter((each: string) => !each.startsWith(name));
  return { ...config, SecurityOpt: [...kept, ...(option === undefined ? [] : [option])] };
}
