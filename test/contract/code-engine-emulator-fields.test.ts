import { describe, expect, it } from "@jest/globals";
import { emulatedWorld } from "../support/code-engine/emulated-world.ts";
import { CPU_MEMORY_PAIRS } from "../support/code-engine/fields/quantities.ts";

const APP = { name: "files", image_reference: "icr.io/team/files:1" };
const DIGEST = `@sha256:${"0aF".repeat(21)}0`;

async function create(path: string, body: object) {
  await using w = await emulatedWorld();
  const { status, body: answer } = await w.client.post(`${w.home}${path}`, body);
  const [error] = (answer.errors ?? []) as { target?: { type: string; name: string } }[];
  return { status, target: error?.target };
}

/** The status, and the member that an error names. */
async function app(spec: object) {
  const { status, target } = await create("/apps", { ...APP, ...spec });
  return status === 400 ? (target?.name ?? "") : status;
}

describe("names of applications", () => {
  it.each(["a", "a1", "a-b", "a".repeat(63)])("take %s", async (name) => {
    expect(await app({ name })).toBe(201);
  });

  it.each(["", "A", "1a", "-a", "a-", "a.b", "a_b", "a".repeat(64), undefined, null, 7])("refuse %s", async (name) => {
    expect(await app({ name })).toBe("name");
  });
});

describe("image references", () => {
  it.each([
    "files",
    "icr.io/team/files",
    "us.icr.io/team/files:1.2.3",
    `ghcr.io/org/image${DIGEST}`,
    `ghcr.io/org/image:Tag_1${DIGEST}`,
    "a.b/c-d/e_f/g/h",
    "x".repeat(256),
  ])("take %s", async (image_reference) => {
    expect(await app({ image_reference })).toBe(201);
  });

  it.each([
    { because: "a registry's port", image_reference: "localhost:5000/x" },
    { because: "upper case", image_reference: "ghcr.io/Org/x" },
    { because: "an empty tag", image_reference: "team/files:" },
    { because: "a digest that is none", image_reference: "team/files@sha256:abc" },
    { because: "another hash", image_reference: `team/files@sha512:${"a".repeat(64)}` },
    { because: "a scheme", image_reference: "https://icr.io/x/y" },
    { because: "two characters", image_reference: "ab" },
    { because: "a slash at the end", image_reference: "icr.io/team/" },
    { because: "too long", image_reference: "x".repeat(257) },
    { because: "a tag of 129 characters", image_reference: `files:${"a".repeat(129)}` },
    { because: "nothing", image_reference: undefined },
  ])("refuse $because", async ({ image_reference }) => {
    expect(await app({ image_reference })).toBe("image_reference");
  });

  it("are judged in time, whatever they are", async () => {
    const before = performance.now();
    expect(await app({ image_reference: `${"a-".repeat(127)}!` })).toBe("image_reference");
    expect(await app({ image_reference: `${"a/".repeat(127)}_` })).toBe("image_reference");
    expect(performance.now() - before).toBeLessThan(2_000);
  });
});

describe("ports", () => {
  it.each([0, 80, 8080, 65_535])("take %i", async (image_port) => {
    expect(await app({ image_port })).toBe(201);
  });

  it.each([8008, 8012, 8022, 9090, 9091, 15_090, -1, 65_536, 80.5, "80"])("refuse %s", async (image_port) => {
    expect(await app({ image_port })).toBe("image_port");
  });
});

describe("CPU and memory", () => {
  const all = CPU_MEMORY_PAIRS.flatMap(([cpu, memories]) => memories.map((memory) => ({ cpu, memory })));

  it("has 27 pairs", () => {
    expect(all).toHaveLength(27);
  });

  it.each(all)("take $cpu vCPU with $memory G", async ({ cpu, memory }) => {
    expect(await app({ scale_cpu_limit: String(cpu), scale_memory_limit: `${memory}G` })).toBe(201);
  });

  it.each([
    { because: "other units", cpu: "250m", memory: "500M" },
    { because: "decimals", cpu: "0.250", memory: "0.5G" },
  ])("take $because", async ({ cpu, memory }) => {
    expect(await app({ scale_cpu_limit: cpu, scale_memory_limit: memory })).toBe(201);
  });

  it.each([
    { because: "no such vCPU", cpu: "3", memory: "12G", want: "scale_cpu_limit" },
    { because: "too little memory", cpu: "1", memory: "1G", want: "scale_memory_limit" },
    { because: "too much memory", cpu: "0.125", memory: "2G", want: "scale_memory_limit" },
    { because: "binary units are another amount", cpu: "1", memory: "4Gi", want: "scale_memory_limit" },
    { because: "no amount", cpu: "one", memory: "4G", want: "scale_cpu_limit" },
    { because: "too long", cpu: "1.00000000000", memory: "4G", want: "scale_cpu_limit" },
  ])("refuse $because", async ({ cpu, memory, want }) => {
    expect(await app({ scale_cpu_limit: cpu, scale_memory_limit: memory })).toBe(want);
  });

  it.each([
    { disk: "400M", memory: "0.25G", cpu: "0.125", want: 201 },
    { disk: "401M", memory: "0.25G", cpu: "0.125", want: "scale_ephemeral_storage_limit" },
    { disk: "4G", memory: "4G", cpu: "1", want: 201 },
    { disk: "5G", memory: "4G", cpu: "1", want: "scale_ephemeral_storage_limit" },
  ])("bound the disk: $disk with $memory", async ({ disk, memory, cpu, want }) => {
    const limits = { scale_cpu_limit: cpu, scale_memory_limit: memory, scale_ephemeral_storage_limit: disk };
    expect(await app(limits)).toBe(want);
  });
});

describe("other members of an application", () => {
  const tooMany = Array.from({ length: 101 }, (_, index) => `a${index}`);
  const mount = { type: "secret", reference: "s" };

  it.each<{ member: string; good: unknown[]; bad: unknown[] }>([
    { member: "managed_domain_mappings", good: ["local_public", "local_private", "local"], bad: ["public", "", 1] },
    { member: "image_secret", good: ["pull", "a.b", null], bad: ["Pull", "a..b", "-a", 1] },
    { member: "run_commands", good: [[], ["sh", "-c"]], bad: ["sh", [1], tooMany] },
    { member: "run_arguments", good: [[], [""]], bad: [{}, tooMany] },
    { member: "run_as_user", good: [0, 1000, 4_294_967_295], bad: [-1, "1000", 1.5] },
    { member: "run_service_account", good: ["default", "manager", "reader", "writer", "none"], bad: ["admin"] },
    { member: "run_compute_resource_token_enabled", good: [true, false], bad: ["true"] },
    { member: "scale_min_instances", good: [0, 10], bad: [-1, 251, 11] },
    { member: "scale_max_instances", good: [0, 1, 250], bad: [-1, 251] },
    { member: "scale_initial_instances", good: [0, 1, 250], bad: [-1, 251] },
    { member: "scale_concurrency", good: [1, 1000], bad: [0, 1001] },
    { member: "scale_concurrency_target", good: [1, 1000], bad: [0, 1001] },
    { member: "scale_request_timeout", good: [1, 600], bad: [0, 601] },
    { member: "scale_down_delay", good: [0, 3600], bad: [-1, 3601] },
    {
      member: "probe_liveness",
      good: [{ type: "tcp" }, { type: "http", path: "/", port: 80 }, {}, null],
      bad: ["tcp"],
    },
    {
      member: "probe_readiness",
      good: [{ interval: 60, timeout: 3600, initial_delay: 10, failure_threshold: 10 }],
      bad: [],
    },
    { member: "run_env_variables", good: [[], [{ name: "A", value: "b" }]], bad: [{}] },
    { member: "run_volume_mounts", good: [[], [{ ...mount, mount_path: "/a" }]], bad: ["/a"] },
  ])("$member", async ({ member, good, bad }) => {
    for (const value of good) expect([value, await app({ [member]: value })]).toEqual([value, 201]);
    for (const value of bad) expect([value, await app({ [member]: value })]).toEqual([value, expectedField(member)]);
  });

  function expectedField(member: string) {
    return expect.stringContaining(member === "scale_max_instances" ? "scale_max" : member);
  }

  it.each([
    { because: "an interval", probe: { interval: 61 }, want: "probe_readiness.interval" },
    { because: "a timeout", probe: { timeout: 0 }, want: "probe_readiness.timeout" },
    { because: "a delay", probe: { initial_delay: 11 }, want: "probe_readiness.initial_delay" },
    { because: "a threshold", probe: { failure_threshold: 11 }, want: "probe_readiness.failure_threshold" },
    { because: "a type", probe: { type: "grpc" }, want: "probe_readiness.type" },
  ])("refuse $because of a probe", async ({ probe, want }) => {
    expect(await app({ probe_readiness: probe })).toBe(want);
  });

  it.each([
    { because: "no name", variable: { type: "literal", value: "x" }, want: "run_env_variables[0].name" },
    { because: "a name with a space", variable: { name: "A B", value: "" }, want: "run_env_variables[0].name" },
    { because: "a value that is no text", variable: { name: "A", value: 1 }, want: "run_env_variables[0].value" },
    { because: "a type", variable: { type: "file", name: "A" }, want: "run_env_variables[0].type" },
    {
      because: "no key",
      variable: { type: "secret_key_reference", name: "A", reference: "s" },
      want: "run_env_variables[0].key",
    },
    { because: "no reference", variable: { type: "secret_full_reference" }, want: "run_env_variables[0].reference" },
  ])("refuse $because of a variable", async ({ variable, want }) => {
    expect(await app({ run_env_variables: [variable] })).toBe(want);
  });

  it.each(["/a", "/a/b", "/a.b/c d", `/${"a".repeat(255)}`])("take the mount path %s", async (mount_path) => {
    expect(await app({ run_volume_mounts: [{ ...mount, mount_path }] })).toBe(201);
  });

  it.each(["/", "", "a", "//a", "/a/", "/a//b", "/a\0", `/${"a".repeat(256)}`])(
    "refuse the mount path %j",
    async (mount_path) => {
      expect(await app({ run_volume_mounts: [{ ...mount, mount_path }] })).toBe("run_volume_mounts[0].mount_path");
    },
  );

  it("are all named that are wrong", async () => {
    await using w = await emulatedWorld();
    const { body } = await w.client.post(`${w.home}/apps`, { ...APP, image_port: 8008, scale_concurrency: 0 });
    const names = (body.errors as { target: { name: string } }[]).map(({ target }) => target.name);
    expect(names.sort()).toEqual(["image_port", "scale_concurrency"]);
  });
});

describe("builds", () => {
  const BUILD = {
    name: "build",
    output_image: "us.icr.io/team/files",
    output_secret: "push",
    strategy_type: "dockerfile",
    source_url: "https://github.com/org/repo",
  };

  it.each([
    "https://github.com/org/repo",
    "https://git.example.com:8443/org/repo.git",
    "git@github.com:org/repo.git",
    "ssh://git@github.com/org/repo",
  ])("take the source %s", async (source_url) => {
    expect((await create("/builds", { ...BUILD, source_url })).status).toBe(201);
  });

  it.each([
    { because: "http", source_url: "http://github.com/org/repo" },
    { because: "credentials", source_url: "https://me:secret@github.com/org/repo" },
    { because: "a slash at the end", source_url: "https://github.com/org/repo/" },
    { because: "no path", source_url: "https://github.com" },
    { because: "another protocol", source_url: "file:///etc/passwd" },
    { because: "a space", source_url: "https://github.com/org/a b" },
    { because: "nothing", source_url: undefined },
  ])("refuse a source with $because", async ({ source_url }) => {
    expect(await create("/builds", { ...BUILD, source_url })).toEqual({
      status: 400,
      target: { type: "field", name: "source_url" },
    });
  });

  it.each([
    { member: "output_image", value: "localhost:5000/x" },
    { member: "output_secret", value: undefined },
    { member: "strategy_type", value: "kaniko" },
    { member: "strategy_size", value: "tiny" },
    { member: "timeout", value: 3601 },
    { member: "timeout", value: 0 },
    { member: "source_type", value: "svn" },
    { member: "name", value: "Build" },
  ])("refuse $member $value", async ({ member, value }) => {
    expect(await create("/builds", { ...BUILD, [member]: value })).toMatchObject({
      status: 400,
      target: { name: member },
    });
  });

  it("of local sources say nothing about git", async () => {
    const { source_url: _, ...local } = { ...BUILD, source_type: "local" };
    expect((await create("/builds", local)).status).toBe(201);
    expect(await create("/builds", { ...local, source_revision: "main" })).toMatchObject({
      target: { name: "source_revision" },
    });
  });
});

describe("secrets", () => {
  it.each([
    { format: "generic", data: { any: "thing" }, type: "secret_generic_v2" },
    { format: "generic", data: undefined, type: "secret_generic_v2" },
    {
      format: "registry",
      data: { server: "icr.io", username: "iamapikey", password: "p" },
      type: "secret_registry_v2",
    },
    { format: "ssh_auth", data: { ssh_key: "k", known_hosts: "h" }, type: "secret_auth_ssh_v2" },
    { format: "basic_auth", data: { username: "u", password: "p" }, type: "secret_basic_auth_v2" },
    { format: "tls", data: { tls_cert: "c", tls_key: "k" }, type: "secret_tls_v2" },
    { format: "hmac_auth", data: { access_key_id: "a", secret_access_key: "s" }, type: "secret_hmac_auth_v2" },
    { format: "service_access", data: {}, type: "secret_service_access_v2" },
    { format: "service_operator", data: {}, type: "secret_operator_v2" },
    { format: "other", data: {}, type: "secret_other_v2" },
  ])("of format $format are $type", async ({ format, data, type }) => {
    await using w = await emulatedWorld();
    const { status, body } = await w.client.post(`${w.home}/secrets`, { name: "s", format, data });
    expect(status).toBe(201);
    expect(body).toMatchObject({ resource_type: type, format, data: data ?? {}, generated_by: "user" });
  });

  it.each([
    { because: "no format", secret: { name: "s" }, want: "format" },
    { because: "an unknown format", secret: { name: "s", format: "opaque" }, want: "format" },
    {
      because: "a registry without a password",
      secret: { name: "s", format: "registry", data: { server: "icr.io", username: "u" } },
      want: "data.password",
    },
    {
      because: "a member that the format has not",
      secret: { name: "s", format: "basic_auth", data: { username: "u", password: "p", realm: "r" } },
      want: "data.realm",
    },
    { because: "a key", secret: { name: "s", format: "generic", data: { "a/b": "c" } }, want: "data.a/b" },
    {
      because: "a key that is a folder",
      secret: { name: "s", format: "generic", data: { "..": "c" } },
      want: "data...",
    },
    { because: "a value", secret: { name: "s", format: "generic", data: { a: 1 } }, want: "data.a" },
    {
      because: "a value of more than a mebibyte",
      secret: { name: "s", format: "generic", data: { a: "x".repeat(1024 * 1024 + 1) } },
      want: "data.a",
    },
    { because: "a name", secret: { name: "S", format: "generic" }, want: "name" },
  ])("refuse $because", async ({ secret, want }) => {
    expect(await create("/secrets", secret)).toEqual({ status: 400, target: { type: "field", name: want } });
  });
});
