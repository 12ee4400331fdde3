import { describe, expect, it } from "@jest/globals";
import { emulatedWorld } from "../support/code-engine/emulated-world.ts";
import { DESTINATION_REASONS, DOMAIN_MAPPING_REASONS } from "../support/code-engine/failures.ts";

const STEP_MS = 1_000;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

describe("projects", () => {
  it("are made in steps", async () => {
    await using w = await emulatedWorld();
    const { status, body } = await w.client.post("/projects", { name: "new" });
    expect(status).toBe(202);
    expect(body).toEqual({
      id: expect.stringMatching(ID),
      name: "new",
      href: `${w.emulator.apiUrl}/projects/${body.id}`,
      created_at: "2026-01-01T00:00:00Z",
      account_id: expect.any(String),
      region: "us-south",
      resource_group_id: expect.stringMatching(/^\w{32}$/),
      resource_type: "project_v2",
      crn: `crn:v1:bluemix:public:codeengine:us-south:a/${body.account_id}:${body.id}::`,
      status: "creating",
    });
    const path = `/projects/${body.id}`;
    const app = { name: "files", image_reference: "icr.io/a/b" };
    expect((await w.client.post(`${path}/apps`, app)).status).toBe(409);
    await w.clock.advance(STEP_MS);
    expect((await w.client.get(path)).body.status).toBe("preparing");
    await w.clock.advance(STEP_MS);
    expect((await w.client.get(path)).body.status).toBe("active");
    expect((await w.client.post(`${path}/apps`, app)).status).toBe(201);
  });

  it("are deleted softly, count until they are gone, and serve nothing", async () => {
    await using w = await emulatedWorld({ quotas: { projects: 1 } });
    expect((await w.client.delete(w.home)).status).toBe(202);
    expect((await w.client.get(w.home)).body.status).toBe("deleting");
    expect((await w.client.get(`${w.home}/apps`)).status).toBe(409);
    await w.clock.advance(STEP_MS);
    expect((await w.client.get(w.home)).body.status).toBe("soft_deleted");
    expect((await w.client.post("/projects", { name: "new" })).body.errors).toMatchObject([{ code: "quota_exceeded" }]);
    await w.clock.advance(7 * 24 * 3_600_000);
    w.client.renew();
    expect((await w.client.get(w.home)).body.status).toBe("hard_deleting");
    await w.clock.advance(STEP_MS);
    expect((await w.client.get(w.home)).status).toBe(404);
    expect((await w.client.post("/projects", { name: "new" })).status).toBe(202);
  });

  it("fail on demand", async () => {
    await using w = await emulatedWorld();
    w.emulator.failures.add({ kind: "project", name: "bad", reason: "creation_failed" });
    w.emulator.failures.add({ kind: "project", name: "test", reason: "deletion_failed" });
    const { body } = await w.client.post("/projects", { name: "bad" });
    await w.client.delete(w.home);
    await w.clock.advance(5 * STEP_MS);
    expect((await w.client.get(`/projects/${body.id}`)).body.status).toBe("creation_failed");
    expect((await w.client.get(w.home)).body.status).toBe("deletion_failed");
  });

  it("may have equal names", async () => {
    await using w = await emulatedWorld();
    const resourceGroupId = "f".repeat(32);
    w.emulator.createProject({ name: "test", resourceGroupId });
    const { projects } = (await w.client.get("/projects")).body as { projects: { name: string }[] };
    expect(projects.map(({ name }) => name)).toEqual(["test", "test"]);
  });

  it.each(["", "a/b", "x".repeat(129), undefined])("are not called %s", async (name) => {
    await using w = await emulatedWorld();
    expect((await w.client.post("/projects", { name })).status).toBe(400);
  });

  it.each(["A b-c._:1", "Ünïcode"])("may be called %s", async (name) => {
    await using w = await emulatedWorld();
    expect((await w.client.post("/projects", { name })).status).toBe(202);
  });

  it("have details and addresses", async () => {
    await using w = await emulatedWorld();
    expect(await w.read("/status_details")).toEqual({
      project: "enabled",
      domain: "ready",
      vpe: "ready",
      cbr: {
        data_plane: {
          enforcement: "none",
          inbound_public: "allowed",
          inbound_private: "allowed",
          last_synced_at: expect.any(String),
        },
      },
    });
    expect(await w.read("/egress_ips")).toEqual({ public: expect.any(Array), private: expect.any(Array) });
  });
});

describe("secrets and config maps", () => {
  it("show a secret's values where one is read, and not in lists", async () => {
    await using w = await emulatedWorld();
    const data = { token: "geheim" };
    const { body } = await w.client.post(`${w.home}/secrets`, { name: "s", format: "generic", data });
    expect(await w.read("/secrets/s")).toEqual(body);
    const { secrets } = (await w.read("/secrets")) as { secrets: object[] };
    expect(secrets).toEqual([expect.not.objectContaining({ data: expect.anything() })]);
    expect(JSON.stringify(secrets)).not.toContain("geheim");
  });

  it("list secrets by format", async () => {
    await using w = await emulatedWorld();
    await w.client.post(`${w.home}/secrets`, { name: "a", format: "generic" });
    await w.client.post(`${w.home}/secrets`, {
      name: "b",
      format: "basic_auth",
      data: { username: "u", password: "p" },
    });
    expect((await w.read("/secrets?format=basic_auth")).secrets).toMatchObject([{ name: "b" }]);
  });

  it.each([
    {
      path: "/secrets",
      made: { name: "x", format: "generic", data: { a: "1" } },
      put: { format: "generic", data: { b: "2" } },
    },
    { path: "/config_maps", made: { name: "x", data: { a: "1" } }, put: { data: { b: "2" } } },
  ])("replace all of $path, with If-Match", async ({ path, made, put }) => {
    await using w = await emulatedWorld();
    const { body, headers } = await w.client.post(`${w.home}${path}`, made);
    const [one, ifMatch] = [`${w.home}${path}/x`, String(body.entity_tag)];
    expect(headers.get("etag")).toBe(`"${ifMatch}"`);
    expect((await w.client.put(one, put)).body.errors).toMatchObject([{ code: "missing_header" }]);
    const replaced = await w.client.put(one, put, { ifMatch });
    expect(replaced).toMatchObject({ status: 200, body: { data: { b: "2" } } });
    expect(replaced.body.data).not.toHaveProperty("a");
    expect((await w.client.put(one, put, { ifMatch })).status).toBe(412);
    expect((await w.client.patch(one, put, { ifMatch: "*" })).status).toBe(405);
    expect((await w.client.delete(one)).status).toBe(202);
    expect((await w.client.get(one)).status).toBe(200);
    expect((await w.client.post(`${w.home}${path}`, made)).status).toBe(409);
    await w.clock.advance(STEP_MS);
    expect((await w.client.get(one)).status).toBe(404);
  });

  it("keep a secret's format", async () => {
    await using w = await emulatedWorld();
    await w.client.post(`${w.home}/secrets`, { name: "s", format: "generic" });
    const put = { format: "tls", data: { tls_cert: "c", tls_key: "k" } };
    expect((await w.client.put(`${w.home}/secrets/s`, put, { ifMatch: "*" })).status).toBe(400);
    expect((await w.client.put(`${w.home}/secrets/s`, { data: {} }, { ifMatch: "*" })).status).toBe(400);
  });

  it("have quotas", async () => {
    await using w = await emulatedWorld({ quotas: { secrets: 1, configMaps: 0 } });
    await w.client.post(`${w.home}/secrets`, { name: "a", format: "generic" });
    const second = await w.client.post(`${w.home}/secrets`, { name: "b", format: "generic" });
    expect(second).toMatchObject({ status: 400, body: { errors: [{ code: "quota_exceeded" }] } });
    expect((await w.client.post(`${w.home}/config_maps`, { name: "b" })).status).toBe(400);
  });
});

describe("outbound destinations", () => {
  const rule = (name: string, cidr_block: string) => ({ type: "cidr_block", name, cidr_block });

  async function withRules(...rules: object[]) {
    const w = await emulatedWorld();
    const path = `${w.home}/allowed_outbound_destinations`;
    const [first, ...others] = rules;
    if (first) await w.client.patch(`${path}/allow-all`, first, { ifMatch: "*" });
    for (const other of others) await w.client.post(path, other);
    const names = async () =>
      ((await w.client.get(path)).body.allowed_outbound_destinations as { name: string }[]).map(({ name }) => name);
    return { ...w, path, names };
  }

  it("begin with the one that opens everything; the list needs no version", async () => {
    await using w = await withRules();
    const { status, body } = await w.client.get(w.path, { version: null });
    expect(status).toBe(200);
    expect(body.allowed_outbound_destinations).toEqual([
      {
        id: expect.stringMatching(ID),
        href: expect.any(String),
        created_at: expect.any(String),
        project_id: w.project.id,
        region: "us-south",
        resource_type: "allowed_outbound_destination_v2",
        ...rule("allow-all", "0.0.0.0/0"),
        entity_tag: expect.any(String),
        status: "deploying",
        status_details: { reason: "deploying" },
      },
    ]);
    await w.clock.advance(STEP_MS);
    expect((await w.client.get(`${w.path}/allow-all`)).body).toMatchObject({ status: "ready" });
  });

  it("refuse what is covered already, so nothing goes beside the one that opens everything", async () => {
    await using w = await withRules();
    expect((await w.client.post(w.path, rule("narrow", "192.0.2.0/24"))).status).toBe(400);
    const narrowed = await w.client.patch(
      `${w.path}/allow-all`,
      { type: "cidr_block", cidr_block: "192.0.2.0/24" },
      { ifMatch: "*" },
    );
    expect(narrowed).toMatchObject({ status: 200, body: { cidr_block: "192.0.2.0/24", status: "deploying" } });
    expect((await w.client.post(w.path, rule("same", "192.0.2.0/24"))).status).toBe(400);
    expect((await w.client.post(w.path, rule("within", "192.0.2.8/32"))).status).toBe(400);
    expect((await w.client.post(w.path, rule("beside", "198.51.100.7/32"))).status).toBe(201);
    expect((await w.client.post(w.path, rule("beside", "203.0.113.0/24"))).status).toBe(409);
    expect(await w.names()).toEqual(["allow-all", "beside"]);
  });

  it("lose all others to the one that opens everything", async () => {
    await using w = await withRules({ type: "cidr_block", cidr_block: "192.0.2.0/24" }, rule("b", "198.51.100.0/24"));
    expect((await w.client.post(w.path, rule("everything", "0.0.0.0/0"))).status).toBe(201);
    expect(await w.names()).toEqual(["everything"]);
  });

  it("can all be deleted", async () => {
    await using w = await withRules();
    expect((await w.client.delete(`${w.path}/allow-all`)).status).toBe(202);
    await w.clock.advance(STEP_MS);
    expect(await w.names()).toEqual([]);
  });

  it.each(["192.0.2.0", "192.0.2.0/33", "256.0.0.0/8", "::/0", "a.example/32", "1.1.1.1/1/1"])(
    "are no %s",
    async (cidr_block) => {
      await using w = await withRules({ type: "cidr_block", cidr_block: "203.0.113.0/24" });
      const { status, body } = await w.client.post(w.path, rule("bad", cidr_block));
      expect(status).toBe(400);
      expect(body.errors).toMatchObject([{ target: { name: "cidr_block" } }]);
    },
  );

  it.each(DESTINATION_REASONS)("fail with %s", async (reason) => {
    await using w = await withRules();
    w.emulator.failures.add({ kind: "destination", name: "gateway", reason });
    await w.client.post(w.path, {
      type: "private_path_service_gateway",
      name: "gateway",
      private_path_service_gateway_crn: "crn:v1:bluemix:public:is:us-south:a/1::private-path-service-gateway:r1",
      isolation_policy: "dedicated",
    });
    await w.clock.advance(STEP_MS);
    expect((await w.client.get(`${w.path}/gateway`)).body).toMatchObject({
      status: "failed",
      isolation_policy: "dedicated",
      status_details: { reason, endpoint_gateway: {}, private_path_service_gateway: {} },
    });
  });
});

describe("domain mappings", () => {
  const component = { resource_type: "app_v2", name: "files" };
  const mapping = { name: "mcp.example.com", component, tls_secret: "tls" };

  it("lead to an application", async () => {
    await using w = await emulatedWorld();
    await w.client.post(`${w.home}/apps`, { name: "files", image_reference: "icr.io/a/b" });
    const { status, body } = await w.client.post(`${w.home}/domain_mappings`, mapping);
    expect(status).toBe(201);
    expect(body).toMatchObject({
      resource_type: "domain_mapping_v2",
      cname_target: `custom.${w.project.subdomain}.us-south.codeengine.appdomain.cloud`,
      user_managed: true,
      visibility: "custom",
      status: "deploying",
    });
    await w.clock.advance(STEP_MS);
    expect(await w.read("/domain_mappings/mcp.example.com")).toMatchObject({
      status: "ready",
      status_details: { reason: "ready" },
    });
  });

  it("fail without one", async () => {
    await using w = await emulatedWorld();
    await w.client.post(`${w.home}/domain_mappings`, mapping);
    await w.clock.advance(STEP_MS);
    expect(await w.read("/domain_mappings/mcp.example.com")).toMatchObject({
      status: "failed",
      status_details: { reason: "app_ref_failed" },
    });
  });

  it.each(DOMAIN_MAPPING_REASONS)("fail with %s", async (reason) => {
    await using w = await emulatedWorld();
    w.emulator.failures.add({ kind: "domain-mapping", name: "mcp.example.com", reason });
    await w.client.post(`${w.home}/domain_mappings`, mapping);
    await w.clock.advance(STEP_MS);
    expect(await w.read("/domain_mappings/mcp.example.com")).toMatchObject({ status_details: { reason } });
  });

  it("are unique in the region, and need a dot", async () => {
    await using w = await emulatedWorld();
    const other = w.emulator.createProject({ name: "other" });
    await w.client.post(`${w.home}/domain_mappings`, mapping);
    expect((await w.client.post(`/projects/${other.id}/domain_mappings`, mapping)).status).toBe(409);
    expect((await w.client.post(`${w.home}/domain_mappings`, { ...mapping, name: "example" })).status).toBe(400);
  });
});

describe("data stores", () => {
  it("name a bucket", async () => {
    await using w = await emulatedWorld();
    const data = { bucket_location: "us-south", bucket_name: "b", secret_name: "s" };
    const store = { name: "store", storage_type: "object_storage", data };
    const { status, body } = await w.client.post(`${w.home}/persistent_data_stores`, store);
    expect(status).toBe(201);
    expect(body).toMatchObject({ ...store, resource_type: "persistent_data_store_v2" });
    expect((await w.read("/persistent_data_stores")).persistent_data_stores).toHaveLength(1);
    const patched = await w.client.patch(`${w.home}/persistent_data_stores/store`, {}, { ifMatch: "*" });
    expect(patched.status).toBe(405);
  });
});
