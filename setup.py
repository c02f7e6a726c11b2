"""The C extension; everything else stands in pyproject.toml."""

import glob
import os
import sysconfig
import tempfile
from collections.abc import Sequence

import numpy as np
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CCompilerError, CompileError, LinkError

HEADERS = ("pcap/pcap.h", "zlib.h", "zstd.h")

# numpy's headers allow the stable ABI: one binary for CPython 3.11 and all later ones.
# Free-threaded builds have no stable ABI yet.
STABLE_ABI = sysconfig.get_config_var("Py_GIL_DISABLED") != 1


WARNINGS = ["-Wall", "-Wextra", "-Wshadow"]
# _FORTIFY_SOURCE is undefined first: some compilers define it themselves, and would warn of ours.
HARDENING = [
    "-fvisibility=hidden",
    "-fstack-protector-strong",
    "-U_FORTIFY_SOURCE",
    "-D_FORTIFY_SOURCE=2",
]
# What not every compiler, linker and processor knows: each is tried. The first touches large stack
# frames page by page, so that none leaps over the guard page;
# the second lets the processor refuse jumps to where no function begins.
OPTIONAL_HARDENING = ["-fstack-clash-protection", "-fcf-protection"]
OPTIONAL_LINK_HARDENING = ["-Wl,-z,noexecstack"]


class BuildExtension(build_ext):
    def build_extensions(self) -> None:
        missing = [header for header in HEADERS if not self.has(header)]
        if missing:
            raise CCompilerError(
                f"\n\nmonerotraffic needs a C compiler and the headers {', '.join(HEADERS)}; "
                f"it cannot compile with: {', '.join(missing)}."
                "\nOn Debian and Ubuntu: apt-get install gcc libc6-dev python3-dev "
                "libpcap-dev libzstd-dev zlib1g-dev\n"
            )
        hardening = [
            flag for flag in OPTIONAL_HARDENING if self.can_build(compiling=["-Werror", flag])
        ]
        linking = [
            flag for flag in OPTIONAL_LINK_HARDENING if self.can_build(linking=["-Werror", flag])
        ]
        # The packet path runs through a dozen small files: optimised as one program it is a tenth
        # faster. Not every clang can link that.
        whole_program = self.can_build(compiling=["-flto"], linking=["-flto"])
        for extension in self.extensions:
            extension.extra_compile_args += [*hardening, *(["-flto"] if whole_program else [])]
            extension.extra_link_args += [*linking, *(["-flto", "-O3"] if whole_program else [])]
        super().build_extensions()

    def can_build(self, compiling: Sequence[str] = (), linking: Sequence[str] = ()) -> bool:
        """Whether a small library can be built with these flags."""
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, "flags.c")
            with open(source, "w") as file:
                file.write("int flags(void);\nint flags(void) { return 0; }\n")
            try:
                objects = self.compiler.compile(
                    [source], output_dir=folder, extra_preargs=list(compiling)
                )
                self.compiler.link_shared_object(
                    objects, os.path.join(folder, "flags.so"), extra_preargs=list(linking)
                )
            except (CompileError, LinkError):
                return False
        return True

    def has(self, header: str) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, "header.c")
            with open(source, "w") as file:
                file.write(f"#include <stdio.h>\n#include <{header}>\n")
            try:
                self.compiler.compile([source], output_dir=folder)
            except CompileError:
                return False
        return True


core = Extension(
    "monerotraffic._core",
    sources=sorted(glob.glob("csrc/**/*.c", recursive=True)),
    depends=sorted(glob.glob("csrc/**/*.h", recursive=True)),
    include_dirs=["csrc", np.get_include()],
    libraries=["pcap", "z", "zstd"],
    define_macros=[("Py_LIMITED_API", "0x030b0000")] if STABLE_ABI else [],
    extra_compile_args=["-std=c11", "-O3", "-pthread", *WARNINGS, *HARDENING],
    extra_link_args=["-pthread", "-Wl,-z,relro,-z,now"],
    py_limited_api=STABLE_ABI,
)

setup(
    ext_modules=[core],
    cmdclass={"build_ext": BuildExtension},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE_ABI else {},
)
