"""What pyproject.toml cannot say: the extensions, their directives and flags, and the stubs beside them.

Three switches choose another build; ``CONTRIBUTING.md`` says what each is for:
``LIGHTWORK_DEBUG=1``, ``LIGHTWORK_SANITIZE=thread`` and ``LIGHTWORK_COVERAGE=1``.
"""

import os
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_py import build_py

SOURCES = Path("src")
STUBS = Path("stubs")
SETTINGS = Path("build", "settings")

DEBUG = os.environ.get("LIGHTWORK_DEBUG") == "1"
SANITIZE = os.environ.get("LIGHTWORK_SANITIZE", "")
COVERAGE = os.environ.get("LIGHTWORK_COVERAGE") == "1"

DIRECTIVES = {
    "language_level": 3,
    "freethreading_compatible": True,
    "binding": True,  # stubtest compares signatures, which only bound functions have
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
    "nonecheck": DEBUG,
    "cdivision": True,
    "auto_pickle": False,  # with autotestdict: names that stubtest would find in no stub
    "autotestdict": False,
    "linetrace": COVERAGE,
}

MACROS: list[tuple[str, str | None]] = [
    ("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
    ("NPY_TARGET_VERSION", "NPY_2_0_API_VERSION"),
]
if COVERAGE:
    MACROS += [("CYTHON_TRACE_NOGIL", "1"), ("CYTHON_USE_SYS_MONITORING", "0")]

# Contraction would fuse a*b+c into one rounding and leave NumPy's bits.
COMPILE = ["-std=c++17", "-ffp-contract=off", "-fvisibility=hidden"]
COMPILE += ["-O0", "-g1"] if DEBUG else ["-O1", "-g1"] if SANITIZE else ["-O3", "-g0"]
LINK: list[str] = []
if SANITIZE:
    COMPILE.append(f"-fsanitize={SANITIZE}")
    LINK.append(f"-fsanitize={SANITIZE}")


class BuildWithStubs(build_py):
    """Put each ``stubs/**/*.pyi`` beside the compiled module that it describes."""

    def _stubs(self) -> dict[str, str]:
        return {str(Path(self.build_lib, stub.relative_to(STUBS))): str(stub) for stub in sorted(STUBS.rglob("*.pyi"))}

    def get_output_mapping(self) -> dict[str, str]:
        """Return what a strict editable install links, stubs included."""
        return super().get_output_mapping() | self._stubs()

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Return the files that an install records, stubs included."""
        return [*super().get_outputs(include_bytecode), *self._stubs()]

    def run(self) -> None:
        """Copy the package, then its stubs; an editable install keeps them where they are."""
        super().run()
        if not self.editable_mode:
            for target, stub in self._stubs().items():
                self.mkpath(str(Path(target).parent))
                self.copy_file(stub, target)


def extension(source: Path) -> Extension:
    """Return the extension that one ``.pyx`` becomes."""
    return Extension(
        ".".join(source.relative_to(SOURCES).with_suffix("").parts),
        [str(source)],
        include_dirs=[np.get_include()],
        define_macros=MACROS,
        extra_compile_args=COMPILE,
        extra_link_args=LINK,
        language="c++",
    )


def extensions() -> list[Extension]:
    """Translate every ``.pyx`` under ``src`` anew where it, a ``.pxd`` that it uses or a setting has changed."""
    settings = repr((DIRECTIVES, MACROS, COMPILE, LINK))
    changed = not SETTINGS.exists() or SETTINGS.read_text() != settings
    translated: list[Extension] = cythonize(
        [extension(source) for source in sorted(SOURCES.rglob("*.pyx"))],
        # coverage.py finds the generated file beside its source only
        build_dir=None if COVERAGE else "build/cython",
        include_path=[str(SOURCES)],
        compiler_directives=DIRECTIVES,
        emit_linenums=DEBUG,
        force=changed,
        cache=os.environ.get("CYTHON_CACHE_DIR"),  # for who builds for several interpreters: what is translated is the same for all
    )
    SETTINGS.parent.mkdir(exist_ok=True)
    SETTINGS.write_text(settings)
    return translated


if __name__ == "__main__":
    setup(
        ext_modules=extensions(),
        cmdclass={"build_py": BuildWithStubs},
        options={"build_ext": {"parallel": os.cpu_count()}},
    )
