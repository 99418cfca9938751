"""How a file of users differs from the project's own format: a small YAML file, given as ``--dialect``."""

import codecs
import re
import zoneinfo
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from nivesh.errors import DataError
from nivesh.text.normalization import normalize

INDIA = "Asia/Kolkata"
UNIX = ("unix_s", "unix_ms")


class Dialect(BaseModel):
    """What a file does differently. Nothing of this is ever guessed; a refusal proposes the line that is missing."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=False)

    columns: dict[str, str] = Field({}, description="our column: the file's column")
    constants: dict[str, str] = Field({}, description="our column: one value for all rows, where the file has none")
    row_ids: bool = Field(False, description="number the rows as transaction_id or application_id")
    date_format: str = Field("", description='of timestamp, as strptime reads it ("%d/%m/%Y"); unix_s or unix_ms')
    timezone: str = Field(INDIA, description="of timestamps that name none")
    decimal: Literal[".", ","] | None = Field(None, description="decimal mark; the other mark groups digits")
    delimiter: str = Field("", max_length=1, description="of a text file; found in the header where not given")
    encoding: str = Field("", description="of a text file; UTF-8, or UTF-16 with a byte order mark, where not given")
    sheet: str = Field("", description="of a workbook with several sheets")
    header_row: int = Field(1, ge=1, description="row of the column names; rows above it are ignored")
    debit: str = Field("", description="column of money out, where amounts stand in two columns")
    credit: str = Field("", description="column of money in, where amounts stand in two columns")
    signs: Literal["", "negative_is_debit", "negative_is_credit"] = Field("", description="direction by sign")
    percent: tuple[str, ...] = Field((), description="our columns that are in per cent")
    fraction: tuple[str, ...] = Field((), description="our columns that are fractions of 1, also where they exceed 1")

    @field_validator("date_format")
    @classmethod
    def _check_format(cls, value: str) -> str:
        if value and value not in UNIX and not ("%d" in value and re.search("%[yY]", value)):
            raise ValueError(f'write it as strptime does, such as "%d/%m/%Y", or {" or ".join(UNIX)}')
        return value

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, value: str) -> str:
        try:
            zoneinfo.ZoneInfo(value)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{value!r} is not a time zone; write one such as {INDIA} or UTC") from None
        return value

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, value: str) -> str:
        try:
            return value and codecs.lookup(value).name
        except LookupError:
            raise ValueError(f"{value!r} is not an encoding; write one such as cp1252") from None

    @model_validator(mode="after")
    def _check_together(self) -> "Dialect":
        if bool(self.debit) != bool(self.credit):
            raise ValueError("debit and credit name two columns: give both or none")
        if both := set(self.percent) & set(self.fraction):
            raise ValueError(f"{', '.join(sorted(both))} cannot be in percent and in fraction")
        return self

    def with_percent(self, columns: Iterable[str]) -> "Dialect":
        """The same dialect with further columns in per cent (``--percent COLUMN``).

        Raises:
            DataError: a column is declared a fraction.
        """
        percent = dict.fromkeys((*self.percent, *(header_key(name) for name in columns)))
        return parse(yaml.safe_dump(self._set() | {"percent": list(percent)}), "--percent") if percent else self

    def yaml(self) -> str:
        """The fields that differ from the defaults, as the YAML that ``parse`` reads; "" where none does."""
        return yaml.safe_dump(self._set(), allow_unicode=True, sort_keys=False) if self._set() else ""

    def _set(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude_defaults=True)


DEFAULT = Dialect()


def load(path: Path | None, percent: Iterable[str] = ()) -> Dialect:
    """The dialect of a YAML file; the project's own where there is none.

    Args:
        path: the file.
        percent: further columns in per cent.

    Raises:
        DataError: the file cannot be read, or names the field that is unknown or wrong.
    """
    if path is None:
        return DEFAULT.with_percent(percent)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: the dialect cannot be read ({error})") from None
    return parse(text, path.name).with_percent(percent)


def parse(text: str, name: str = "dialect") -> Dialect:
    """The dialect of a YAML text.

    Raises:
        DataError: names the field that is unknown or wrong.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DataError(f"{name}: not YAML ({' '.join(str(error).split())}); quote marks such as ','") from None
    if content is None:
        return DEFAULT
    if not isinstance(content, dict):
        raise DataError(f'{name}: write lines such as date_format: "%d/%m/%Y"')
    for field in ("columns", "constants"):
        if isinstance(content.get(field), dict):
            content[field] = {header_key(str(ours)): str(value) for ours, value in content[field].items()}
    try:
        return Dialect(**{str(field): value for field, value in content.items()})
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(map(str, problem["loc"]))
        if problem["type"] == "extra_forbidden":
            raise DataError(f"{name}: unknown field {field}; fields are {', '.join(Dialect.model_fields)}") from None
        raise DataError(
            f"{name}: {field}{': ' if field else ''}{problem['msg'].removeprefix('Value error, ')}"
        ) from None


def propose(line: str) -> str:
    """The end of a refusal: the dialect line that would read the file."""
    return f"write {line} in a dialect file and give it as --dialect"


def header_key(name: str) -> str:
    """A column name without case, spaces, punctuation and a unit in brackets: "Debt to Income (%)" -> debt_to_income.

    ``compact`` compares such keys, so that TransactionID and transaction_id are the same.
    """
    bare = re.sub(r"\s*[(\[](?!dr|cr|debit|credit)[^)\]]*[)\]]\s*$", "", normalize(name), flags=re.IGNORECASE)
    return re.sub(r"[\W_]+", "_", bare.casefold()).strip("_")


def compact(name: str) -> str:
    """``header_key`` without underscores."""
    return header_key(name).replace("_", "")
