"""
Stands for uv where that cannot be had. It takes the subcommands and options that Slipway uses and no others, does the work
with the pip and venv of the machine against a real index, and words what it refuses as uv does. Its spellings are those of
uv's reference (docs.astral.sh/uv/reference/cli, settings, environment) and of the snapshots in uv's own tests.

What it does not do: look for a project beyond its uv.toml or pyproject.toml, keep a cache, and resolve as uv does, which
differs from pip where several choices fit, and reads metadata where pip reads archives.
"""

import html.parser
import base64
import json
import os
import re
import subprocess
import sys
import textwrap
import tomllib
import urllib.error
import urllib.request
from urllib.parse import urldefrag, urljoin

from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.tags import sys_tags
from pip._vendor.packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from pip._vendor.packaging.version import Version

HERE = os.path.dirname(os.path.abspath(__file__))

GLOBAL = {"--no-python-downloads": False, "--no-progress": False, "--color": True, "--cache-dir": True}
OPTIONS = {
    ("venv",): {"--relocatable": False, "--no-project": False, "--python": True},
    ("pip", "compile"): {
        "--output-file": True, "--python": True, "--generate-hashes": False, "--no-header": False,
        "--no-annotate": False, "--only-binary": True, "--refresh": False,
    },
    ("pip", "sync"): {
        "--python": True, "--require-hashes": False, "--only-binary": True, "--link-mode": True,
        "--no-compile-bytecode": False,
    },
}


class Refused(Exception):
    """With the code that uv ends with: 1 where nothing fits, 2 for all else."""

    def __init__(self, code, *lines):
        super().__init__("\n".join(lines))
        self.code = code


def usage(message):
    return Refused(2, f"error: {message}", "", "For more information, try '--help'.")


def error(message, *causes):
    return Refused(2, f"error: {message}", *(f"  Caused by: {cause}" for cause in causes))


def failed(title, message, *more):
    """As its reports look: wrapped, unless UV_NO_WRAP says otherwise, and with a tree drawn beside them."""
    if os.environ.get("UV_NO_WRAP"):
        body = [message]
    else:
        body = textwrap.wrap(message, 74, break_long_words=False, break_on_hyphens=False)
    return Refused(1, f"  × {title}", *(("  ╰─▶ " if at == 0 else "      ") + line for at, line in enumerate(body)), *more)


def no_solution(reason, *more):
    return failed("No solution found when resolving dependencies:", f"{reason}, we can conclude that your requirements are unsatisfiable.", *more)


def parse(argv):
    command = tuple(argv[:2]) if argv[:1] == ["pip"] else tuple(argv[:1])
    if command not in OPTIONS:
        raise usage(f"unrecognized subcommand '{' '.join(command)}'")
    known = {**GLOBAL, **OPTIONS[command]}
    options, files, rest = {}, [], list(argv[len(command):])
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if not name.startswith("-"):
            files.append(name + equals + value)
            continue
        if name not in known:
            raise usage(f"unexpected argument '{name}' found")
        if name in options:
            raise usage(f"the argument '{name}' cannot be used multiple times")
        if known[name] and not equals:
            if not rest:
                raise usage(f"a value is required for '{name}' but none was supplied")
            value = rest.pop(0)
        if not known[name] and equals:
            raise usage(f"unexpected value '{value}' for '{name}' found; no more were expected")
        options[name] = value if known[name] else True
    if len(files) != 1:
        raise usage("one file or folder is required")
    return command, options, files[0]


def configured():
    """The index: variables first, then the nearest folder that has a configuration, then the user's."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        if os.environ.get(name):
            return os.environ[name]
    for settings in (project_settings(), user_settings()):
        for index in settings.get("index", []):
            if index.get("default"):
                return index["url"]
        if "index-url" in settings:
            return settings["index-url"]
    return "https://pypi.org/simple"


def user_settings():
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.environ.get("HOME", "/"), ".config")
    return read_toml(os.path.join(home, "uv", "uv.toml")) or {}


def project_settings():
    folder = os.getcwd()
    while True:
        settings = read_toml(os.path.join(folder, "uv.toml"))
        if settings is not None:
            return settings
        project = read_toml(os.path.join(folder, "pyproject.toml"))
        if project is not None and "uv" in project.get("tool", {}):
            return project["tool"]["uv"]
        if folder == os.path.dirname(folder):
            return {}
        folder = os.path.dirname(folder)


def read_toml(path):
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        return None


class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        if tag == "a":
            self.found.append(dict(attributes).get("href", ""))


def files_of(name):
    """Of one package, by version: pairs of file name and `sha256:…`. None where the index has no such package."""
    index = configured().rstrip("/")
    url = f"{index}/{name}/"
    plain, password = split_userinfo(url)
    request = urllib.request.Request(plain)
    if password:
        request.add_header("Authorization", "Basic " + base64.b64encode(password.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            page = response.read().decode()
    except urllib.error.HTTPError as problem:
        if problem.code == 404:
            return None
        if problem.code in (401, 403):
            hint = f"hint: An index URL ({index}) could not be queried due to a lack of valid authentication credentials ({problem.code} {problem.reason})."
            raise no_solution(f"Because {name} was not found in the package registry and you require {name}", "", f"      {hint}")
        kind = "server" if problem.code >= 500 else "client"
        # Releases before 0.7 did not mask it.
        raise error(f"Failed to fetch: `{url}`", f"HTTP status {kind} error ({problem.code} {problem.reason}) for url ({url})")
    except (urllib.error.URLError, OSError) as problem:
        raise error(
            "Request failed after 3 retries", f"Failed to fetch: `{url}`",
            f"error sending request for url ({url})", "client error (Connect)", f"tcp connect error: {problem}",
        )
    links = Links()
    links.feed(page)
    found = {}
    for link in links.found:
        address, fragment = urldefrag(urljoin(url, link))
        file = address.rsplit("/", 1)[1]
        version = parse_wheel_filename(file)[1] if file.endswith(".whl") else parse_sdist_filename(file)[1]
        found.setdefault(version, []).append((file, fragment.replace("sha256=", "sha256:")))
    return found


def split_userinfo(url):
    found = re.match(r"(https?://)([^/@]+)@(.*)", url)
    return (found[1] + found[3], found[2]) if found else (url, None)


def find_python(request):
    """An interpreter of PATH, none of a virtual environment."""
    wanted = Requirement(f"python{request}").specifier if request[:1] in "<>=~!" else None
    exact = re.fullmatch(r"(?:cpython@?)?(\d+\.\d+)", request)
    names = [f"python{exact[1]}", "python3"] if exact else ["python3"]
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        for name in names:
            file = os.path.join(folder, name)
            if not os.access(file, os.X_OK):
                continue
            version = subprocess.run(
                [file, "-I", "-B", "-c", "import platform; print(platform.python_version())"], capture_output=True, text=True
            ).stdout.strip()
            if not version:
                continue
            if wanted is not None and wanted.contains(version, prereleases=False):
                return file, version
            if exact and version.startswith(exact[1] + "."):
                return file, version
    shown = f"Python {request}"
    raise Refused(1, f"  × No interpreter found for {shown} in managed installations or search path")


def make_venv(options, folder):
    if os.path.exists(folder):
        raise error("Failed to create virtual environment", f"The directory `{folder}` exists, but it's not a virtual environment")
    file, version = find_python(options.get("--python", ">=3"))
    subprocess.run([file, "-I", "-m", "venv", "--without-pip", "--symlinks", folder], check=True)
    lines = [
        f"home = {os.path.dirname(os.path.realpath(file))}", "implementation = CPython", "uv = 0.9.5",
        f"version_info = {version}", "include-system-site-packages = false",
    ]
    if options.get("--relocatable"):
        lines.append("relocatable = true")
    with open(os.path.join(folder, "pyvenv.cfg"), "w") as config:
        config.write("\n".join(lines) + "\n")
    print(f"Using CPython {version} interpreter at: {file}\nCreating virtual environment at: {folder}", file=sys.stderr)


def pip(python, *args):
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", "/")}
    command = [sys.executable, "-I", "-m", "pip", "--python", python, "--isolated", "--disable-pip-version-check", "--no-input"]
    return subprocess.run(
        [*command, *args, "--no-cache-dir", "--retries=0", f"--index-url={configured()}"],
        capture_output=True, text=True, env=environment,
    )


def only_binary(options):
    if options.get("--only-binary") != ":all:":
        raise usage("the double builds nothing: --only-binary :all: is needed")


def compile_lock(options, source):
    only_binary(options)
    with open(source) as file:
        requirements = [Requirement(line) for line in file.read().splitlines() if line.strip()]
    for requirement in requirements:
        refuse_unmet(requirement)
    report = "report.json"
    done = pip(
        options["--python"], "install", "--dry-run", "--ignore-installed", "--quiet", "--only-binary=:all:",
        f"--report={report}", "--requirement", source,
    )
    if done.returncode != 0:
        unmet = re.search(r"No matching distribution found for (\S+)", done.stderr)
        if unmet:
            refuse_unmet(Requirement(unmet[1]))
        if "ResolutionImpossible" in done.stderr:
            raise no_solution(f"Because {requirements[0].name} depends on what contradicts itself and you require {requirements[0]}")
        raise error("Failed to resolve", done.stderr)
    with open(report) as file:
        chosen = [item["metadata"] for item in json.load(file)["install"]]
    os.remove(report)
    lines = []
    for item in sorted(chosen, key=lambda each: canonicalize_name(each["name"])):
        name = canonicalize_name(item["name"])
        hashes = sorted(digest for _, digest in files_of(name)[Version(item["version"])])
        lines.append(" \\\n".join([f"{name}=={item['version']}", *(f"    --hash={digest}" for digest in hashes)]))
    with open(options["--output-file"], "w") as file:
        file.write("".join(f"{line}\n" for line in lines))
    print(f"Resolved {len(chosen)} packages in 12ms", file=sys.stderr)


def refuse_unmet(requirement):
    """Words why nothing fits a requirement; returns where something does."""
    name = canonicalize_name(requirement.name)
    versions = files_of(name)
    asked = f"{name}{requirement.specifier}"
    if versions is None:
        raise no_solution(f"Because {name} was not found in the package registry and you require {asked}")
    fitting = [version for version in versions if requirement.specifier.contains(version)]
    if not fitting:
        if str(requirement.specifier).startswith("=="):
            raise no_solution(f"Because there is no version of {asked} and you require {asked}")
        raise no_solution(f"Because only {name}<={max(versions)} is available and you require {asked}")
    newest = max(fitting)
    tags = set(sys_tags())
    wheels = [file for version in fitting for file, _ in versions[version] if file.endswith(".whl")]
    if not wheels:
        hint = f"hint: Wheels are required for `{name}` because building from source is disabled for all packages (i.e., with `--no-build`)"
        raise no_solution(f"Because {name}=={newest} has no usable wheels and you require {asked}", "", f"      {hint}")
    if not any(parse_wheel_filename(file)[3] & tags for file in wheels):
        raise no_solution(f"Because {name}=={newest} has no wheels with a matching platform tag (e.g., `manylinux_2_36_x86_64`) and you require {asked}")


def sync(options, source):
    only_binary(options)
    if not options.get("--require-hashes"):
        raise usage("the double installs nothing without --require-hashes")
    with open(source) as file:
        text = file.read()
    for requirement in re.findall(r"^(\S+==\S+) *(\\?)$", text, re.MULTILINE):
        if not requirement[1]:
            raise error(f"In `--require-hashes` mode, all requirements must have a hash, but none were provided for: {requirement[0]}")
    environment = os.path.dirname(os.path.dirname(options["--python"]))
    done = pip(
        options["--python"], "install", "--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile",
        "--requirement", source,
    )
    if done.returncode != 0:
        raise sync_failure(done.stderr)
    relocate(environment)
    if not options.get("--no-compile-bytecode") and user_settings().get("pip", {}).get("compile-bytecode"):
        # By the interpreter of the environment, with what that starts with.
        subprocess.run([options["--python"], "-m", "compileall", "-q", os.path.join(environment, "lib")], check=True)
    print("Installed packages in 3ms", file=sys.stderr)


def sync_failure(said):
    mismatch = re.search(r"(\S+==\S+) from .*?:\s+Expected sha256 (\w+).*?Got\s+(\w+)", said, re.DOTALL)
    if mismatch:
        name, expected, computed = mismatch.groups()
        more = ["", "      Expected:", f"        sha256:{expected}", "", "      Computed:", f"        sha256:{computed}"]
        return failed(f"Failed to download `{name}`", f"Hash mismatch for `{name}`", *more)
    unmet = re.search(r"No matching distribution found for (\S+)", said)
    if unmet:
        refuse_unmet(Requirement(unmet[1]))
    return error("Failed to install", said)


def relocate(environment):
    """Scripts of an environment that may be moved ask a shell where they lie."""
    bin_folder = os.path.join(environment, "bin")
    for name in os.listdir(bin_folder):
        file = os.path.join(bin_folder, name)
        if os.path.islink(file) or not os.path.isfile(file):
            continue
        with open(file, "rb") as script:
            first, _, rest = script.read().partition(b"\n")
        if not (first.startswith(b"#!") and b"python" in first):
            continue
        shell = b"#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'python' \"$0\" \"$@\"\n' '''\n"
        with open(file, "wb") as script:
            script.write(shell + rest)


def ordered_fault(command):
    """What a test has ordered: `fault.json` beside this file has the words and the code for a subcommand."""
    try:
        with open(os.path.join(HERE, "fault.json")) as file:
            fault = json.load(file)
    except FileNotFoundError:
        return
    if fault["command"] == " ".join(command):
        raise Refused(fault["code"], fault["stderr"])


def main():
    try:
        command, options, file = parse(sys.argv[1:])
        with open(os.path.join(HERE, "calls.jsonl"), "a") as calls:
            calls.write(json.dumps({"argv": sys.argv[1:], "environment": sorted(os.environ)}) + "\n")
        ordered_fault(command)
        {("venv",): make_venv, ("pip", "compile"): compile_lock, ("pip", "sync"): sync}[command](options, file)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return refused.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
