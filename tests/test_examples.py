"""The scripts in ``examples/`` run on small sizes; each compares lightwork's result with NumPy's, or a loop's, before it prints."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
EQUAL = "results equal to the bit"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run the interpreter in a process of its own, in which a warning is an error."""
    return subprocess.run([sys.executable, "-W", "error", *command], capture_output=True, text=True, check=False)


def printed_by(script: str, *arguments: str) -> str:
    """Return what an example prints, which must end in success."""
    done = run(str(EXAMPLES / script), *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_without(modules: tuple[str, ...], script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run an example where some modules cannot be imported."""
    hide = f"import runpy, sys; sys.modules.update(dict.fromkeys({modules!r})); sys.argv[:] = sys.argv[1:]; sys.path.insert(0, {str(EXAMPLES)!r})"
    return run("-c", f"{hide}; runpy.run_path(sys.argv[0], run_name='__main__')", str(EXAMPLES / script), *arguments)


def pixels(path: Path) -> np.ndarray:
    """Return the pixels of a PGM file, rows first."""
    header, _, rest = path.read_bytes().partition(b"\n")
    kind, width, height, top = header.split()
    assert (kind, top) == (b"P5", b"255")
    return np.frombuffer(rest, np.uint8).reshape(int(height), int(width))


def test_every_script_is_run_here() -> None:
    """A script is an example if it has a main(), and each of them has a test below."""
    scripts = {path.name for path in EXAMPLES.glob("*.py") if "def main(" in path.read_text(encoding="utf-8")}
    assert scripts == {"mandelbrot.py", "drum.py", "spectrum.py", "hillshade.py", "weather.py", "archive.py", "polite.py"}


def test_mandelbrot_is_symmetric_and_black_in_the_middle(tmp_path: Path) -> None:
    """The set is its own mirror image, and 0 is inside."""
    picture = tmp_path / "mandelbrot.pgm"
    assert EQUAL in printed_by("mandelbrot.py", "--width", "151", "--save", str(picture))
    image = pixels(picture)
    assert image.shape == (100, 151)
    np.testing.assert_array_equal(image[:3], image[:-4:-1])
    assert image[50, 111] == 255


def test_a_drum_stands_still_at_its_rim_and_on_its_diameters(tmp_path: Path) -> None:
    """Outside of the membrane and in its centre the picture has the grey of a point at rest."""
    picture = tmp_path / "drum.pgm"
    assert EQUAL in printed_by("drum.py", "--size", "101", "--diameters", "3", "--circles", "2", "--save", str(picture))
    image = pixels(picture)
    assert image[0, 0] == image[-1, -1] == image[50, 50]
    assert image.max() == 255
    assert image.min() == 0


def test_a_drum_without_scipy_says_what_to_install() -> None:
    """Where SciPy is missing the example ends in one line that names it, without a traceback."""
    done = run_without(("scipy", "scipy.special"), "drum.py")
    assert done.returncode == 1
    assert done.stderr.strip().endswith("pip install scipy")
    assert "Traceback" not in done.stderr


def test_mountains_have_a_bright_and_a_dark_side(tmp_path: Path) -> None:
    """The whole terrain is shaded in one pass, and the picture is a PNG."""
    picture = tmp_path / "hillshade.png"
    lines = printed_by("hillshade.py", "--zoom", "1", "--save", str(picture)).splitlines()
    assert lines[0] == "344 x 403 points, 236 to 1076 m"
    assert EQUAL in lines[1]
    assert "ufuncs in one pass: 104 bytes moved for each point" in lines[2]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_it_is_colder_in_the_north() -> None:
    """The summary of the whole table and its histogram are NumPy's, and tell of the climate that the readings were made of."""
    lines = printed_by("weather.py", "--minutes", "30").splitlines()
    assert lines[0].startswith("24 stations, 17,520 readings of each, 3 MB")
    assert EQUAL in lines[1]
    assert EQUAL in lines[2]
    means = [float(line.split()[1]) for line in lines[4:28]]
    assert means == sorted(means)
    bars = {int(line.split("°C")[0]): line.count("#") for line in lines[28:]}
    assert list(bars) == list(range(-50, 50, 5))
    assert max(bars, key=lambda low: bars[low]) == 20


def test_machine_code_has_the_rhythm_of_pointers() -> None:
    """Zero bytes of a compiled module recur most of all every 4, 8 or 16 bytes."""
    lines = printed_by("spectrum.py", "--megabytes", "0.5").splitlines()
    assert EQUAL in lines[1]
    assert lines[2].split()[:3] in (["every", "4.000", "bytes"], ["every", "8.000", "bytes"], ["every", "16.000", "bytes"])


def test_a_file_that_is_gone_is_one_line_of_the_report() -> None:
    """All others are packed as a loop packs them, the failure says whose it is, and the bar reaches the full number."""
    folder = Path(sysconfig.get_path("stdlib")) / "asyncio"
    n_files = len(list(folder.glob("*.py")))
    done = run(str(EXAMPLES / "archive.py"), str(folder))
    assert done.returncode == 0, done.stderr
    head, times, failures, *report = done.stdout.splitlines()
    assert head.startswith(f"{n_files} files, ")
    assert times.endswith("results equal")
    assert failures == f"1 of {n_files + 1} could not be packed:"
    assert report[0].startswith("  FileNotFoundError")
    assert report[1].startswith(f"  in item {n_files // 2}, key 'gone.tmp', argument ")
    assert len(report) == 2
    assert re.search(rf"\b{n_files + 1}(/| of ){n_files + 1}\b", done.stderr)


def test_a_client_waits_as_long_as_the_server_asks(tmp_path: Path) -> None:
    """Ten pages are allowed in two seconds, so fifteen take a refusal, a pause for everybody, and no page is lost."""
    picture = tmp_path / "polite.png"
    load = ("--pages", "15", "--rate", "200", "--quota", "10", "--window", "2")
    head, requests, _, *histogram = printed_by("polite.py", *load, "--save", str(picture)).splitlines()
    assert head == "15 pages, each as it should be"
    n_requests, n_refused, n_pauses = map(int, re.findall(r"\b\d+\b(?!\.)", requests)[:3])
    assert n_requests == 15 + n_refused
    assert n_refused >= 1
    assert n_pauses >= 1
    assert "".join(histogram).count("#") == 15
    assert "".join(histogram).count("x") == n_refused
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_picture_without_matplotlib_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    """The one line on the error stream names what to install, and nothing has been printed."""
    done = run_without(("matplotlib", "matplotlib.figure"), "polite.py", "--save", str(tmp_path / "polite.png"))
    assert done.returncode == 1
    assert done.stderr.strip().endswith("pip install matplotlib")
    assert not done.stdout


def test_a_difference_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the examples compare with stops at one differing item, and at another dtype."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    compare = __import__("side_by_side").compare
    with pytest.raises(AssertionError):
        compare(lambda: np.array([1.0, 2.0]), lambda: np.array([1.0, np.nextafter(2.0, 3.0)]))
    with pytest.raises(AssertionError):
        compare(lambda: np.array([1.0, 2.0]), lambda: np.array([1.0, 2.0], np.float32))
