import sqlite3
import subprocess
from pathlib import Path

import pytest


def snapshot(*words):
    subprocess.run(["reset-app", "snapshot", *words], check=True)


@pytest.fixture(scope="session")
def clean():
    snapshot("save", "clean")
    yield
    snapshot("drop", "clean")


@pytest.fixture(autouse=True)
def as_it_was(clean):
    yield
    snapshot("restore", "clean", "--force")


def execute(sql):
    database = sqlite3.connect("blog.db")
    with database:
        rows = database.execute(sql).fetchall()
    database.close()
    return rows


@pytest.mark.parametrize("turn", [1, 2])
def test_deleting_a_post(turn):
    assert execute("SELECT count(*) FROM posts") == [(3,)]
    execute("DELETE FROM posts WHERE id = 1")
    Path("uploads/bread.jpg").unlink()
