import { writeFileSync } from "node:fs";
import { INSTALL_MANIFEST, installManifest } from "./chart/install-manifest.ts";

/** Writes manifests/install.yaml. Needs Go, which `make verify` does not. */
writeFileSync(INSTALL_MANIFEST, installManifest());
