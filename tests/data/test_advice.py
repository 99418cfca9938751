import json

import pytest

from nivesh import data
from nivesh.data import advice, dialect
from nivesh.errors import DataError

ANSWER = "Keep three to six months of expenses where you can reach them in a day."


def write(tmp_path, *records):
    path = tmp_path / "advice.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
    return path


def record(**changes):
    return {"instruction": "User asks about savings", "input": "how much to keep?", "output": ANSWER} | changes


def test_the_sample_is_read_whole():
    rows = data.read("advice")
    assert len(rows) == 160
    assert set(rows["language"]) == {"en", "hinglish"}
    assert rows["tokens"].between(50, 400).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"output": ""}, 'line 1: "output" is missing or empty'),
        ({"instruction": None}, 'line 1: "instruction" is missing'),
        ({"input": 7}, 'line 1: "input" must be a text'),
        ({"input": []}, 'line 1: "input" must be a text'),
        ({"output": ANSWER + "\ud800"}, 'line 1: "output" holds half a character'),
        ({"input": "x" * 2001}, "the question has 2001 characters"),
        ({"output": "x" * 9000}, "the answer has 9000 characters"),
        ({"output": "Yes."}, "the answer has 4 characters"),
        ({"input": "my PAN is ABCPE1234F"}, r"input holds personal data \(PAN\)"),
    ],
)
def test_a_broken_example_is_named(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        data.read("advice", write(tmp_path, record(**changes)))


@pytest.mark.parametrize("line", ['{"a":' * 100_000, "[" * 100_000, '{"input": ' + "9" * 5000 + "}"])
def test_json_that_cannot_be_read_is_told_in_one_sentence(tmp_path, line):
    path = tmp_path / "advice.jsonl"
    path.write_text(line)
    with pytest.raises(DataError, match="JSON that cannot be read"):
        data.read("advice", path)


def test_all_problems_are_found_at_once(tmp_path):
    path = write(
        tmp_path, record(), record(input="How much  to keep?"), record(input="call 9876543210"), record(output="")
    )
    checked = advice.check(path)
    assert [problem.where for problem in checked.problems] == [f"advice.jsonl line {n}" for n in (2, 3, 4)]
    assert [problem.personal for problem in checked.problems] == [False, True, False]
    with pytest.raises(DataError, match="and 2 more"):
        data.read("advice", path)


def test_masking_mends_personal_data(tmp_path):
    path = write(tmp_path, record(input="call 9876543210, or mail a@b.example"))
    rows = advice.masked(advice.check(path).rows)
    assert rows["input"].tolist() == ["call [PHONE], or mail [EMAIL]"]


def test_without_an_input_the_instruction_is_the_question(tmp_path):
    rows = data.read("advice", write(tmp_path, record(instruction="What is a SIP?", input="")))
    assert rows["input"].tolist() == ["What is a SIP?"]


def test_questions_alone_can_be_answered(tmp_path):
    rows = data.read("advice", write(tmp_path, {"input": "a?"}, {"input": "a?"}), labelled=False)
    assert rows["input"].tolist() == ["a?", "a?"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How much should I save?", "en"),
        ("mujhe kitna bachana chahiye", "hinglish"),
        ("मुझे कितना बचाना चाहिए", "hi"),
        ("Is a main door loan at par with a car loan for a person like me?", "en"),
    ],
)
def test_language(text, language):
    assert advice.language_of(text) == language


def test_answers_with_rules_that_change_and_no_year_are_listed(tmp_path):
    stale = record(output="Under section 80C you can claim up to ₹1.5 lakh a year.")
    dated = record(input="b", output="Under 80C you can claim up to ₹1.5 lakh in FY 2025-26.")
    rows = data.read("advice", write(tmp_path, stale, dated))
    assert advice.undated(rows).index.tolist() == [0]


def test_fields_of_other_names_are_read_with_a_dialect(tmp_path):
    path = write(tmp_path, {"prompt": "how much to keep?", "reply": ANSWER, "id": 7})
    with pytest.raises(DataError, match='"instruction" is missing or empty; found the fields prompt, reply, id'):
        data.read("advice", path)
    chats = dialect.parse("columns: {input: prompt, output: reply}\nconstants: {instruction: User asks about savings}")
    (row,) = data.read("advice", path, dialect=chats)[list(advice.FIELDS)].to_dict("records")
    assert row == record()
    assert advice.check(path, dialect=chats).problems == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("decimal: ','", "decimal of a dialect is for tables .* rows of advice, which take columns, constants"),
        ("columns: {question: prompt}", "question of the dialect: the fields are instruction, input, output"),
    ],
)
def test_what_a_dialect_cannot_say_of_advice_is_refused(tmp_path, text, message):
    for read in (
        lambda path, described: data.read("advice", path, dialect=described),
        lambda path, d: advice.check(path, dialect=d),
    ):
        with pytest.raises(DataError, match=message):
            read(write(tmp_path, record()), dialect.parse(text))
