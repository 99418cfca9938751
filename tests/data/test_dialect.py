import pytest

from nivesh import data
from nivesh.data import dialect
from nivesh.errors import DataError


def test_a_dialect_goes_through_yaml_unchanged():
    written = dialect.parse('columns: {Timestamp: Txn Date}\ndecimal: ","\npercent: [debt_to_income]\n')
    assert written.columns == {"timestamp": "Txn Date"}
    assert dialect.parse(written.yaml()) == written
    assert dialect.DEFAULT.yaml() == "" and dialect.parse("") == dialect.DEFAULT


def test_percent_is_added(tmp_path):
    path = tmp_path / "d.yaml"
    path.write_text("percent: [income_stability]")
    assert dialect.load(path, ["Debt-to-income"]).percent == ("income_stability", "debt_to_income")
    assert dialect.load(None) == dialect.DEFAULT


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("date_formt: x", "unknown field date_formt; fields are columns, constants"),
        ("date_format: DD/MM/YYYY", "date_format: .*as strptime does"),
        ("timezone: Mumbai", "timezone: 'Mumbai' is not a time zone"),
        ("encoding: klingon", "encoding: 'klingon' is not an encoding"),
        ("decimal: ;", "decimal: "),
        ("decimal: ,", "not YAML"),
        ("debit: Out", "debit and credit name two columns"),
        ("header_row: 0", "header_row: .*greater than or equal to 1"),
        ("{percent: [a], fraction: [a]}", "a cannot be in percent and in fraction"),
        ("just words", "write lines such as"),
    ],
)
def test_what_is_wrong_with_a_dialect_is_named(tmp_path, text, message):
    path = tmp_path / "bank.yaml"
    path.write_text(text)
    with pytest.raises(DataError, match=f"bank.yaml: {message}"):
        dialect.load(path)


def test_a_dialect_that_cannot_be_read_or_does_not_apply(tmp_path):
    with pytest.raises(DataError, match="the dialect cannot be read"):
        dialect.load(tmp_path / "absent.yaml")
    with pytest.raises(DataError, match="a dialect is for tables"):
        data.read("ner", dialect=dialect.parse("header_row: 2"))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Transaction ID", "transaction_id"),
        (" Amount (INR) ", "amount"),
        ("Debt to Income (%)", "debt_to_income"),
        ("Withdrawal Amt.", "withdrawal_amt"),
        ("Dr / Cr", "dr_cr"),
    ],
)
def test_names_of_columns(name, key):
    assert dialect.header_key(name) == key
