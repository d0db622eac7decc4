# SPDX-License-Identifier: Apache-2.0
"""The headers compile wherever they must: strict C99 and C11, C++17, and the C parser that binding generators use."""

import pathlib
import shutil
import subprocess

import pycparser
import pytest

HERE = pathlib.Path(__file__).resolve().parent
INCLUDE = HERE.parent.parent / "include"
HEADERS = ("hedgerouter.h", "hedgerouter_sim.h")
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wundef", "-Werror", f"-I{INCLUDE}"]
C_ONLY = ["-Wstrict-prototypes", "-Wmissing-prototypes"]


def compilers(*names):
    return [name for name in names if shutil.which(name)]


def compile_and_run(command, tmp_path):
    program = tmp_path / "program"
    subprocess.run([*command, "-o", str(program)], check=True, timeout=60)
    assert subprocess.run([str(program)], timeout=10).returncode == 0


@pytest.mark.parametrize("standard", ["c99", "c11"])
@pytest.mark.parametrize("compiler", compilers("gcc", "clang"))
def test_header_is_strict_c_and_its_init_macros_keep_their_promises(compiler, standard, tmp_path):
    compile_and_run([compiler, f"-std={standard}", *STRICT, *C_ONLY, str(HERE / "header_c99.c")], tmp_path)


@pytest.mark.parametrize("compiler", compilers("g++", "clang++"))
def test_header_is_strict_cxx17_with_c_linkage(compiler):
    source = str(HERE / "header_cxx17.cc")
    subprocess.run([compiler, "-std=c++17", *STRICT, "-fsyntax-only", source], check=True, timeout=60)


@pytest.mark.parametrize("header", HEADERS)
def test_each_header_compiles_alone(header, tmp_path):
    unit = tmp_path / "alone.c"
    unit.write_text(f"#include <{header}>\nextern int nothing;\n", encoding="utf-8")
    subprocess.run(["gcc", "-std=c99", *STRICT, *C_ONLY, "-fsyntax-only", str(unit)], check=True, timeout=60)


def test_c_parser_of_binding_generators_reads_every_function():
    # What pycparser needs of the standard headers, since it reads preprocessed C without compiler extensions.
    fakes = "typedef unsigned char uint8_t; typedef int int32_t; typedef unsigned uint32_t; typedef long int64_t;" \
            "typedef unsigned long uint64_t; typedef unsigned long size_t;\n"
    text = "".join((INCLUDE / name).read_text(encoding="utf-8") for name in HEADERS)
    plain = "\n".join(line for line in text.splitlines() if not line.startswith(("#include", "#error")))
    preprocessed = subprocess.run(["gcc", "-E", "-P", "-U__GNUC__", "-x", "c", "-"], input=fakes + plain,
                                  capture_output=True, text=True, check=True, timeout=60).stdout
    tree = pycparser.CParser().parse(preprocessed)
    functions = [node.name for node in tree.ext
                 if isinstance(node, pycparser.c_ast.Decl) and isinstance(node.type, pycparser.c_ast.FuncDecl)]
    assert len(functions) == text.count("\nHR_API ")
    assert "hr_submit" in functions and "hr_sim_core" in functions
