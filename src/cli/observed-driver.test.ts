import { expect, it } from "@jest/globals";
import type { FullBackend } from "../backends/backend.ts";
import type { BackendDriver } from "../controllers/backend-driver.ts";
import { TransientError } from "../machinery/errors.ts";
import { NO_TRACES } from "../machinery/tracer.ts";
import { observedDrivers } from "./observed-driver.ts";

/** As backends are: with state that only its own methods reach. */
class Place {
  readonly #id = "c1";
  async observe(): Promise<string[]> {
    return [this.#id];
  }
  async start(): Promise<never> {
    throw new TransientError("BackendUnavailable", "it is away; look after it");
  }
  admit(): string {
    return this.#id;
  }
}

it("tells of calls and how they ended, and changes nothing of what the backend is", async () => {
  const told: string[] = [];
  const driver = { settings: () => ({}), create: () => new Place() } as unknown as BackendDriver;
  const { docker } = observedDrivers(
    { docker: driver },
    { tracer: NO_TRACES, called: ({ type, method, result }) => told.push(`${type} ${method} ${result}`) },
  );
  const args = [{}, [], undefined] as unknown as Parameters<BackendDriver["create"]>;
  const backend = docker?.create(...args) as FullBackend & Place;
  expect(await backend.observe()).toEqual(["c1"]);
  await expect(backend.start()).rejects.toThrow("it is away");
  expect(backend.admit()).toBe("c1");
  expect(backend.update).toBeUndefined();
  expect(backend.observe).toBe(backend.observe);
  expect(told).toEqual(["docker observe Success", "docker start BackendUnavailable"]);
});
