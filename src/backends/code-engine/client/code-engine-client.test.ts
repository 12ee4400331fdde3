import { describe, expect, it } from "@jest/globals";
import { failureOf, PROJECT_ID, scriptedCodeEngine } from "../../../../test/support/code-engine-script.ts";
import { CodeEngineClient } from "./code-engine-client.ts";
import { endpointsFor, isLoopback, logsEndpoint } from "./endpoints.ts";

const options = { signal: new AbortController().signal };
const GROUP = "4e49b3e0-27a8-48d2-a784-c7ee48bb863b";

function project(fields: Readonly<Record<string, unknown>>): unknown {
  return { id: PROJECT_ID, name: "tools", region: "us-south", status: "active", resource_group_id: GROUP, ...fields };
}

describe("a project by its name", () => {
  it.each([
    { because: "it is the only one", projects: [project({}), project({ id: "2", name: "other" })] },
    { because: "the other is in another region", projects: [project({}), project({ id: "2", region: "eu-de" })] },
    { because: "the other is deleted", projects: [project({ id: "2", status: "soft_deleted" }), project({})] },
    {
      because: "the other is in another resource group",
      projects: [project({ id: "2", resource_group_id: "g2" }), project({})],
      resourceGroupId: GROUP,
    },
  ])("is found: $because", async ({ projects, resourceGroupId }) => {
    await using world = await scriptedCodeEngine([{ body: { projects } }]);
    const query = { name: "tools", ...(resourceGroupId && { resourceGroupId }) };
    expect(await world.client.resolveProject(query, options)).toMatchObject({ id: PROJECT_ID });
    expect(world.api.last.path).toBe("/v2/projects");
  });

  it("may be on a later page", async () => {
    const first = { body: { projects: [project({ name: "other" })], next: { start: "p2" } } };
    await using world = await scriptedCodeEngine([first, { body: { projects: [project({})] } }]);
    expect(await world.client.resolveProject({ name: "tools" }, options)).toMatchObject({ id: PROJECT_ID });
  });

  it.each([
    { because: "there is none", projects: [], said: /no active one of that name is in us-south$/ },
    {
      because: "it is deleted",
      projects: [project({ status: "soft_deleted" })],
      said: /others of that name are soft_deleted in us-south/,
    },
    { because: "it is elsewhere", projects: [project({ region: "eu-de" })], said: /active in eu-de/ },
  ])("is not found: $because", async ({ projects, said }) => {
    await using world = await scriptedCodeEngine([{ body: { projects } }]);
    const error = await failureOf(world.client.resolveProject({ name: "tools" }, options));
    expect(error).toMatchObject({ kind: "notFound", status: undefined, said: expect.stringMatching(said) });
  });

  it("is not guessed where there are two", async () => {
    await using world = await scriptedCodeEngine([{ body: { projects: [project({}), project({ id: "second" })] } }]);
    const error = await failureOf(world.client.resolveProject({ name: "tools" }, options));
    expect(error).toMatchObject({
      kind: "terminal",
      said: expect.stringMatching(/2 have that name: 15314cc3.*second/),
    });
  });
});

describe("addresses", () => {
  it("are IBM's, public or private", () => {
    expect(endpointsFor({ region: "eu-de" })).toEqual({
      api: "https://api.eu-de.codeengine.cloud.ibm.com/v2",
      iam: "https://iam.cloud.ibm.com",
      proxy: "https://proxy.eu-de.codeengine.cloud.ibm.com",
    });
    expect(endpointsFor({ region: "eu-de", privateNetwork: true })).toMatchObject({
      api: "https://api.private.eu-de.codeengine.cloud.ibm.com/v2",
      iam: "https://private.iam.cloud.ibm.com",
    });
    const instanceId = "1c1c1c1c-2222-3333-4444-555555555555";
    expect(logsEndpoint({ instanceId }, { region: "eu-de", privateNetwork: true })).toBe(
      `https://${instanceId}.api.private.eu-de.logs.cloud.ibm.com`,
    );
  });

  it.each(["evil.example/", "us-south.evil", "US-SOUTH", "", "us-south\n", "us_south"])(
    "have no region %j",
    (region) => {
      expect(() => new CodeEngineClient({ apiKey: "k", region })).toThrow(/is none/);
    },
  );

  it("have no instance that is none", () => {
    expect(() => logsEndpoint({ instanceId: "evil.example/" }, { region: "eu-de" })).toThrow(/GUID/);
  });

  it.each([
    { url: "http://127.0.0.1:8080/v2/", fine: true, because: "it stays on this machine" },
    { url: "http://localhost:8080", fine: true, because: "it stays on this machine" },
    { url: "http://[::1]:8080", fine: true, because: "it stays on this machine" },
    { url: "https://gateway.example", fine: true, because: "it is encrypted" },
    { url: "http://gateway.example", fine: false, because: "the token would be read on its way" },
    { url: "http://127.0.0.1.evil.example", fine: false, because: "it only looks like this machine" },
    { url: "ftp://127.0.0.1", fine: false, because: "it is no http" },
    { url: "https://user:word@gateway.example", fine: false, because: "it holds credentials" },
    { url: "https://gateway.example?x=1", fine: false, because: "it holds a query" },
    { url: "gateway.example", fine: false, because: "it is no URL" },
  ])("may be overridden with $url ($fine): $because", ({ url, fine }) => {
    const make = () => endpointsFor({ region: "us-south", overrides: { iam: url } });
    if (fine) expect(make().iam).toBe(url.replace(/\/$/, ""));
    else expect(make).toThrow(expect.objectContaining({ kind: "terminal", service: "The client" }));
  });

  it("on this machine are told from those that look like it", () => {
    expect(["http://127.9.9.9", "http://localhost", "http://[::1]"].every(isLoopback)).toBe(true);
    expect(["http://128.0.0.1", "http://localhost.example", "http://[::2]"].some(isLoopback)).toBe(false);
  });
});
