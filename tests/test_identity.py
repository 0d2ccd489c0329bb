"""Keyed digests, their key, and masks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from g3lib.errors import DataError
from g3lib.tables.identity import Digester, digester, key_file, mask_numbers, normalised


@pytest.fixture(autouse=True)
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "secret" / "key"
    monkeypatch.setenv("G3_KEY_FILE", str(path))
    return path


@pytest.mark.parametrize(
    "spelling", ["13800138000", "138 0013 8000", "138-0013-8000", "+86 13800138000", "008613800138000", "8613800138000",
                 "１３８００１３８０００", "13800138000.0", "(138)00138000"]
)  # fmt: skip
def test_one_number_has_one_digest_however_it_is_written(spelling: str) -> None:
    own = Digester(b"k" * 32)
    assert normalised(spelling) == "13800138000"
    assert own.digest(spelling) == own.digest("13800138000")
    assert len(own.digest(spelling)) == 24


def test_a_landline_keeps_its_zero_and_another_number_another_digest() -> None:
    own = Digester(b"k" * 32)
    assert normalised("0370-1234567") == "03701234567"
    assert own.digest("13800138000") != own.digest("13800138001")
    assert own.digest("13800138000") != Digester(b"j" * 32).digest("13800138000")


@pytest.mark.parametrize(
    ("text", "masked"),
    [("电13800138000", "电***********"), ("+86 138-0013-8000转1", "***********转1"), ("座机0370-1234567", "座机***********"),
     ("串号860123456789012", "串号***********"), ("１３８００１３８０００", "***********"), ("量12345台", "量12345台"),
     ("2010-03-05", "2010-03-05"), ("16475", "16475")],
)  # fmt: skip
def test_phone_like_numbers_in_free_text_are_masked(text: str, masked: str) -> None:
    assert mask_numbers(text) == masked


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_the_key_is_made_once_for_its_owner_alone(key: Path) -> None:
    first = digester()
    assert key_file() == key
    assert key.stat().st_mode & 0o777 == 0o600
    assert len(first.key) == 32
    assert digester(first.key_id) == first


def test_another_key_is_refused(key: Path) -> None:
    made = digester()
    key.unlink()
    other = digester()
    assert other.key_id != made.key_id
    with pytest.raises(DataError, match=f"made with key {made.key_id}, but .* holds key {other.key_id}"):
        digester(made.key_id)


def test_a_missing_key_is_not_made_anew_for_a_store_that_has_one(key: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        digester("0123456789abcdef")
    assert not key.exists()


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_a_key_that_others_can_read_is_refused(key: Path) -> None:
    digester()
    key.chmod(0o644)
    with pytest.raises(DataError, match="chmod 600"):
        digester()
