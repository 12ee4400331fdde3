import { serveTestApi } from "../serve-test-api.ts";
import { simulatedDefinitions } from "./definitions.ts";

/** An API server whose RuntimeBackends may be of type `simulated`. */
await serveTestApi(await simulatedDefinitions());
