import { describe, expect, it } from "@jest/globals";
import { readCatalog } from "./read-catalog.ts";
import { InvalidCatalog } from "./source-text.ts";

const ENVIRONMENT = { TOKEN: "hush-hush", NESTED: `a \${TOKEN} within`, EMPTY: "" };

function read(text: string) {
  return readCatalog({
    text,
    environment: ENVIRONMENT,
    readVariableFile: (path) => {
      if (path === "good.env") return "A=1\n# no\n\nTOKEN\nB=x=y \r\n";
      if (path === "bad.env") return "A=1\nno name\nUNSET\n";
      throw new Error(`${path} is not here`);
    },
  });
}

/** What is wrong with it. */
function problemsOf(text: string): string {
  try {
    read(text);
  } catch (error) {
    if (error instanceof InvalidCatalog) return error.message;
    throw error;
  }
  throw new Error("nothing is wrong with it");
}

const local = (more = "") => `servers:\n- id: a\n  runtime: {type: local-process, command: x${more}}\n`;
const remote = (more = "") => `servers:\n- id: a\n  runtime: {type: remote-sse, url: "https://a.test/mcp"${more}}\n`;
const docker = (more = "") => `servers:\n- id: a\n  runtime: {type: docker, image: x${more}}\n`;

describe("variables", () => {
  const settingOf = (text: string) => read(`${local()}  env: {A: "${text}"}\n`)[0]?.env[0];
  it.each([
    { text: `\${TOKEN}`, value: "hush-hush", secret: true },
    { text: `Bearer \${TOKEN}!`, value: "Bearer hush-hush!", secret: true },
    { text: `\${TOKEN}\${TOKEN}`, value: "hush-hushhush-hush", secret: true },
    { text: `\${EMPTY}`, value: "", secret: true, because: "it is set" },
    { text: `\${NESTED}`, value: `a \${TOKEN} within`, secret: true, because: "values are literal" },
    { text: "$TOKEN", value: "$TOKEN", secret: false, because: "it has no braces" },
    { text: "plain", value: "plain", secret: false },
  ])("$text is $value", ({ text, value, secret }) => {
    expect(settingOf(text)).toEqual({ name: "A", value, secret });
  });

  it("come out of a file as Docker reads it, and those of the catalog win", () => {
    const [server] = read(`${docker(", env_file: good.env")}  env: {A: "2"}\n`);
    expect(server?.env).toEqual([
      { name: "TOKEN", value: "hush-hush", secret: true },
      { name: "B", value: "x=y ", secret: true },
      { name: "A", value: "2", secret: false },
    ]);
  });

  it.each(["PASSWORD", "X_API_KEY", "githubToken", "PRIVATE_KEY"])("named %s are secrets", (name) => {
    expect(read(`${local()}  env: {${name}: literal}\n`)[0]?.env[0]?.secret).toBe(true);
  });
});

describe("a catalog is refused", () => {
  it.each([
    { because: "it is empty", text: "", says: "must be one YAML document" },
    { because: "it has no servers", text: "{}", says: "line 1: servers: is required, and must be a list" },
    {
      because: "it is something else",
      text: "servers: []\nlisteners: []",
      says: "line 2: listeners: is no field of a",
    },
    { because: "it is no YAML", text: 'servers: [\n"hush-hush', says: "line 2, column 1: this is no YAML: BAD_INDENT" },
    { because: "it is two", text: "servers: []\n---\nservers: []", says: "must be one YAML document" },
    { because: "a server is no mapping", text: "servers: [x]", says: "line 1: servers[0]: must be a mapping" },
    {
      because: "it has no id",
      text: "servers:\n- runtime: {type: docker, image: x}",
      says: "servers[0].id: is required",
    },
    { because: "it has no runtime", text: "servers:\n- id: a", says: "line 2: servers[0].runtime: is required" },
    {
      because: "its runtime has no type",
      text: "servers:\n- id: a\n  runtime: {}",
      says: "line 3: servers[0].runtime.type: is required",
    },
    {
      because: "its type is not known",
      text: "servers:\n- id: a\n  runtime:\n    type: wasm",
      says: 'line 4: servers[0].runtime.type: "wasm" is no type of a runtime; there are local-process, remote-sse, docker',
    },
    ...["k8s-job", "k8s-service"].map((type) => ({
      because: `its type is ${type}`,
      text: `servers:\n- id: a\n  runtime: {type: ${type}, namespace: x}`,
      says: `servers[0].runtime.type: ${type} is not supported by Slipway so far`,
    })),
    {
      because: "a command is missing",
      text: local().replace(", command: x", ""),
      says: "runtime.command: is required",
    },
    { because: "a URL is missing", text: "servers:\n- {id: a, runtime: {type: remote-sse}}", says: "runtime.url: is" },
    { because: "an image is missing", text: "servers:\n- {id: a, runtime: {type: docker}}", says: "runtime.image: is" },
    {
      because: "a field is of another type",
      text: docker(", command: x"),
      says: "command: is no field of runtime type docker",
    },
    { because: "a field is misspelt", text: local(", comand: x"), says: "runtime.comand: is no field of" },
    {
      because: "a field is nobody's",
      text: `${local()}  enviroment: {}\n`,
      says: "servers[0].enviroment: is no field",
    },
    {
      because: "an id is there twice",
      text: `${local()}- id: a\n  runtime: {type: docker, image: x}\n`,
      says: "line 4: servers[1].id: a is there twice",
    },
    {
      because: "an id is no name",
      text: local().replace("id: a", "id: My_Server"),
      says: "servers[0].id: must be lower-case",
    },
    {
      because: "an id is a number",
      text: local().replace("id: a", "id: 7"),
      says: "servers[0].id: must be text; where it looks like a number",
    },
    {
      because: "a value is a number",
      text: `${local()}  env: {PORT: 5432}\n`,
      says: "servers[0].env.PORT: must be text",
    },
    { because: "a value is missing", text: `${local()}  env: {PORT: }\n`, says: "servers[0].env.PORT: must be text" },
    { because: "an argument is a number", text: local(", args: [a, 8080]"), says: "runtime.args[1]: must be text" },
    {
      because: "a variable is unset",
      text: `${local()}  env: {A: "\${UNSET}"}\n`,
      says: `line 4: servers[0].env.A: \${UNSET} is not set in the environment of this command`,
    },
    {
      because: "what objects inherit is no variable",
      text: `${local()}  env: {A: "\${constructor}"}\n`,
      says: `\${constructor} is not set`,
    },
    {
      because: "a default is asked for",
      text: `${local()}  env: {A: "\${TOKEN:-x}"}\n`,
      says: `only \${NAME} is resolved`,
    },
    {
      because: "an argument would show it",
      text: local(`, args: ["--key=\${TOKEN}"]`),
      says: "runtime.args[0]: variables are resolved in env and headers only",
    },
    {
      because: "a URL would show it",
      text: remote().replace("/mcp", `/mcp?key=\${TOKEN}`),
      says: "runtime.url: variables are resolved in",
    },
    {
      because: "a URL is none",
      text: remote().replace("https://a.test/mcp", "a.test"),
      says: "runtime.url: must be http://",
    },
    {
      because: "a URL has a password",
      text: remote().replace("a.test", "me:pw@a.test"),
      says: "without user, password",
    },
    {
      because: "a header breaks its line",
      text: remote(', headers: {X-A: "b\\r\\nX-C: d"}'),
      says: "headers.X-A: has characters",
    },
    {
      because: "a header is there twice",
      text: remote(", headers: {X-A: b, x-a: c}"),
      says: "headers.x-a: is there twice",
    },
    {
      because: "a remote server gets no variables",
      text: `${remote()}  env: {A: b}\n`,
      says: "servers[0].env: reaches no server",
    },
    {
      because: "a directory is not absolute",
      text: local(", working_dir: here"),
      says: "working_dir: must be an absolute path",
    },
    {
      because: "a volume has an option",
      text: docker(', volumes: ["/a:/b:Z"]'),
      says: 'volumes[0]: the option "Z" has no counterpart',
    },
    {
      because: "a volume has a name",
      text: docker(", volumes: [data:/b]"),
      says: "volumes[0]: must begin with an absolute path",
    },
    {
      because: "a volume is half",
      text: docker(", volumes: [/b]"),
      says: "volumes[0]: must be /host/path:/container/path",
    },
    { because: "memory is none", text: docker(", memory: much"), says: "memory: must be a number with one of b, k, m" },
    { because: "CPU is none", text: docker(", cpus: half"), says: "cpus: must be a number of cores" },
    { because: "a network is none", text: docker(', network: "a b"'), says: "network: is no name of a Docker network" },
    { because: "a file is not there", text: docker(", env_file: no.env"), says: "env_file: no.env is not here" },
    {
      because: "a file is none",
      text: docker(", env_file: bad.env"),
      says: "env_file: line 2 of the file: is no NAME=VALUE",
    },
  ])("where $because", ({ text, says }) => {
    const problems = problemsOf(text);
    expect(problems).toContain(says);
    expect(problems).not.toContain("hush-hush");
  });

  it("with everything that is wrong with it", () => {
    const text = "servers:\n- id: A\n  runtime: {type: docker, imag: x}\n- id: b\n  runtime: {type: wasm}\n";
    expect(problemsOf(text).split("\n")).toHaveLength(4);
  });

  it.each([
    {
      because: "anchors multiply it",
      text: `a: &a [x,x,x,x,x,x,x,x,x]\n${[..."bcdefgh"].map((name, at) => `${name}: &${name} [${Array(9).fill(`*${"abcdefg"[at]}`).join(",")}]`).join("\n")}\nservers: *h\n`,
    },
    { because: "it has no end", text: "[".repeat(200_000) },
    { because: "it is in itself", text: "servers: &a [*a]" },
    { because: "it is immense", text: `servers: [] # ${"x".repeat(1_100_000)}` },
    { because: "no server is one", text: `servers: [${"1,".repeat(50_000)}]` },
    { because: "nothing but mistakes", text: `servers: [${"{},".repeat(50_000)}]` },
  ])("fast, and in few words, where $because", ({ text }) => {
    expect(problemsOf(text).length).toBeLessThan(20_000);
  });
});
