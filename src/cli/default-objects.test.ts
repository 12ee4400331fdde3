import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { stringify } from "yaml";
import { eventually } from "../../test/support/eventually.ts";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { ApiError, type KubeClient, type Patch } from "../machinery/client.ts";
import { DefaultObjects, readDefaults } from "./default-objects.ts";

let directory: string;
let clock: FakeClock;
let log: ReturnType<typeof recordingLogger>;
let stop: AbortController;
let ended: Promise<void>;
/** Names of what was applied, and what is refused. */
let applied: { readonly name: string; readonly patch: Patch }[];
let refused: Map<string, string>;
let isJudged: boolean;

const client = {
  async patch(_type: unknown, { name }: { name: string }, patch: Patch) {
    const message = refused.get(name);
    const failure = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", code: 403 } as const;
    if (message !== undefined) throw new ApiError({ ...failure, message, reason: "Forbidden" });
    applied.push({ name, patch });
  },
} as unknown as KubeClient;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "slipway-defaults-"));
  clock = new FakeClock();
  log = recordingLogger();
  stop = new AbortController();
  applied = [];
  refused = new Map();
  isJudged = true;
  ended = Promise.resolve();
});
afterEach(async () => {
  stop.abort();
  await ended;
  rmSync(directory, { recursive: true });
});

const object = (kind: string, name: string, spec: object = {}) => ({
  ...{ apiVersion: "slipway.dev/v1alpha1", kind, metadata: { name } },
  spec,
});
const write = (...objects: readonly object[]) =>
  writeFileSync(join(directory, "defaults.yaml"), objects.map((each) => stringify(each)).join("---\n"));

async function run(): Promise<void> {
  const manifests = await readDefaults(directory);
  const parts = { client, clock, logger: log.logger, path: directory, manifests, isJudged: () => isJudged };
  ended = new DefaultObjects(parts).run(stop.signal);
}

const until = (what: string, isSo: () => boolean) =>
  eventually(
    what,
    async () => {
      await clock.advance(1_000);
      return isSo();
    },
    { everyMs: 10 },
  );
const names = () => applied.map(({ name }) => name);
const errors = () => log.lines.filter(({ level }) => level === "error").map(({ message }) => message);

describe("defaults", () => {
  it("are applied server-side once the webhook answers, and once", async () => {
    write(object("RuntimeBackend", "docker"), object("GuardrailProfile", "team"), object("ApprovalPolicy", "all"));
    isJudged = false;
    await run();
    await clock.advance(5_000);
    expect(names()).toEqual([]);
    isJudged = true;
    await until("all are applied", () => applied.length === 3);
    await clock.advance(60_000);
    expect(names()).toEqual(["docker", "team", "all"]);
    expect(applied[0]?.patch).toMatchObject({ type: "apply", fieldManager: "slipway-defaults", force: true });
  });

  it("that are refused hold up no other, are told once for each reason, and are tried until they are taken", async () => {
    write(object("ApprovalPolicy", "bad"), object("RuntimeBackend", "good"));
    refused.set("bad", "no one answers");
    await run();
    await until("the other is applied", () => names().includes("good"));
    await clock.advance(300_000);
    refused.set("bad", "approvers: nobody");
    await until("it is told", () => errors().length === 2);
    expect(errors()).toEqual([
      "default not applied, tried again: ApprovalPolicy bad: no one answers",
      "default not applied, tried again: ApprovalPolicy bad: approvers: nobody",
    ]);
    refused.clear();
    await until("it is taken", () => names().includes("bad"));
    expect(names()).toEqual(["good", "bad"]);
  });

  it("are applied again when their files change", async () => {
    write(object("RuntimeBackend", "docker", { type: "docker" }));
    await run();
    await until("it is applied", () => applied.length === 1);
    write(object("RuntimeBackend", "docker", { type: "docker", default: true }));
    await until("it is applied again", () => applied.length === 2);
    expect(applied[1]?.patch.body).toMatchObject({ spec: { default: true } });
  });

  it.each([
    { because: "cannot be read", text: "a: [", want: /left as they were: -f: .*defaults\.yaml, document 1/ },
    { because: "have other kinds", text: stringify(object("RuntimeDeployment", "x")), want: /RuntimeDeployment x/ },
  ])("stay as they were while their files $because", async ({ text, want }) => {
    write(object("RuntimeBackend", "docker"));
    await run();
    await until("it is applied", () => applied.length === 1);
    writeFileSync(join(directory, "defaults.yaml"), text);
    await until("it is told", () => errors().length > 0);
    await clock.advance(60_000);
    expect(errors()).toEqual([expect.stringMatching(want)]);
    write(object("RuntimeBackend", "docker", { type: "remote" }));
    await until("it goes on", () => applied.length === 2);
  });

  it("of other kinds are refused by name before anything starts", async () => {
    write(object("RuntimeBackend", "docker"), object("RuntimeDeployment", "files"), { ...secret });
    await expect(readDefaults(directory)).rejects.toMatchObject({
      name: "UsageError",
      message: expect.stringMatching(
        /only RuntimeBackend, .*\n.*document 2: RuntimeDeployment files\n.*: Secret key$/s,
      ),
    });
  });
});

const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "key" } };
