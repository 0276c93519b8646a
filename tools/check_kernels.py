"""Checks that the compiler did to the kernels what the design relies on. Linux, x86-64 and binutils.

    python tools/check_kernels.py [BUILD_DIRECTORY]

Kernel files are compiled once per instruction set and linked into one library. Two things go wrong there without a
word: an inline function of an AVX-512 object becomes everyone's (and crashes older processors), and a loop is not
vectorised because something in it was not inlined. So, in every kernel object:

1. one external symbol, `fusedloss_<family>_<isa>`; nothing weak but in the namespace of the instruction set, which the
   linker joins only with its like; nothing undefined but memcpy and its like, so no libm;
2. no static initialiser: it would run its instruction set on any processor, when the library is loaded.

In those of v3 and v4:

3. every function is an entry of the object's table, or one that the sources declare FUSEDLOSS_SHARED; any other is a
   functor or a piece of mathematics that was not inlined (so that 1 and 3 leave no call to mathematics);
4. no gather or scatter, staging of strided arrays apart: the outer loop was vectorised instead of the lanes;
5. every loop under FUSEDLOSS_LANES is vectorised, in every function that it was inlined into. clang is told to stop
   where it is not (-Werror=pass-failed); g++ says so when asked, for which the file is compiled once more.

In all other objects, those of runtime and bindings included:

6. no instruction of AVX or later.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

VECTOR_ISAS = ("v3", "v4")
# What a compiler may call of its own accord, the second line when a distribution has it harden by default.
UNDEFINED = {"memcpy", "memset", "memmove", "memcmp", "_GLOBAL_OFFSET_TABLE_"}
UNDEFINED |= {"__memcpy_chk", "__memset_chk", "__memmove_chk", "__stack_chk_fail"}
INITIALISERS = (".init_array", ".preinit_array", ".ctors")

GATHER = re.compile(r"vp?(gather|scatter)[dq]\w+")
# AVX and later put a v before everything, mask registers a k; the rest are the VEX-encoded ones of BMI.
BEYOND_BASELINE = re.compile(
    r"v(?!err|erw)\w+|k(mov|or|and|xor|xnor|not|test|unpck|shift|add)\w+|andn|bextr|bzhi|mulx|pdep|pext|rorx|s(ar|hl|hr)x"
)


@dataclass(frozen=True)
class Object:
    """An object file, how it was compiled, and for which instruction set: None for runtime and bindings."""

    path: Path
    isa: str | None
    command: list[str]


@dataclass
class Symbol:
    """A line of `objdump -t`."""

    name: str
    section: str
    address: int
    is_function: bool
    is_local: bool
    is_weak: bool


@dataclass
class Code:
    """How often each instruction occurs in a function."""

    name: str
    instructions: Counter[str] = field(default_factory=Counter)

    def matching(self, pattern: re.Pattern[str]) -> list[str]:
        return sorted(filter(pattern.fullmatch, self.instructions))


def objects_of(build: Path) -> Iterator[Object]:
    """All objects of a CMake build directory."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        command = shlex.split(entry["command"])
        isa = next((word.partition("=")[2] for word in command if word.startswith("-DFUSEDLOSS_ISA=")), None)
        yield Object(Path(entry["directory"], command[command.index("-o") + 1]), isa, command)


def newest_build() -> Path | None:
    """The build directory that the last `pip install .` left."""
    found = [path.parent for path in ROOT.glob("build/*/install_manifest.txt")]
    return max(found, key=lambda build: (build / "install_manifest.txt").stat().st_mtime, default=None)


def shared_functions() -> dict[str, str]:
    """Functions that the drivers declare FUSEDLOSS_SHARED, called once a block or row, and the header of each."""
    declaration = re.compile(r"^ *(?:static )?FUSEDLOSS_SHARED [^;{(]*?(\w+)\(", re.MULTILINE)
    headers = sorted((ROOT / "cpp" / "fusedloss" / "kinds").glob("*.hpp"))
    return {name: header.name for header in headers for name in declaration.findall(header.read_text())}


def objdump(path: Path, *options: str) -> list[str]:
    command = ["objdump", *options, str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def symbols_of(path: Path) -> list[Symbol]:
    # "0000000000000040 l     F .text	00000000000001c5 .hidden name": address, seven flags, section, size, name
    line = re.compile(r"([0-9a-f]+) (.{7}) (\S+)\t[0-9a-f]+ (?:\.(?:hidden|protected|internal) )?(.*)")
    matches = (line.match(text) for text in objdump(path, "-t", "-C"))
    return [
        Symbol(
            name=match[4],
            section=match[3],
            address=int(match[1], 16),
            is_function="F" in match[2],
            is_local=match[2][0] == "l",
            is_weak="w" in match[2] or match[2][0] == "u",
        )
        for match in matches
        if match and "d" not in match[2] and not match[4].startswith(".")
    ]


def table_targets(path: Path) -> set[tuple[str, int]]:
    """Section and address of everything that the object's data points to; of what is weak, name and 0."""
    # "0000000000000000 R_X86_64_64       .text+0x00000000000001a0"
    line = re.compile(r"[0-9a-f]+ R_X86_64_64 +(.+?)(?:\+0x([0-9a-f]+))?$")
    matches = (line.match(text) for text in objdump(path, "-r", "-C"))
    return {(match[1], int(match[2] or "0", 16)) for match in matches if match}


def code_of(path: Path) -> list[Code]:
    found: list[Code] = []
    instruction = re.compile(r"\s+[0-9a-f]+:\t(?:(?:lock|repn?[ez]?|bnd|notrack|data16|cs|ds) )*(\w+)")
    for line in objdump(path, "-d", "-C", "--no-show-raw-insn"):
        if header := re.match(r"[0-9a-f]+ <(.*)>:$", line):
            found.append(Code(header[1]))
        elif match := instruction.match(line):
            found[-1].instructions[match[1]] += 1
    return found


def scope(function: str) -> str:
    """`void fusedloss::v3::stage` of `void fusedloss::v3::stage<float>(float*)::{lambda(int)#1}::operator()(int)`."""
    function = function.replace("(anonymous namespace)::", "")
    while (bare := re.sub(r"<[^<>]*>", "", function)) != function:
        function = bare
    return function.partition("(")[0]


def short_name(function: str) -> str:
    """Of these `stage`."""
    return re.split(r"\W", scope(function))[-1]


def check_symbols(path: Path, isa: str) -> Iterator[str]:
    """Checks 1 and 2."""
    symbols = symbols_of(path)
    external = [s.name for s in symbols if not s.is_local and not s.is_weak and s.section != "*UND*"]
    if len(external) != 1 or not re.fullmatch(rf"fusedloss_\w+_{isa}", external[0]):
        yield f"must have one external symbol, fusedloss_<family>_{isa}; has {', '.join(external) or 'none'}"
    for symbol in symbols:
        if symbol.is_weak and f"fusedloss::{isa}::" not in scope(symbol.name):
            yield f"weak symbol {symbol.name}: the linker may give it to all instruction sets"
        if symbol.section == "*UND*" and symbol.name not in UNDEFINED:
            yield f"needs {symbol.name} from elsewhere"
    sections = {fields[1] for line in objdump(path, "-h") if len(fields := line.split()) > 2}
    if any(section.startswith(INITIALISERS) for section in sections):
        yield "has a static initialiser"


def check_code(path: Path, shared: dict[str, str]) -> Iterator[str]:
    """Checks 3 and 4."""
    targets = table_targets(path)
    for symbol in symbols_of(path):
        if not symbol.is_function or symbol.section == "*UND*" or ".cold" in symbol.name:
            continue
        if targets & {(symbol.section, symbol.address), (symbol.name, 0)}:
            continue
        if short_name(symbol.name) not in shared:
            yield f"not inlined: {symbol.name}"
    for code in code_of(path):
        gathers = code.matching(GATHER)
        if gathers and shared.get(short_name(code.name)) != "staging.hpp":
            yield f"{', '.join(gathers)} in {code.name}"


@cache
def lane_loops(source: Path) -> list[tuple[int, int]]:
    """First and last line of the loops under FUSEDLOSS_LANES. The formatter indents, so braces need not be counted."""
    lines = source.read_text().splitlines()
    found = []
    for first, line in enumerate(lines):
        if first > 0 and lines[first - 1].lstrip().startswith("FUSEDLOSS_LANES("):
            indent = line[: len(line) - len(line.lstrip())]
            closing = (n for n in range(first, len(lines)) if lines[n].startswith(indent + "}"))
            found.append((first + 1, next(closing) + 1 if line.endswith("{") else first + 1))
    return found


def check_lanes(item: Object) -> Iterator[str]:
    """Check 5."""
    if "-Werror=pass-failed" in item.command:
        return
    command = item.command.copy()
    command[command.index("-o") + 1] = os.devnull
    command[command.index("-c")] = "-S"
    command.append("-fopt-info-vec-missed")
    report = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    missed: dict[str, Counter[str]] = defaultdict(Counter)
    for file, line, reason in re.findall(
        r"^(.+?):(\d+):\d+: missed: +(?:not vectorized: )?(.*)$", report, re.MULTILINE
    ):
        source = Path(file).resolve()
        for first, last in lane_loops(source):
            if first <= int(line) <= last:
                missed[f"{source.name}:{first}"][reason] += 1
    for loop, reasons in missed.items():
        if times := reasons.pop("couldn't vectorize loop", 0):
            told = [reason for reason, _ in reasons.most_common() if not reason.startswith("no vectype")]
            yield f"lanes not vectorised at {loop}, {times} times: {', '.join(told) or 'ask -fopt-info-vec-all'}"


def check_baseline(path: Path) -> Iterator[str]:
    """Check 7."""
    found = {code.name: words for code in code_of(path) if (words := code.matching(BEYOND_BASELINE))}
    for name, instructions in list(found.items())[:1]:
        yield f"runs on every processor, but has {instructions[0]} in {name} ({len(found)} such functions)"


def check_object(item: Object, shared: dict[str, str], lanes: Collection[str] = VECTOR_ISAS) -> list[str]:
    """What is wrong with an object file, in sentences. Of the sets in `lanes`, it is compiled again for check 5."""
    problems: list[str] = []
    if item.isa is not None:
        problems += check_symbols(item.path, item.isa)
    if item.isa in VECTOR_ISAS:
        problems += check_code(item.path, shared)
        problems += check_lanes(item) if item.isa in lanes else []
    else:
        problems += check_baseline(item.path)
    return problems


def check_all(items: list[Object], lanes: Collection[str] = VECTOR_ISAS) -> Iterator[tuple[Object, str]]:
    shared = shared_functions()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for item, problems in zip(items, pool.map(lambda item: check_object(item, shared, lanes), items), strict=True):
            for problem in problems:
                yield item, problem


def main() -> int:
    parser = argparse.ArgumentParser(description="Check the compiled kernels.")
    parser.add_argument(
        "build", nargs="?", type=Path, default=newest_build(), help="build directory (default: the newest)"
    )
    build = parser.parse_args().build
    if build is None:
        parser.error("there is no build directory under build/: run pip install . first, or name one")

    items = list(objects_of(build))
    failures = 0
    for item, problem in check_all(items):
        failures += 1
        print(f"{item.path.name} ({item.isa or 'extension'}): {problem}", file=sys.stderr)
    counts = Counter(item.isa or "extension" for item in items)
    print(f"objects checked in {build}: " + ", ".join(f"{count} {isa}" for isa, count in counts.items()))
    if failures or not {"baseline", "extension"} <= counts.keys():
        print(f"{failures} problems", file=sys.stderr)
        return 1
    print("symbols, initialisers, inlining, vectorisation and instruction sets are as they must be")
    return 0


if __name__ == "__main__":
    sys.exit(main())
