import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { build, type Plugin } from "esbuild";

/** Modules that begin a thread, each found by its URL beside the one that starts it. */
const THREADS = globSync("src/**/{*-worker,*-thread}.ts").filter((file) =>
  globSync(join(dirname(file), "*.ts")).some((other) =>
    readFileSync(other, "utf8").includes(`new URL(\`./${basename(file, ".ts")}.`),
  ),
);

/** Modules know what lies beside them by `import.meta.url`. In a bundle that is another: this tells them where they would be. */
const ownPlaces: Plugin = {
  name: "own-places",
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
      const place = relative(resolve("src"), path).replace(/\.ts$/, ".js");
      const text = readFileSync(path, "utf8").replaceAll(
        "import.meta.url",
        `new URL(${JSON.stringify(`./${place}`)}, import.meta.url).href`,
      );
      return { contents: text, loader: "ts" };
    });
  },
};

/**
 * What dockerode can do and Slipway does not: Engines by SSH, and BuildKit's sessions by gRPC. Loaded with it they take 10 MB.
 */
const unused: Plugin = {
  name: "unused",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(ssh2|@grpc\/grpc-js|@grpc\/proto-loader)$/ }, ({ path }) => ({ path, namespace: "unused" }));
    onLoad({ filter: /.*/, namespace: "unused" }, () => ({ contents: "module.exports = {};" }));
  },
};

/**
 * Bundles `program` into `folder`: a few files in place of some thousand modules, without what is never called. It starts faster and
 * takes less memory, since Node keeps the source of all that is loaded. package.json has to stand beside the folder.
 */
export async function bundle(program: string, folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  const { outputFiles } = await build({
    entryPoints: [program, ...THREADS],
    outdir: folder,
    // All in one folder, so that one place stands for all modules.
    entryNames: "[name]",
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    // Its main file asks for its parts in a way that no bundler sees (UMD).
    alias: { "jsonc-parser": "jsonc-parser/lib/esm/main.js" },
    // Node keeps the text of what it has loaded: comments would be a third of it. Names and lines stay, for whoever reads a stack.
    minifyWhitespace: true,
    lineLimit: 120,
    legalComments: "external",
    write: false,
    plugins: [ownPlaces, unused],
    // Packages of CommonJS ask for Node's own modules by `require`.
    banner: {
      js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
    },
    logLevel: "warning",
  });
  for (const { path, text } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, path.endsWith(".js") ? inAscii(text) : text);
  }

  for (const thread of THREADS) {
    const place = join(folder, relative("src", thread).replace(/\.ts$/, ".js"));
    const up = "../".repeat(relative(folder, place).split("/").length - 1);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, `import "${up}${basename(place)}";\n`);
  }
  // Data that modules read from beside themselves.
  for (const file of globSync("src/**/*.*", { withFileTypes: true })) {
    if (!file.isFile() || file.name.endsWith(".ts")) continue;
    const source = join(file.parentPath, file.name);
    cpSync(source, join(folder, relative("src", source)));
  }
}

/**
 * One letter beyond Latin-1, and V8 keeps a file at two bytes for each of its letters. esbuild writes them as escapes but in
 * regular expressions, where these mean the same.
 */
function inAscii(code: string): string {
  if (/\\[^\0-\x7f]/.test(code))
    throw new Error("a letter beyond ASCII follows a backslash, which would escape its escape");
  return code.replaceAll(/[^\0-\x7f]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
