import { Environment } from "@marcbachmann/cel-js";
import { registerLists } from "./library-list.ts";
import { registerNetwork } from "./library-network.ts";
import { registerQuantity } from "./library-quantity.ts";
import { registerText } from "./library-text.ts";
import { registerUrl } from "./library-url.ts";
import { registerVersions } from "./library-version.ts";

let shared: Environment | undefined;

/**
 * CEL with the libraries that Kubernetes adds, but for `format`, which knows the server's formats; clone it. Made when it is
 * first asked for, since that takes milliseconds.
 */
export function baseEnvironment(): Environment {
  if (shared !== undefined) return shared;
  // Lists may be mixed, since `format` takes such lists.
  const environment = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false });
  registerQuantity(environment);
  registerUrl(environment);
  registerNetwork(environment);
  registerText(environment);
  registerLists(environment);
  registerVersions(environment);
  shared = environment;
  return environment;
}
