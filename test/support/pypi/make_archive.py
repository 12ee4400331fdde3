"""
Makes what an index has: a wheel, which is an archive with metadata, or a source distribution, whose setup.py tells that it
ran. Reads a JSON object from stdin and prints the SHA-256 of what it has made.
"""

import base64
import hashlib
import io
import json
import sys
import tarfile
import zipfile


def record_line(path, content):
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(content)}"


def metadata(release):
    lines = ["Metadata-Version: 2.1", f"Name: {release['name']}", f"Version: {release['version']}"]
    lines += [f"Requires-Dist: {each}" for each in release.get("requires", [])]
    return "\n".join(lines) + "\n"


def make_wheel(release):
    stem = f"{release['name'].replace('-', '_')}-{release['version']}"
    info = f"{stem}.dist-info"
    files = {path: text.encode() for path, text in release.get("files", {}).items()}
    files[f"{info}/METADATA"] = metadata(release).encode()
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {release['tag']}\n".encode()
    scripts = release.get("scripts", {})
    if scripts:
        entries = "".join(f"{name} = {target}\n" for name, target in scripts.items())
        files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{entries}".encode()
    record = [record_line(path, content) for path, content in files.items()]
    files[f"{info}/RECORD"] = ("\n".join([*record, f"{info}/RECORD,,"]) + "\n").encode()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            # With one time, so that equal contents are equal archives.
            archive.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), content)
    return made.getvalue()


def make_sdist(release):
    stem = f"{release['name'].replace('-', '_')}-{release['version']}"
    ran = release["ran"]
    setup = f"open({ran!r}, 'w').close()\nfrom setuptools import setup\nsetup(name={release['name']!r})\n"
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for path, text in ((f"{stem}/setup.py", setup), (f"{stem}/PKG-INFO", metadata(release))):
            entry = tarfile.TarInfo(path)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()


def main():
    release = json.load(sys.stdin)
    content = make_sdist(release) if "ran" in release else make_wheel(release)
    with open(release["path"], "wb") as file:
        file.write(content)
    print(hashlib.sha256(content).hexdigest())


main()
