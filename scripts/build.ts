import { bundle } from "./bundle.ts";

/** Bundles src/ to dist/. */
await bundle("src/main.ts", "dist");
