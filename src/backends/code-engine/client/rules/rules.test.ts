import { describe, expect, it } from "@jest/globals";
import { amountOf } from "./amount.ts";
import { CPU_MEMORY_PAIRS, largestPairWithin, pairOf } from "./cpu-memory.ts";
import { imageReferenceTrouble } from "./image-reference.ts";
import { mountPathTrouble } from "./mount-path.ts";
import { appNameTrouble, configNameTrouble, keyTrouble, resourceNameTrouble } from "./names.ts";

const DIGEST = `sha256:${"0aF".repeat(22).slice(0, 64)}`;

describe("names", () => {
  it.each([
    { name: "files", app: true, resource: true, config: true, because: "it is plain" },
    { name: "a", app: true, resource: true, config: true, because: "one letter is enough" },
    { name: "a--b-9", app: true, resource: true, config: true, because: "hyphens may stand inside" },
    { name: "9files", app: false, resource: true, config: true, because: "only applications begin with a letter" },
    { name: "a.b", app: false, resource: false, config: true, because: "only secrets and config maps have dots" },
    { name: "a..b", app: false, resource: false, config: false, because: "a part is empty" },
    { name: "a.-b", app: false, resource: false, config: false, because: "a part begins with a hyphen" },
    { name: "", app: false, resource: false, config: false, because: "it is empty" },
    { name: "-a", app: false, resource: false, config: false, because: "it begins with a hyphen" },
    { name: "a-", app: false, resource: false, config: false, because: "it ends with a hyphen" },
    { name: "Files", app: false, resource: false, config: false, because: "it has upper case" },
    { name: "a_b", app: false, resource: false, config: false, because: "it has an underscore" },
    { name: "a\n", app: false, resource: false, config: false, because: "a line break ends it" },
    { name: "a".repeat(63), app: true, resource: true, config: true, because: "63 characters fit" },
    { name: "a".repeat(64), app: false, resource: false, config: true, because: "64 fit secrets only" },
    { name: "a".repeat(254), app: false, resource: false, config: false, because: "254 fit nowhere" },
  ])("$name: $because", ({ name, app, resource, config }) => {
    const fits = [appNameTrouble, resourceNameTrouble, configNameTrouble].map((trouble) => trouble(name) === undefined);
    expect(fits).toEqual([app, resource, config]);
  });

  it.each([
    { key: "Path_to.the-Key", fine: true },
    { key: "", fine: false },
    { key: "a b", fine: false },
    { key: "k".repeat(254), fine: false },
  ])("key %j", ({ key, fine }) => {
    expect(keyTrouble(key) === undefined).toBe(fine);
  });
});

describe("image references", () => {
  it.each([
    "alpine",
    "icr.io/codeengine/helloworld",
    "us.icr.io/name_space/my-image:1.2_3",
    "docker.io/mcp/everything:latest",
    "ghcr.io/org/a/b/c",
    `icr.io/x/yz@${DIGEST}`,
    `icr.io/x/yz:V1@${DIGEST}`,
    "docker.io/library/go:1",
  ])("%s fits", (reference) => {
    expect(imageReferenceTrouble(reference)).toBeUndefined();
  });

  it.each([
    { reference: "", words: /empty/ },
    { reference: "localhost:5000/x/mine", words: /registry with a port.*localhost must answer at port 443/ },
    { reference: "registry.example.com:443/mine", words: /registry with a port/ },
    { reference: "ghcr.io/Org/mine", words: /upper case.*use ghcr.io\/org\/mine/ },
    { reference: "ghcr.io/Org/mine:Tag", words: /use ghcr.io\/org\/mine,/ },
    { reference: "https://icr.io/x/mine", words: /scheme/ },
    { reference: "icr.io/x/mine:-1", words: /tag/ },
    { reference: "icr.io/x/mine:", words: /tag/ },
    { reference: "icr.io/x/mine@sha256:abc", words: /digest/ },
    { reference: `icr.io/x/mine@${DIGEST}@${DIGEST}`, words: /digest/ },
    { reference: "icr.io/x/ mine", words: /blanks/ },
    { reference: "go", words: /at least three characters/ },
    { reference: `icr.io/${"a".repeat(260)}`, words: /may have 256/ },
  ])("$reference: $words", ({ reference, words }) => {
    expect(imageReferenceTrouble(reference)).toMatch(words);
  });

  it("are judged in no time, whatever they are", () => {
    const startMs = performance.now();
    for (const part of ["a", "a/", "a-", "./", "a:"]) imageReferenceTrouble(`${part.repeat(128).slice(0, 254)}!`);
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });
});

describe("mount paths", () => {
  it.each(["/data", "/etc/app.d/x y", "/a/b-c_d"])("%s fits", (path) => {
    expect(mountPathTrouble(path)).toBeUndefined();
  });

  it.each([
    { path: "", words: /begin with a slash/ },
    { path: "data", words: /begin with a slash/ },
    { path: "/", words: /root/ },
    { path: "//data", words: /two slashes/ },
    { path: "/data/", words: /end with one/ },
    { path: "/a/../b", words: /\.\./ },
    { path: "/a\0b", words: /NUL/ },
    { path: `/${"a".repeat(256)}`, words: /may have 256/ },
  ])("$path: $words", ({ path, words }) => {
    expect(mountPathTrouble(path)).toMatch(words);
  });
});

describe("amounts", () => {
  it.each([
    { text: "1", amount: 1 },
    { text: "250m", amount: 0.25 },
    { text: "0.5G", amount: 500_000_000 },
    { text: "500M", amount: 500_000_000 },
    { text: "4.35K", amount: 4350 },
    { text: "400MB", amount: 400_000_000 },
    { text: "128Ki", amount: 131_072 },
    { text: "1500000n", amount: 0.0015 },
    { text: "", amount: undefined },
    { text: "G", amount: undefined },
    { text: "-1", amount: undefined },
    { text: "1.2.3", amount: undefined },
    { text: "1constructor", amount: undefined },
    { text: "1X", amount: undefined },
  ])("$text is $amount", ({ text, amount }) => {
    const found = amountOf(text);
    if (amount === undefined) expect(found).toBeUndefined();
    else expect(found).toBeCloseTo(amount, 9);
  });
});

describe("CPU and memory", () => {
  it.each([
    { cpu: 0.5, memory: 512 * 2 ** 20, want: ["0.25", "0.5G"], because: "0.5 vCPU comes with a gigabyte at least" },
    { cpu: 1, memory: 2e9, want: ["1", "2G"], because: "it is one" },
    { cpu: 0.99, memory: 64e9, want: ["0.5", "4G"], because: "CPU is rounded down" },
    { cpu: 64, memory: 64e9, want: ["12", "48G"], because: "nothing is larger" },
    { cpu: Infinity, memory: 40e9, want: ["12", "24G"], because: "CPU has no maximum" },
    { cpu: 0.2, memory: Infinity, want: ["0.125", "1G"], because: "memory has no maximum" },
    { cpu: 0.125, memory: 0.25e9, want: ["0.125", "0.25G"], because: "it is the smallest" },
    { cpu: 0.1, memory: 8e9, want: undefined, because: "there is less CPU nowhere" },
    { cpu: 8, memory: 0.2e9, want: undefined, because: "there is less memory nowhere" },
  ])("at most $cpu vCPU and $memory bytes: $because", ({ cpu, memory, want }) => {
    const pair = largestPairWithin(cpu, memory);
    expect(pair && [pair.cpu, pair.memory]).toEqual(want);
  });

  it("are the 27 pairs of IBM's table", () => {
    expect(CPU_MEMORY_PAIRS).toHaveLength(27);
    expect(CPU_MEMORY_PAIRS.map(({ cpu, memory }) => `${cpu}/${memory}`)).toContain("6/12G");
  });

  it.each([
    { cpu: "250m", memory: "500M", want: "0.25/0.5G", because: "they are written otherwise" },
    { cpu: "1.0", memory: "4G", want: "1/4G", because: "they are one" },
    { cpu: "1", memory: "1G", want: undefined, because: "that much CPU needs more memory" },
    { cpu: "1", memory: "4Gi", want: undefined, because: "Code Engine counts in tens" },
  ])("$cpu and $memory: $because", ({ cpu, memory, want }) => {
    const pair = pairOf(cpu, memory);
    expect(pair && `${pair.cpu}/${pair.memory}`).toBe(want);
  });
});
