"""Generates the Python package of every proto file: `proto/inventory/v1/*.proto` become `inventory/v1/`.

Messages get their stubs from protoc (`--pyi_out`): enums are types of their own, and constructors take
mappings and datetimes as the runtime does. Services get theirs from mypy-protobuf (`--mypy_grpc_out`),
which types the asynchronous client and server. With `--check` nothing is written: what is missing, out
of date or left over is listed, and the exit code is 1. The output depends only on the proto files and
the locked generators. A method that does not say by the option `scope` what its caller needs is refused.
"""

import argparse
import importlib.resources
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodDescriptorProto
from google.protobuf.unknown_fields import UnknownFieldSet

PROTO_ROOT = Path(__file__).resolve().parent
PROJECT_ROOT = PROTO_ROOT.parent
PACKAGE = Path("inventory/v1")
SCOPE_FIELD = 51001
"""Of the option `scope` in access.proto."""
PACKAGE_INIT = '"""Generated from `proto/inventory/v1` by `make proto`. Do not edit."""\n'


def generate(out: Path) -> None:
    """Writes the generated package below `out`; `CalledProcessError` when protoc refuses the sources."""
    sources = sorted((PROTO_ROOT / PACKAGE).glob("*.proto"))
    if not sources:
        raise SystemExit(f"no proto files in {PROTO_ROOT / PACKAGE}")
    plugin = shutil.which("protoc-gen-mypy_grpc", path=sysconfig.get_path("scripts"))
    if plugin is None:
        raise SystemExit("protoc-gen-mypy_grpc is not installed beside this Python: run `make setup`")
    with importlib.resources.as_file(importlib.resources.files("grpc_tools") / "_proto") as well_known:
        command = [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"--proto_path={PROTO_ROOT}",
            f"--proto_path={well_known}",
            f"--plugin=protoc-gen-mypy_grpc={plugin}",
            f"--python_out={out}",
            f"--pyi_out={out}",
            f"--descriptor_set_out={out / 'descriptors'}",
            f"--grpc_python_out={out}",
            f"--mypy_grpc_out=quiet:{out}",
            *(str(source.relative_to(PROTO_ROOT)) for source in sources),
        ]
        subprocess.run(command, check=True, cwd=PROTO_ROOT)
    _assert_scopes(FileDescriptorSet.FromString((out / "descriptors").read_bytes()))
    (out / PACKAGE / "__init__.py").write_text(PACKAGE_INIT, encoding="utf-8")


def _assert_scopes(described: FileDescriptorSet) -> None:
    unruled = [
        f"{service.name}.{method.name}"
        for file in described.file
        for service in file.service
        for method in service.method
        if not _says_scope(method)
    ]
    if unruled:
        raise SystemExit(f"these methods say no scope (access.proto): {', '.join(unruled)}")


def _says_scope(method: MethodDescriptorProto) -> bool:
    # As an unknown field: the option's own code may be what is being generated.
    fields = UnknownFieldSet(method.options)
    return any(fields[at].field_number == SCOPE_FIELD and fields[at].data for at in range(len(fields)))


def contents(root: Path) -> dict[Path, bytes]:
    """Every file of the generated package below `root`, by its path from there, byte-code caches left out."""
    return {
        path.relative_to(root): path.read_bytes()
        for path in sorted((root / PACKAGE).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def differences(fresh: dict[Path, bytes], committed: dict[Path, bytes]) -> list[str]:
    """One line for each path whose committed form isn't what the proto files give."""
    verdicts = []
    for path in sorted(fresh.keys() | committed.keys()):
        if path not in committed:
            verdicts.append(f"missing: {path}")
        elif path not in fresh:
            verdicts.append(f"left over: {path}")
        elif fresh[path] != committed[path]:
            verdicts.append(f"out of date: {path}")
    return verdicts


def main() -> int:
    parser = argparse.ArgumentParser(description="Generate inventory/v1 from proto/inventory/v1.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the package is not current")
    check_only = parser.parse_args().check

    with tempfile.TemporaryDirectory() as scratch:
        try:
            generate(Path(scratch))
        except subprocess.CalledProcessError as failure:
            return int(failure.returncode)
        fresh = contents(Path(scratch))
    committed = contents(PROJECT_ROOT)

    stale = differences(fresh, committed)
    if check_only:
        for line in stale:
            print(line, file=sys.stderr)
        if stale:
            print("generated code is not current: run `make proto`", file=sys.stderr)
        return 1 if stale else 0

    for path in committed.keys() - fresh.keys():
        (PROJECT_ROOT / path).unlink()
    for path, body in fresh.items():
        if committed.get(path) != body:
            (PROJECT_ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (PROJECT_ROOT / path).write_bytes(body)
    print("\n".join(stale) if stale else "generated code was current")
    return 0


if __name__ == "__main__":
    sys.exit(main())
