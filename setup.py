"""Builds the native parts: kernels/ into autograd.kernels, and the tape in Cython's pure-Python mode."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent
COMPILED = ["value", "tape", "sweep", "operators", "tensor", "nn.base", "optim.many"]
# -ffast-math and its like are out: at link time they flush subnormals in the whole process.
CFLAGS = ["-O2", "-std=gnu11", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-Wno-psabi", "-g0"]
# AUTOGRAD_SANITIZE=1: every access and every undefined operation is checked, see .ci/sanitize.
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
SANITIZE = os.environ.get("AUTOGRAD_SANITIZE") == "1"
if SANITIZE:
    CFLAGS += ["-O1", "-g1", "-fno-omit-frame-pointer", *SANITIZERS]


def source_hash() -> str:
    """Fingerprint of the kernels' sources; tests compare it to find a stale build."""
    digest = hashlib.sha256()
    files = [p for p in (ROOT / "kernels").iterdir() if p.suffix in {".c", ".h", ".inc", ".pyx", ".pxi"}]
    for path in sorted(files):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def without_hash(target, source, suffix, flags, more_flags, macros):
    """A compiler's arguments; only the wrappers know SOURCE_HASH, so that a cache of objects serves the other files."""
    kept = [macro for macro in macros if "SOURCE_HASH" not in macro or source.endswith("kernels.c")]
    return target, source, suffix, flags, more_flags, kept


class ParallelBuild(build_ext):
    """Compiles the C files of an extension side by side: the ISA variants dominate the build."""

    def build_extensions(self) -> None:
        compile_one = self.compiler._compile
        futures = []
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            self.compiler._compile = lambda *args: futures.append(pool.submit(compile_one, *without_hash(*args)))
            link = self.compiler.link_shared_object

            def link_when_compiled(*args, **kwargs):
                for future in futures:
                    future.result()
                futures.clear()
                link(*args, **kwargs)

            self.compiler.link_shared_object = link_when_compiled
            super().build_extensions()


def extensions() -> list[Extension]:
    options = {
        "include_dirs": ["kernels", numpy.get_include()],
        "extra_compile_args": CFLAGS,
        "extra_link_args": SANITIZERS if SANITIZE else [],
        "define_macros": [
            ("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION"),
            ("NPY_TARGET_VERSION", "NPY_1_22_API_VERSION"),  # memory handlers
        ],
    }
    c_files = sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "kernels").glob("*.c"))
    included = sorted(p for p in (ROOT / "kernels").iterdir() if p.suffix in {".h", ".inc", ".pxi"})
    headers = [p.relative_to(ROOT).as_posix() for p in included]
    kernels = Extension("autograd.kernels", ["kernels/kernels.pyx", *c_files], depends=headers, **options)
    kernels.define_macros = [*options["define_macros"], ("SOURCE_HASH", f'"{source_hash()}"')]
    # Static types: Cython keeps instances of heap types for reuse only where the type has no subclass, as Value does.
    options["define_macros"] = [*options["define_macros"], ("CYTHON_USE_TYPE_SPECS", "0")]
    compiled = [
        Extension(f"autograd.{name}", [f"autograd/{name.replace('.', '/')}.py"], **options) for name in COMPILED
    ]
    directives = {
        "language_level": "3",
        "boundscheck": False,
        "initializedcheck": False,
        "cdivision": False,
        "embedsignature": True,
        "freethreading_compatible": False,
    }
    return cythonize([kernels, *compiled], build_dir="build/cython", compiler_directives=directives, quiet=True)


setup(ext_modules=extensions(), cmdclass={"build_ext": ParallelBuild})
