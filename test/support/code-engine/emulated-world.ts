import { FakeClock } from "../fake-clock.ts";
import { CodeEngineEmulator, type EmulatorOptions } from "./emulator.ts";
import type { JsonObject } from "./fields/field.ts";
import type { Role } from "./iam/api-keys.ts";
import { PlainClient } from "./plain-client.ts";

/** An emulator whose time stands, with one project and a client that may do everything. */
export async function emulatedWorld(options: EmulatorOptions = {}) {
  const clock = new FakeClock();
  const emulator = await CodeEngineEmulator.start({ clock, ...options });
  const client = new PlainClient(emulator.handlers, emulator.createApiKey());
  const project = emulator.createProject({ name: "test" });
  const home = `/projects/${project.id}`;
  return {
    clock,
    emulator,
    client,
    project,
    /** The project's path. */
    home,
    /** A client with these roles only. */
    as: (...roles: Role[]) => new PlainClient(emulator.handlers, emulator.createApiKey({ roles })),
    /** What GET answers below the project. */
    async read(path: string): Promise<JsonObject> {
      return (await client.get(`${home}${path}`)).body;
    },
    [Symbol.asyncDispose]: () => emulator[Symbol.asyncDispose](),
  };
}

export const SAMPLE_APP = { name: "files", image_reference: "icr.io/team/files:1" };

/** That world with `SAMPLE_APP` in it, and `spec` in its place where both say something. */
export async function withApp(spec: object = {}, options: EmulatorOptions = {}) {
  const w = await emulatedWorld(options);
  const { status, body } = await w.client.post(`${w.home}/apps`, { ...SAMPLE_APP, ...spec });
  return {
    ...w,
    created: { status, body },
    app: () => w.read("/apps/files"),
    revisions: async () => (await w.read("/apps/files/revisions")).revisions as Record<string, never>[],
    instances: async () => (await w.read("/apps/files/instances")).instances as Record<string, never>[],
    patch: (patch: object) => w.client.patch(`${w.home}/apps/files`, patch, { ifMatch: "*" }),
  };
}
