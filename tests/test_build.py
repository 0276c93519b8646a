"""What the compiler made of the kernels: symbols, inlining, instruction sets. The checks are tools/check_kernels.py.

Each of them is also shown a small object that breaks its rule: a check that cannot fail proves nothing.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pybind11
import pytest
from building import configure, run

from tools import check_kernels

ROOT = check_kernels.ROOT
EXTENSION = {"Python_EXECUTABLE": sys.executable, "pybind11_DIR": pybind11.get_cmake_dir()}

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="the checks read x86-64 ELF objects"
)


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the last `pip install .`, or a new build where sources have changed since."""
    sources = [ROOT / "CMakeLists.txt", *(path for path in (ROOT / "cpp").rglob("*") if path.is_file())]
    last_change = max(path.stat().st_mtime for path in sources)
    newest = check_kernels.newest_build()
    if newest is not None and (newest / "install_manifest.txt").stat().st_mtime > last_change:
        return newest
    fresh = tmp_path_factory.mktemp("build")
    configure(ROOT, fresh, **EXTENSION)
    run("cmake", "--build", fresh, "--parallel", "2")
    return fresh


def test_objects_of_this_build(build: Path) -> None:
    items = list(check_kernels.objects_of(build))
    assert {item.isa for item in items} == {None, "baseline", "v3", "v4"}
    families = {path.stem for path in (ROOT / "cpp" / "kernels").glob("*.cpp")}
    for isa in ("baseline", "v3", "v4"):
        assert {item.path.name.partition(".")[0] for item in items if item.isa == isa} == families
    # Compiled again for AVX-512 only: tools/check_kernels.py, which CI runs, does so for all.
    found = check_kernels.check_all(items, lanes=("v4",))
    problems = [f"{item.path.name} ({item.isa}): {problem}" for item, problem in found]
    assert not problems, "\n".join(problems)


def test_flags_of_this_machine_do_not_leak(tmp_path: Path) -> None:
    """CXXFLAGS for the builder's own processor, and for fast mathematics, change nothing."""
    flags = "-march=native -Ofast -flto"
    configure(ROOT, tmp_path / "plain", **EXTENSION)
    configure(ROOT, tmp_path / "flags", CMAKE_CXX_FLAGS=flags, **EXTENSION)
    for name in (
        "CMakeFiles/kernels_baseline.dir/cpp/kernels/math.cpp.o",
        "CMakeFiles/_core.dir/cpp/runtime/cpu.cpp.o",
    ):
        code = []
        for build in (tmp_path / "plain", tmp_path / "flags"):
            run("ninja", "-C", build, name)
            code.append([(function.name, function.instructions) for function in check_kernels.code_of(build / name)])
        assert code[0] == code[1]


# An object that has nothing wrong: an entry whose address is in the table, with its mathematics inlined.
GOOD = """
#define FUSEDLOSS_LANES(count) _Pragma("omp simd")
namespace {
inline __attribute__((always_inline)) float half(float x) { return 0.5f * x; }
void entry(const float* x, float* y, long n, float (*)(float)) {
  for (long i = 0; i + 16 <= n; i += 16) {
    FUSEDLOSS_LANES(16)
    for (long l = i; l < i + 16; ++l) {
      y[l] = half(x[l]);
    }
  }
}
}
struct Table { void (*run)(const float*, float*, long, float (*)(float)); };
extern "C" constexpr Table TABLE = {entry};
"""
BODY = "y[l] = half(x[l]);"
INTRINSICS = "#include <immintrin.h>"
AVX = '#pragma GCC target("avx2")'

# Rule -> instruction set, an object that breaks it, what the checks must say.
FAULTS = {
    "weak symbol": (
        "v3",
        "inline __attribute__((noinline)) float twice(float x) { return 2 * x; }"
        + GOOD.replace("0.5f * x", "twice(x)"),
        "weak symbol twice",
    ),
    "weak symbol of another instruction set": (
        "v3",
        "namespace fusedloss { inline namespace v4 { inline __attribute__((noinline)) float twice(float x) "
        "{ return 2 * x; } } }" + GOOD.replace("0.5f * x", "fusedloss::twice(x)"),
        "weak symbol fusedloss::v4::twice",
    ),
    "libm": ("v3", GOOD.replace(BODY, "y[l] = __builtin_expf(x[l]);"), "needs expf"),
    "two tables": ("v3", GOOD + 'extern "C" constexpr Table fusedloss_more_v3 = {entry};', "one external symbol"),
    "wrong row": ("v4", GOOD.replace("TABLE", "fusedloss_test_v3"), "one external symbol"),
    "initialiser": ("v3", GOOD + "static volatile int seed; static int start = seed;", "static initialiser"),
    "not inlined": ("v3", GOOD.replace("always_inline", "noinline"), "not inlined: .*half"),
    "gather": (
        "v3",
        INTRINSICS + GOOD.replace(BODY, "_mm256_storeu_ps(y, _mm256_i32gather_ps(x, _mm256_set1_epi32(l), 4));"),
        "vgatherd.* in .*entry",
    ),
    "scatter": (
        "v4",
        INTRINSICS + GOOD.replace(BODY, "_mm512_i32scatter_ps(y, _mm512_set1_epi32(l), _mm512_loadu_ps(x), 4);"),
        "vscatterd.* in .*entry",
    ),
    "call in the lanes": (
        "v3",
        GOOD.replace("(*)(float)) {", "(*f)(float)) {").replace(BODY, "y[l] = f(x[l]);"),
        r"not vectorised at test.cpp:8",
    ),
    "branch in the lanes": (
        "v4",
        GOOD.replace(BODY, "if (x[l] > 0) { ++*(volatile int*)y; }"),
        r"not vectorised at test.cpp:8, 1 times: control flow in loop",
    ),
    "AVX in the baseline": ("baseline", AVX + GOOD, "runs on every processor"),
    "AVX in the runtime": (None, AVX + GOOD, "runs on every processor"),
}
MARCH = {None: "x86-64", "baseline": "x86-64", "v3": "x86-64-v3", "v4": "x86-64-v4"}


def problems_of(source: str, isa: str | None, folder: Path) -> str:
    """What the checks say of a source, compiled the way kernels are."""
    (folder / "test.cpp").write_text(source.replace("TABLE", f"fusedloss_test_{isa}"))
    flags = ["-O2", "-fopenmp-simd", "-fno-math-errno", "-fno-trapping-math", "-fno-exceptions", f"-march={MARCH[isa]}"]
    command = ["g++", "-std=c++17", "-fPIC", *flags, "-c", str(folder / "test.cpp"), "-o", str(folder / "test.o")]
    run(*command)
    return "\n".join(check_kernels.check_object(check_kernels.Object(folder / "test.o", isa, command), shared={}))


@pytest.mark.parametrize("isa", ["baseline", "v3", "v4"])
def test_checks_pass_what_is_right(isa: str, tmp_path: Path) -> None:
    assert problems_of(GOOD, isa, tmp_path) == ""


@pytest.mark.parametrize(
    ("demangled", "name"),
    [
        ("void fusedloss::(anonymous namespace)::stage<float>(fusedloss::abi::Array const&, float*)", "stage"),
        ("void fusedloss::v3::stage<float>(fusedloss::abi::Array const&, float*)", "stage"),
        (
            "fusedloss::(anonymous namespace)::Task<fusedloss::Softmax, (fusedloss::abi::Outputs)1>::bring(long)",
            "bring",
        ),
        ("void stage<float>(float*)::{lambda(long)#1}::operator()(long) const [clone .isra.0]", "stage"),
    ],
)
def test_name_of_a_function(demangled: str, name: str) -> None:
    assert check_kernels.short_name(demangled) == name


@pytest.mark.parametrize("fault", FAULTS)
def test_checks_catch(fault: str, tmp_path: Path) -> None:
    isa, source, message = FAULTS[fault]
    with pytest.raises(AssertionError, match=message):
        assert not problems_of(source, isa, tmp_path)
