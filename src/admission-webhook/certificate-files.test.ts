import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { eventually } from "../../test/support/eventually.ts";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import {
  type CertificateAndKey,
  createAuthority,
  createServerCertificate,
} from "../machinery/certificate-authority.ts";
import { CertificateFiles } from "./certificate-files.ts";

const DAY_MS = 86_400_000;

let directory: string;
let clock: FakeClock;
let log: ReturnType<typeof recordingLogger>;
let taken: CertificateAndKey[];
let files: CertificateFiles;
let stop: AbortController;
let ended: Promise<void>;
let age = 0;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "slipway-certificates-"));
  clock = new FakeClock();
  log = recordingLogger();
  taken = [];
  stop = new AbortController();
  files = new CertificateFiles({ directory, clock, logger: log.logger }, (each) => taken.push(each));
});
afterEach(async () => {
  stop.abort();
  await ended;
  rmSync(directory, { recursive: true });
});

const run = () => {
  ended = files.run(stop.signal);
};
const until = (what: string, isSo: () => boolean) =>
  eventually(
    what,
    async () => {
      await clock.advance(10_000);
      return isSo();
    },
    { everyMs: 10 },
  );
const errors = () => log.lines.filter(({ level }) => level === "error").map(({ message }) => message);

async function certificate(days = 1): Promise<CertificateAndKey> {
  const now = clock.now();
  const notAfter = new Date(now.getTime() + days * DAY_MS);
  const authority = await createAuthority({ name: "ca", now, notAfter });
  return createServerCertificate({ authority, name: "a", hosts: ["a.test"], now, notAfter });
}

/** As the kubelet does it: a folder of its own, and one link that is changed at once. */
function mount({ certificatePem, keyPem }: CertificateAndKey): void {
  age += 1;
  const data = `..age-${age}`;
  mkdirSync(join(directory, data));
  writeFileSync(join(directory, data, "tls.crt"), certificatePem);
  writeFileSync(join(directory, data, "tls.key"), keyPem);
  symlinkSync(data, join(directory, "..tmp"));
  renameSync(join(directory, "..tmp"), join(directory, "..data"));
  if (age > 1 && taken.length > 0) return;
  for (const name of ["tls.crt", "tls.key"]) symlinkSync(join("..data", name), join(directory, name));
}

it("is served from the start, and another as soon as the link is changed", async () => {
  const [first, second] = [await certificate(), await certificate()];
  mount(first);
  run();
  await until("the first is served", () => files.isReady());
  await clock.advance(60_000);
  mount(second);
  await until("the second is served", () => taken.length === 2);
  expect(taken).toMatchObject([first, second]);
  expect(errors()).toEqual([]);
});

it("is waited for", async () => {
  run();
  await until("it is told", () => errors().length > 0);
  expect([files.isReady(), errors()]).toEqual([false, [expect.stringMatching(/ENOENT.*; nothing is served until/)]]);
  const later = await certificate();
  writeFileSync(join(directory, "tls.crt"), later.certificatePem);
  writeFileSync(join(directory, "tls.key"), later.keyPem);
  await until("it is served", () => files.isReady());
});

it.each<{ because: string; change: (now: CertificateAndKey) => Promise<Partial<CertificateAndKey>> }>([
  { because: "the certificate is no PEM that can be read", change: async () => ({ certificatePem: "garbage" }) },
  { because: "the key is no PEM that can be read", change: async () => ({ keyPem: "garbage" }) },
  { because: "the key is not the certificate's", change: async () => ({ keyPem: (await certificate()).keyPem }) },
  { because: "the certificate ended at", change: async () => certificate(-1) },
])("is kept while files cannot be used, which is told once: $because", async ({ because, change }) => {
  const good = await certificate();
  mount(good);
  run();
  await until("it is served", () => files.isReady());
  mount({ ...good, ...(await change(good)) });
  await until("it is told", () => errors().length > 0);
  await clock.advance(60_000);
  expect(errors()).toEqual([expect.stringContaining(because)]);
  expect(errors()[0]).toContain("; the former goes on");
  expect(taken).toHaveLength(1);
  const better = await certificate();
  mount(better);
  await until("the next is served", () => taken.length === 2);
});
