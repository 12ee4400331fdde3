import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, jest } from "@jest/globals";
import { Installation } from "../support/installation.ts";
import { secretWatch } from "../support/secrets/secret-watch.ts";

jest.setTimeout(120_000);

it("finds what an installation shows of secrets, wherever that is, when the test ends", async () => {
  const [key, value] = [randomBytes(24).toString("base64url"), randomBytes(24).toString("base64")];
  secretWatch.learn("a key", key);
  const slipway = await Installation.start({ env: { LEAKED: `key=${key}` } });
  const metadata = { name: "leaky", namespace: "default" };
  await slipway.kubectl.apply(
    { apiVersion: "v1", kind: "Secret", metadata, stringData: { password: value } },
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { header: Buffer.from(`me:${value}`).toString("base64") } },
  );
  writeFileSync(join(slipway.process.dataDir, "notes.txt"), encodeURIComponent(value));

  const shown = await slipway[Symbol.asyncDispose]().then(
    () => "",
    (error: Error) => error.message,
  );
  expect(shown).toContain("ConfigMap default/leaky shows password of Secret default/leaky, as base64");
  expect(shown).toContain("file notes.txt shows password of Secret default/leaky, as ");
  expect(shown).toContain("/proc/PID/environ shows a key, as plain");
  // Secrets themselves hold it, and the store.
  expect(shown).not.toMatch(/(Secret default\/leaky|store\.db\S*) shows/);
  expect(shown).not.toContain(key);
  expect(slipway.process.pid).toBeUndefined();
});
