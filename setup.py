"""Builds the native parts: kernels/ into autograd.kernels, and the tape in Cython's pure-Python mode."""

import hashlib
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent
OBJECTS = ROOT / "build/objects"
COMPILED = ["deferred", "value", "plan", "waiting", "tape", "visit", "sweep", "operators", "tensor"]
COMPILED += ["nn.base", "nn.folding", "optim.many", "optim.optimizer", "optim.sgd"]
# -ffast-math and its like are out: at link time they flush subnormals in the whole process.
CFLAGS = ["-O2", "-std=gnu11", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-Wno-psabi", "-g0"]
# Or a kernel's loops lie otherwise, and run slower or faster, when another one grows.
CFLAGS += ["-falign-functions=64"]
# AUTOGRAD_SANITIZE=1: every access and every undefined operation is checked, see .ci/sanitize.
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
SANITIZE = os.environ.get("AUTOGRAD_SANITIZE") == "1"
if SANITIZE:
    CFLAGS += ["-O1", "-g1", "-fno-omit-frame-pointer", *SANITIZERS]
# AUTOGRAD_EMULATE=1: the AVX-512 kernels run where there is only AVX2, see .ci/emulate. Optimising them takes too long.
EMULATE = ["-DEMULATE_AVX512"] if os.environ.get("AUTOGRAD_EMULATE") == "1" else []
CFLAGS += EMULATE


def source_hash() -> str:
    """Fingerprint of the kernels' sources; tests compare it to find a stale build."""
    digest = hashlib.sha256()
    files = [p for p in (ROOT / "kernels").iterdir() if p.suffix in {".c", ".h", ".inc", ".pyx", ".pxi"}]
    for path in sorted(files):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


class ParallelBuild(build_ext):
    """Compiles the C files of all extensions side by side, those that take longest first: the ISA variants."""

    def build_extensions(self) -> None:
        compile_one, link = self.compiler._compile, self.compiler.link_shared_object
        self.objects: set[Path] = set()
        compilations, links = [], []
        self.compiler._compile = lambda *args: compilations.append(args)
        self.compiler.link_shared_object = lambda *args, **kwargs: links.append((args, kwargs))
        super().build_extensions()
        compilations.sort(key=lambda args: "isa_" not in args[1])
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda args: self.compile_once(compile_one, *args), compilations))
        for args, kwargs in links:
            link(*args, **kwargs)
        for path in OBJECTS.glob("*.o"):
            if path not in self.objects:
                path.unlink(missing_ok=True)

    def compile_once(self, compile_one, target, source, suffix, flags, more_flags, macros) -> None:
        """Compiles, unless the last build did the same: pip begins each build of an editable install from nothing."""
        if not source.endswith("kernels.c"):  # only the wrappers know it
            flags = [flag for flag in flags if "SOURCE_HASH" not in flag]
        if EMULATE and "isa_avx512" in source:
            more_flags = [*more_flags, "-O0"]
        compiler = getattr(self.compiler, "compiler_so", "")
        told = [compiler, [flag for flag in flags if not flag.startswith("-I")], more_flags]
        digest = hashlib.sha256(repr((told, sys.version, numpy.__version__)).encode())
        for path in [Path(source), *sorted(p for p in (ROOT / "kernels").iterdir() if p.suffix in {".h", ".inc"})]:
            digest.update(path.read_bytes())
        kept = OBJECTS / f"{digest.hexdigest()[:32]}.o"
        self.objects.add(kept)
        if kept.exists():
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(kept, target)
            return
        compile_one(target, source, suffix, flags, more_flags, macros)
        OBJECTS.mkdir(parents=True, exist_ok=True)
        half = kept.with_suffix(f".{os.getpid()}")
        shutil.copyfile(target, half)
        half.replace(kept)


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
