import { expect, it } from "@jest/globals";
import { outputOf } from "./output.ts";

it.each([
  { repository: "us.icr.io/team/files", key: "us.icr.io", server: "us.icr.io", full: "us.icr.io/team/files" },
  {
    repository: "docker.io/team/files",
    key: "https://index.docker.io/v1/",
    server: "https://index.docker.io/v1/",
    full: "docker.io/team/files",
  },
  { repository: "team/files", key: "docker.io", server: "https://index.docker.io/v1/", full: "docker.io/team/files" },
])("pushes to $repository as its registry knows it", ({ repository, key, server, full }) => {
  const dockerConfig = JSON.stringify({ auths: { [key]: { username: "u", password: "p" } } });
  const output = outputOf({ key: "key", push: { repository, dockerConfig } });
  expect(output).toEqual({
    repository: full,
    reference: expect.stringMatching(/^[^:]+:slipway-[0-9a-f]{12}$/),
    credentials: { server, username: "u", password: "p" },
  });
});

it("takes no identity tokens, and does not show them", () => {
  const dockerConfig = JSON.stringify({ auths: { "us.icr.io": { identitytoken: "nobody-sees-it" } } });
  const push = { repository: "us.icr.io/team/files", dockerConfig };
  const work = () => outputOf({ key: "key", push });
  expect(work).toThrow("identity token");
  expect(work).not.toThrow("nobody-sees-it");
});
