import { expect, it } from "@jest/globals";
import { dockerSection } from "./docker-section.ts";

it("is what the API makes of an empty section where there is none", () => {
  expect(dockerSection(undefined)).toEqual({
    host: "unix:///var/run/docker.sock",
    publish: { bindAddress: "127.0.0.1" },
    sandbox: { addressHoldSeconds: 60 },
    defaultLimits: { cpu: "500m", memory: "512Mi", pids: 100 },
    orphanCollection: { enabled: true, intervalHours: 24 },
  });
});

it("is what it is where there is one", () => {
  const section = { ...dockerSection(undefined), host: "tcp://127.0.0.1:2375" };
  expect(dockerSection(section)).toBe(section);
});

it("is another each time, so that nobody changes it for others", () => {
  expect(dockerSection(undefined)).not.toBe(dockerSection(undefined));
});
