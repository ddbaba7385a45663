"""The script that breaks the executor on purpose: a fault that does not apply, or proves nothing, is an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.mutants import (
    ROOT,
    BadMutant,
    Edit,
    Mutant,
    Verdict,
    apply,
    copy_of,
    failing_test,
    load,
    main,
    renew,
    table,
)


def mutant(*edits: tuple[str, str, str]) -> Mutant:
    return Mutant("m", "Something is wrong.", tuple(Edit(*edit) for edit in edits), ("test_it.py",))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "one.py").write_text("a = 1\nb = 2\nb2 = 2\n")
    (tmp_path / "two.sql").write_text("select 1\n")
    return tmp_path


def test_a_fault_changes_its_text_and_nothing_else(tree: Path) -> None:
    apply(
        mutant(("one.py", "a = 1", "a = 9"), ("two.sql", "select 1", "select 2"), ("one.py", "b2 = 2", "b2 = 3")), tree
    )
    assert (tree / "one.py").read_text() == "a = 9\nb = 2\nb2 = 3\n"
    assert (tree / "two.sql").read_text() == "select 2\n"


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (("one.py", "c = 3", "c = 4"), "found 0 times"),
        (("one.py", "= 2", "= 3"), "found 2 times"),
        (("one.py", "a = 1", "a = 1"), "found 1 times"),
        (("three.py", "a", "b"), "three.py does not exist"),
    ],
    ids=["missing", "twice", "no change", "no file"],
)
def test_a_fault_that_does_not_apply_is_an_error_and_nothing_is_changed(
    tree: Path, edit: tuple[str, str, str], reason: str
) -> None:
    with pytest.raises(BadMutant, match=reason):
        apply(mutant(("two.sql", "select 1", "select 2"), edit), tree)
    assert (tree / "two.sql").read_text() == "select 1\n"


@pytest.mark.parametrize("one", load(), ids=lambda one: one.name)
def test_every_fault_of_the_catalogue_applies_to_the_executor_as_it_is(one: Mutant, tmp_path: Path) -> None:
    for edit in one.edits:
        copy = tmp_path / edit.file
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text((ROOT / edit.file).read_text(encoding="utf-8"), encoding="utf-8")
    apply(one, tmp_path)
    assert all((ROOT / test.partition("::")[0]).is_file() for test in one.tests)


def test_the_catalogue_breaks_the_executor_in_more_than_forty_ways() -> None:
    sentences = [one.breaks for one in load()]
    assert len(sentences) == len(set(sentences)) > 40


def test_the_first_failing_test_is_named_and_passing_ones_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\n\ndef test_one(): pass\n\n@pytest.mark.parametrize('x', ['a - b'])\ndef test_two(x): assert False\n\ndef test_three(): assert 0\n"
    )
    assert failing_test(tmp_path, ["test_it.py"]) == "test_it.py::test_two"
    assert failing_test(tmp_path, ["test_it.py::test_one"]) is None


@pytest.mark.parametrize(
    "content",
    [
        "def test_one(:\n",
        "import nothing_of_that_name\n",
        "import pytest\n\n@pytest.fixture\ndef x(): 1/0\n\ndef test_one(x): pass\n",
    ],
    ids=["syntax", "import", "fixture"],
)
def test_tests_that_cannot_run_catch_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "test_it.py").write_text(content)
    with pytest.raises(BadMutant, match="could not be run"):
        failing_test(tmp_path, ["test_it.py"])


def test_the_broken_copy_is_the_one_that_is_tested() -> None:
    """And not the installed package: that would be a fault nobody can notice."""
    with copy_of(ROOT) as root:
        (root / "flywheel_assets" / "execution" / "points.py").write_text("BROKEN = True\n")
        (root / "test_it.py").write_text(
            "def test_it():\n    from flywheel_assets.execution import points\n    assert not hasattr(points, 'BROKEN')\n"
        )
        assert failing_test(root, ["test_it.py"]) == "test_it.py::test_it"


def test_the_table_names_what_is_broken_and_who_noticed() -> None:
    caught = Verdict("m", "Nothing is locked.", "tests/chaos/test_x.py::test_y")
    survived = Verdict("n", "Nothing is counted.", None)
    assert table([caught, survived]).splitlines()[2:] == [
        "| Nothing is locked. | [`test_x::test_y`](../tests/chaos/test_x.py) |",
        "| Nothing is counted. | **nothing** |",
    ]


def test_the_table_takes_its_place_between_the_marks_and_leaves_the_rest(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- mutants -->\nold\n<!-- /mutants -->\nafter\n")
    renew(page, [Verdict("m", "Nothing is locked.", "tests/x.py::test_y")])
    text = page.read_text()
    assert text.startswith("before\n<!-- mutants -->\n| What")
    assert text.endswith("|\n<!-- /mutants -->\nafter\n")
    assert "old" not in text
    page.write_text("no marks\n")
    with pytest.raises(BadMutant, match="has no marks"):
        renew(page, [])


def test_a_fault_nobody_has_heard_of_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(SystemExit, match=r"no such fault: nonsense; known are .*world_filter_off"):
        main(["--only", "nonsense"])
