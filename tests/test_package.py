"""What is installed and distributed: files, version, the C++ headers as a stranger's CMake project uses them."""

from __future__ import annotations

import re
import sys
import tarfile
from importlib import metadata
from pathlib import Path

import pytest
from building import configure, run

import fusedloss

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path(fusedloss.__file__).parent
HEADERS = sorted(path.relative_to(ROOT / "cpp") for path in (ROOT / "cpp" / "fusedloss").rglob("*.hpp"))


def test_version_is_the_packages() -> None:
    assert metadata.version("fusedloss") == fusedloss.__version__
    assert f"## [{fusedloss.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_what_is_installed() -> None:
    assert (PACKAGE / "py.typed").is_file()
    assert (PACKAGE / "_core.pyi").is_file()
    assert len(list(PACKAGE.glob("_core.*.so"))) == 1
    include = Path(fusedloss.get_include())
    assert sorted(path.relative_to(include) for path in include.rglob("*") if path.is_file()) == HEADERS
    for header in HEADERS:
        assert (include / header).read_text() == (ROOT / "cpp" / header).read_text(), "installed from other sources"


def test_numpy_is_all_it_needs() -> None:
    required = [line for line in metadata.requires("fusedloss") or [] if "extra ==" not in line]
    assert [re.split(r"\W", line)[0] for line in required] == ["numpy"]


@pytest.mark.parametrize("header", HEADERS, ids=str)
def test_header_stands_alone(header: Path, tmp_path: Path) -> None:
    """Every header compiles by itself, without a warning, and asks the standard library for freestanding parts only."""
    text = (ROOT / "cpp" / header).read_text()
    assert set(re.findall(r"#include <(.*)>", text)) <= {"cstddef", "cstdint", "cstring", "type_traits"}
    (tmp_path / "alone.cpp").write_text(f"#include <{header}>\n")
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", "-fopenmp-simd", "-fsyntax-only"]
    run("c++", *flags, "-I", fusedloss.get_include(), tmp_path / "alone.cpp")


# Two files of one program, built with different flags, use the same loss: each must keep its own code.
CONSUMER = {
    "CMakeLists.txt": """
cmake_minimum_required(VERSION 3.18)
project(consumer LANGUAGES CXX)
find_package(fusedloss 0.1 CONFIG REQUIRED)
add_executable(consumer main.cpp vector.cpp)
set_source_files_properties(vector.cpp PROPERTIES COMPILE_OPTIONS "${vector_flags}")
target_link_libraries(consumer PRIVATE fusedloss::fusedloss)
""",
    "vector.cpp": """
#include <fusedloss/losses/regression.hpp>
void derivative(const float* r, float* d1) {
  for (int i = 0; i < 4; ++i) d1[i] = fusedloss::Squared::of(r[i], fusedloss::Squared::Options<float>{0.5f}).d1;
}
""",
    "main.cpp": """
#include <cstdio>
#include <fusedloss/losses/regression.hpp>
void derivative(const float* r, float* d1);
int main() {
  const float r[4] = {1, 2, -3, 4};
  float d1[4];
  derivative(r, d1);
  for (int i = 0; i < 4; ++i) {
    const auto jet = fusedloss::Squared::of(r[i], fusedloss::Squared::Options<float>{0.5f});
    std::printf("%g %g %g\\n", jet.value, jet.d1, d1[i]);
  }
}
""",
}


@pytest.mark.parametrize("vector_flags", ["", "-march=native"])
def test_cmake_package(vector_flags: str, tmp_path: Path) -> None:
    for name, text in CONSUMER.items():
        (tmp_path / name).write_text(text)
    build = tmp_path / "build"
    prefix = fusedloss.get_cmake_dir()
    configure(tmp_path, build, vector_flags=vector_flags, CMAKE_PREFIX_PATH=prefix, CMAKE_EXPORT_COMPILE_COMMANDS="ON")
    run("cmake", "--build", build)
    assert "-ffp-contract=off" in (build / "compile_commands.json").read_text()
    output = run(build / "consumer")
    rows = [[float(word) for word in line.split()] for line in output.splitlines()]
    assert rows == [[0.5 * r * r, r, r] for r in (1.0, 2.0, -3.0, 4.0)]


def test_headers_alone_by_cmake(tmp_path: Path) -> None:
    """C++ users need neither Python nor pybind11."""
    configure(ROOT, tmp_path / "build", FUSEDLOSS_PYTHON="OFF")
    run("cmake", "--install", tmp_path / "build", "--prefix", tmp_path / "prefix")
    assert (tmp_path / "prefix" / "share" / "cmake" / "fusedloss" / "fusedlossConfig.cmake").is_file()
    assert all((tmp_path / "prefix" / "include" / header).is_file() for header in HEADERS)


def test_source_distribution(tmp_path: Path) -> None:
    code = "import sys; from scikit_build_core.build import build_sdist; print(build_sdist(sys.argv[1]))"
    name = run(sys.executable, "-c", code, tmp_path, cwd=ROOT).splitlines()[-1]
    assert name == f"fusedloss-{fusedloss.__version__}.tar.gz"
    with tarfile.open(tmp_path / name) as archive:
        files = {Path(*Path(member).parts[1:]) for member in archive.getnames()}
    sources = [path for folder in ("cpp", "python", "tests", "tools") for path in (ROOT / folder).rglob("*.?pp")]
    sources += [path for folder in ("python", "tests", "tools", "examples") for path in (ROOT / folder).rglob("*.py")]
    top = {Path(name) for name in ("pyproject.toml", "CMakeLists.txt", "README.md", "LICENSE", "CHANGELOG.md")}
    assert top | {path.relative_to(ROOT) for path in sources} <= files
    unwanted = {".so", ".o", ".pyc"}
    assert not [path for path in files if path.suffix in unwanted or path.parts[0] in {"build", "dist", ".git"}]


def test_flags_for_one_machine_are_refused(tmp_path: Path) -> None:
    """Flags that would put AVX into every file are refused, with a reason."""
    with pytest.raises(AssertionError, match="'-mavx2' turn on"):
        configure(ROOT, tmp_path, CMAKE_CXX_FLAGS="-mavx2")
