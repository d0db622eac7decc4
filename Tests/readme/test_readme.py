# SPDX-License-Identifier: Apache-2.0
"""What the README shows is what the files are, and it runs as shown; so do all the examples."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from provider import WORDS, Provider

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
DIST = ROOT / ".build" / "dist"
README = (ROOT / "README.md").read_text(encoding="utf-8")
TEXT = "".join(WORDS)
SHOWN = {"c": "c/complete.c", "python": "python/complete.py", "go": "go/main.go"}


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)


@pytest.fixture
def provider():
    with Provider() as running:
        yield running


@pytest.fixture
def place(tmp_path, provider):
    """An empty folder with the README's configuration in it, and the environment the README asks for."""
    (tmp_path / "router.json").write_text(blocks("json")[0], encoding="utf-8")
    environment = {**os.environ, "PKG_CONFIG_PATH": str(DIST / "lib" / "pkgconfig"),
                   "LD_LIBRARY_PATH": str(DIST / "lib"), "PYTHONPATH": str(ROOT / "bindings" / "python"),
                   "OPENAI_BASE_URL": provider.url, "OPENAI_API_KEY": "first-key",
                   "SECOND_BASE_URL": provider.url, "SECOND_API_KEY": "second-key"}

    def run(*command):
        done = subprocess.run([str(part) for part in command], cwd=tmp_path, env=environment, capture_output=True,
                              text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return tmp_path, run


def compiler_flags(run):
    return run("pkg-config", "--cflags", "--libs", "hedgerouter").split()


@pytest.mark.parametrize("language", SHOWN)
def test_the_readme_shows_the_example_file(language):
    assert (EXAMPLES / SHOWN[language]).read_text(encoding="utf-8") in blocks(language)


def test_the_readme_shows_the_example_configuration():
    assert blocks("json")[0] == (EXAMPLES / "router.json").read_text(encoding="utf-8")


def test_the_c_program_of_the_readme_runs(place, provider):
    folder, run = place
    shutil.copy(EXAMPLES / "c" / "complete.c", folder)
    run("cc", "complete.c", "-Wall", "-Wextra", "-Werror", "-o", "complete", *compiler_flags(run))
    answer = json.loads(run("./complete"))
    assert answer["choices"][0]["message"]["content"] == TEXT
    assert provider.seen and all(seen["path"] == "/v1/chat/completions" for seen in provider.seen)
    assert {seen["key"] for seen in provider.seen} <= {"Bearer first-key", "Bearer second-key"}


def test_the_python_program_of_the_readme_runs(place, provider):
    folder, run = place
    shutil.copy(EXAMPLES / "python" / "complete.py", folder)
    assert run(sys.executable, "complete.py").splitlines() == [TEXT, TEXT]
    assert len(provider.seen) >= 2


def test_the_go_program_of_the_readme_runs(place, provider):
    folder, run = place
    # The module names the binding by a relative path, so it is built where it lies.
    subprocess.run(["go", "build", "-o", str(folder / "example"), "."], cwd=EXAMPLES / "go", check=True, timeout=300,
                   env={**os.environ, "PKG_CONFIG_PATH": str(DIST / "lib" / "pkgconfig")})
    assert run("./example").strip() == TEXT
    assert provider.seen


def test_the_streaming_c_example_runs(place):
    folder, run = place
    run("cc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", EXAMPLES / "c" / "stream.c", "-o", "stream",
        *compiler_flags(run))
    lines = run("./stream", "router.json", "chat").splitlines()
    assert lines[0].startswith("start after ")
    chunks = [json.loads(line) for line in lines[1:-1]]
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks) == TEXT
    assert json.loads(lines[-1])["attempts"]


def test_the_cxx_example_runs(place):
    _, run = place
    run("c++", "-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", EXAMPLES / "cpp" / "stream.cpp", "-o",
        "stream", *compiler_flags(run))
    lines = sorted(run("./stream", "router.json", "chat").splitlines())
    assert [line.split(":")[0] for line in lines] == ["answer 1", "answer 2", "answer 3"]
    assert all(line.endswith("HR_OK") for line in lines)


def test_the_asyncio_example_runs(place):
    _, run = place
    printed = run(sys.executable, EXAMPLES / "python" / "many.py", "router.json", "chat")
    assert printed.startswith(f"{TEXT}\n" * 10)
    assert json.loads(printed[len(f"{TEXT}\n" * 10):])["requests"]["succeeded"] == 10


def test_every_configuration_shown_is_valid(monkeypatch):
    sys.path.insert(0, str(ROOT / "bindings" / "python"))
    monkeypatch.setenv("HEDGEROUTER_LIBRARY", str(DIST / "lib" / "libhedgerouter.so.0"))
    import hedgerouter

    for name in re.findall(r"os\.environ/(\w+)", README):
        monkeypatch.setenv(name, "http://127.0.0.1:9/v1")
    whole = [json.loads(block) for block in blocks("json") if '"model_list"' in block]
    parts = [json.loads(block) for block in blocks("json") if '"model_list"' not in block]
    for part in parts:
        whole.append({**whole[0], **part})
    assert whole and parts
    for config in whole:
        report = hedgerouter.check_config(config)
        assert report == {"errors": [], "warnings": []}


def test_every_make_target_named_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in ("README.md", "CONTRIBUTING.md"):
        for target in set(re.findall(r"(?:^|`|& )make ([a-z-]+)", (ROOT / page).read_text(encoding="utf-8"), re.M)):
            assert re.search(rf"^{target}:", makefile, re.M), f"{page} names make {target}"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "ARCHITECTURE.md"])
def test_every_link_leads_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[\w-]*)?\)", text):
        assert (ROOT / target).exists(), f"{page} links to {target}"


def test_every_error_code_and_function_named_exists():
    header = (ROOT / "include" / "hedgerouter.h").read_text(encoding="utf-8")
    for name in set(re.findall(r"\b(?:hr_[a-z_]+[a-z]|HR_[A-Z_]+[A-Z])\b", README)):
        assert re.search(rf"\b{name}\b", header), name


def test_every_setting_named_exists():
    """Names in code quotes in the settings tables are keys of the configuration schema."""
    schema = (ROOT / "docs" / "config.schema.json").read_text(encoding="utf-8")
    names = re.findall(r"^\| `([a-z_]+)` \|", README, re.M)
    assert names
    assert [name for name in names if f'"{name}"' not in schema] == []
