import { describe, expect, it } from "@jest/globals";
import { CommandFailed } from "../../run-command.ts";
import { uvFailure } from "./uv-failure.ts";

const NO_SOLUTION = "  × No solution found when resolving dependencies:\n  ╰─▶ ";

/** Words of uv 0.1 to 0.9, from the snapshots of its tests and from issues of its users. */
describe("a failure of uv", () => {
  it.each([
    {
      because: "an unknown name",
      said: `${NO_SOLUTION}Because no-such was not found in the package registry and you require no-such, we can conclude that your\n      requirements are unsatisfiable.`,
      reason: "PackageNotFound",
      says: /^spec\.source\.package\.pypi: the index has no package no-such$/,
    },
    {
      because: "an unknown version",
      said: `${NO_SOLUTION}Because there is no version of flask==9.9 and you require flask==9.9, we can conclude that your requirements are unsatisfiable.`,
      reason: "PackageNotFound",
      says: /^spec\.source\.package\.version: the index has no such version of flask==9\.9$/,
    },
    {
      because: "a range of unknown versions",
      said: `${NO_SOLUTION}Because only flask<=3.0.2 is available and you require flask>=9, we can conclude that your requirements are unsatisfiable.`,
      reason: "PackageNotFound",
      says: /version: the index has no such version of flask/,
    },
    {
      because: "no wheel, wrapped",
      said: `${NO_SOLUTION}Because cbor2==6.1.4 has no\n    │ usable wheels and you require cbor2==6.1.4`,
      reason: "PackageNotInstallable",
      says: /pypi: cbor2==6\.1\.4 has no wheel, and building it would run its code/,
    },
    {
      because: "no wheel for a dependency",
      said: `${NO_SOLUTION}Because nested==1.0.0 has no usable wheels and all versions of builder depend on nested==1.0.0, we can conclude that all versions of builder cannot be used.`,
      reason: "PackageNotInstallable",
      says: /pypi: nested==1\.0\.0 has no wheel/,
    },
    {
      because: "a dependency with a marker",
      said: `${NO_SOLUTION}Because cffi{platform_python_implementation != 'PyPy'}==2.1.1 has no usable wheels and you require`,
      reason: "PackageNotInstallable",
      says: /pypi: cffi==2\.1\.1 has no wheel/,
    },
    {
      because: "all versions",
      said: `${NO_SOLUTION}Because all versions of docopt have no usable wheels and you require docopt`,
      reason: "PackageNotInstallable",
      says: /pypi: docopt has no wheel/,
    },
    {
      because: "wheels of others",
      said: `${NO_SOLUTION}Because foo==1.0 has no wheels with a matching Python ABI tag (e.g., \`cp312\`) and you require foo==1.0`,
      reason: "PackageNotInstallable",
      says: /pypi: foo==1\.0 has no wheel for this machine/,
    },
    {
      because: "another Python",
      said: `${NO_SOLUTION}Because the current Python version (3.11.7) does not satisfy Python>=3.13 and foo==1.0 depends on Python>=3.13, we can conclude that foo==1.0 cannot be used.`,
      reason: "PythonMissing",
      says: /install one that it takes/,
    },
    {
      because: "a contradiction",
      said: `${NO_SOLUTION}Because a==1 depends on c==1 and b==1 depends on c==2, we can conclude that a==1 and b==1 are incompatible.`,
      reason: "PackageNotInstallable",
      says: /does not fit together/,
    },
    {
      because: "another archive",
      said: "  × Failed to download `idna==3.6`\n  ╰─▶ Hash mismatch for `idna==3.6`\n\n      Expected:\n        sha256:d0\n\n      Computed:\n        sha256:c0",
      reason: "PackageNotPinned",
      says: /an archive of idna==3\.6 has another content/,
    },
    {
      because: "an index that fails",
      said: "error: Failed to fetch: `https://me:hush@pypi.test/simple/tqdm/`\n  Caused by: HTTP status server error (500 Internal Server Error) for url (x)",
      reason: "RegistryUnavailable",
      says: /^the index of packages does not answer$/,
    },
    {
      because: "an index behind a login",
      said: `${NO_SOLUTION}Because anyio was not found in the package registry and you require anyio, we can conclude\n\n      hint: An index URL (https://x/simple) could not be queried due to a lack of valid authentication credentials (401 Unauthorized).`,
      reason: "RegistryUnavailable",
      says: /wants other credentials/,
    },
    {
      because: "no network",
      said: "error: Request failed after 3 retries\n  Caused by: Failed to fetch: `https://pypi.org/simple/x/`\n  Caused by: dns error: failed to lookup address information",
      reason: "RegistryUnavailable",
      says: /does not answer/,
    },
    {
      because: "no interpreter",
      said: "error: No interpreter found for Python 3.11.0 in managed installations or search path",
      reason: "PythonMissing",
      says: /Slipway fetches none; install one/,
    },
    {
      because: "an old release",
      said: "error: unexpected argument '--relocatable' found\n\n  tip: a similar argument exists: '--reinstall'",
      reason: "UvMissing",
      says: /too old/,
    },
    {
      because: "a dependency by a URL",
      said: "error: Package `foo` was included as a URL dependency. URL dependencies must be expressed as direct requirements or constraints. Consider adding `foo @ https://me:hush@x` to your dependencies.",
      reason: "PackageNotPinned",
      says: /by a URL; Slipway installs from indexes only/,
    },
    { because: "anything else", said: "thread panicked, hush", reason: "InstallFailed", says: /log has what it wrote/ },
  ])("is told by what it means: $because", ({ said, reason, says }) => {
    const error = uvFailure(new CommandFailed("uv", "ended with 1", said));
    expect(error).toMatchObject({ reason, message: expect.stringMatching(says) });
    expect(error.message).not.toContain("hush");
  });
});
