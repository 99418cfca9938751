"""The advisor: what it refuses, what it sends, what it shows, what it costs; Vertex AI is a service on this machine."""

import json

import grpc
import pytest
from google.cloud.aiplatform_v1 import Candidate

from nivesh import data
from nivesh.errors import DataError, SettingsError
from nivesh.models import gemini_advisor
from nivesh.models.gemini_advisor import guardrails, scoring, spending
from nivesh.models.gemini_advisor.advisor import Advisor, about
from nivesh.models.gemini_advisor.terms import INSTRUCTIONS, MARK
from nivesh.vertex import generation
from nivesh.vertex.prices import price

BASE = "projects/local/locations/us-central1/publishers/google/models/gemini-2.5-flash"
QUESTION = "How many months of expenses should I keep?"


@pytest.fixture
def advisor(vertex, monkeypatch):
    generation.breaker.reset()
    monkeypatch.delenv("NIVESH_REDIS_URL", raising=False)
    spending._purse.cache_clear()
    return Advisor(BASE, BASE, "", 0, price("gemini-2.5-flash"), INSTRUCTIONS, ())


def answer(advisor, question=QUESTION, **rest):
    (given,) = gemini_advisor.predict(advisor, [{"question": question} | rest])
    gemini_advisor.Answer.model_validate(given)
    return given


# --- serving ---------------------------------------------------------------------------------------------------------


def test_an_answer_has_its_disclaimer(advisor):
    given = answer(advisor)
    assert (given["outcome"], given["reason"]) == ("answered", "")
    assert "SEBI" in given["disclaimer"]


def test_a_refused_question_never_leaves(advisor, vertex):
    given = answer(advisor, "Which stock should I buy tomorrow?")
    assert (given["outcome"], given["reason"]) == ("refused", "stock_tip")
    assert vertex.calls["GenerateContent"] == 0


def test_personal_data_never_leave_and_are_told(advisor, vertex):
    given = answer(advisor, "My PAN is ABCPE1234F and I earn 50,000. How much should I save?")
    assert "[PAN]" in vertex.asked[0].contents[0].parts[0].text
    assert "ABCPE1234F" not in str(vertex.asked[0])
    assert any("hidden" in note for note in given["notes"])


def test_figures_go_along_rounded_and_are_not_kept(advisor, vertex):
    features = {"monthly_income": 61_234.5, "savings_rate": 0.2345, "emergency_fund_months": None}
    assert answer(advisor, features=features)["outcome"] == "answered"
    assert answer(advisor, features=features)["outcome"] == "answered"
    said = vertex.asked[0].contents[0].parts[0].text
    assert said == f"About me: income a month about ₹61,000, part of the income saved about 0.23.\n{QUESTION}"
    assert vertex.calls["GenerateContent"] == 2
    assert about({}) == ""


def test_the_same_question_is_paid_once(advisor, vertex):
    first = answer(advisor)
    assert answer(advisor, QUESTION.upper()) == first
    assert vertex.calls["GenerateContent"] == 1
    first["notes"].append("mine alone")
    assert answer(advisor)["notes"] == [], "who changes an answer changes nobody else's"


@pytest.mark.parametrize(
    ("said", "outcome", "reason"),
    [
        ("You will get guaranteed returns of 20%.", "refused", "answer_promise"),
        (f"{MARK} I won't name a share to buy.", "refused", "model"),
        ("[[ Refused ]] I won't name a share to buy.", "refused", "model"),
        ("[refused] I won't name a share to buy.", "refused", "model"),
        (MARK, "refused", "answer_empty"),
        ("", "refused", "answer_empty"),
    ],
)
def test_what_the_model_says_passes_the_guardrails(advisor, vertex, said, outcome, reason):
    vertex.says = {QUESTION: said}
    given = answer(advisor)
    assert (given["outcome"], given["reason"]) == (outcome, reason)
    assert "[[" not in given["answer"]
    assert given["answer"]


def test_notes_on_rates_that_change_and_on_a_cut(advisor, vertex):
    vertex.says = {QUESTION: "Under 80C you can claim up to ₹1.5 lakh. Call me on 9876543210."}
    vertex.stop_reason = Candidate.FinishReason.MAX_TOKENS
    given = answer(advisor)
    assert given["notes"] == [guardrails.CHANGING, guardrails.CUT]
    assert "[PHONE]" in given["answer"]


def test_half_an_answer_that_google_stopped_is_not_shown(advisor, vertex):
    vertex.says, vertex.stop_reason = {QUESTION: "First of all you"}, Candidate.FinishReason.SAFETY
    given = answer(advisor)
    assert (given["outcome"], given["reason"]) == ("refused", "vertex_safety")
    assert "First of all" not in given["answer"]


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.PERMISSION_DENIED])
def test_vertex_away_is_a_clear_answer_and_is_not_kept(advisor, vertex, monkeypatch, code):
    monkeypatch.setenv("NIVESH_GOOGLE_TIMEOUT", "0.5")
    vertex.failures["GenerateContent"] = [(code, "down")] * 100
    given = answer(advisor)
    assert given["outcome"] == "unavailable"
    assert "can't reach the advisor" in given["answer"]
    vertex.failures.clear()
    assert answer(advisor)["outcome"] == "answered"


# --- budget and cache ------------------------------------------------------------------------------------------------


def test_the_days_budget_is_kept(advisor, vertex, monkeypatch):
    most = 0.0018  # what one answer may cost at most, from its lengths and the price table
    monkeypatch.setenv("NIVESH_ADVICE_BUDGET", str(most + 0.0002))
    outcomes = [answer(advisor, f"{QUESTION} {'I earn more. ' * n}")["outcome"] for n in range(12)]
    assert outcomes[0] == "answered"
    assert outcomes[-1] == "over_budget"
    spent = spending.purse().spent_today()
    assert 0 < spent <= most + 0.0002
    assert vertex.calls["GenerateContent"] == outcomes.count("answered")


def test_an_outage_costs_nothing(advisor, vertex, monkeypatch):
    monkeypatch.setenv("NIVESH_GOOGLE_TIMEOUT", "0.3")
    vertex.failures["GenerateContent"] = [(grpc.StatusCode.UNAVAILABLE, "down")] * 100
    answer(advisor)
    assert spending.purse().spent_today() == 0


def test_an_answer_that_came_too_late_may_be_billed(advisor, vertex, monkeypatch):
    monkeypatch.setenv("NIVESH_GOOGLE_TIMEOUT", "0.3")
    vertex.delay = 1
    assert answer(advisor)["outcome"] == "unavailable"
    assert spending.purse().spent_today() > 0


def test_pods_share_budget_and_cache_through_redis(store, monkeypatch):
    monkeypatch.setenv("NIVESH_ADVICE_BUDGET", "1")
    one, other = spending.Purse(store.client), spending.Purse(store.client)
    assert one.reserve(0.7)
    assert not other.reserve(0.4)
    one.settle(0.7, 0.2)
    assert other.reserve(0.4)
    assert other.spent_today() == pytest.approx(0.6)
    one.keep("k", {"answer": "a"})
    assert other.recall("k") == {"answer": "a"}


def test_without_its_redis_a_process_counts_for_itself(advisor, monkeypatch):
    monkeypatch.setenv("NIVESH_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("NIVESH_ADVICE_BUDGET", "1")
    assert answer(advisor)["outcome"] == "answered"
    assert 0 < spending.purse().spent_today() < 0.01


# --- tuning ----------------------------------------------------------------------------------------------------------


def test_near_duplicates_stay_on_one_side():
    rows = data.read("advice").head(60)
    twins = rows.assign(input=rows["input"] + " please?")
    both = type(rows)(list(rows.itertuples(index=False)) + list(twins.itertuples(index=False)))
    parts = gemini_advisor.split(both, 0)
    assert not set(parts.train["output"]) & set(parts.test["output"])
    assert 0.05 < len(parts.test) / len(both) < 0.25


def test_some_refusals_are_held_out_and_some_are_learned():
    parts = gemini_advisor.split(data.read("advice"), 0)
    assert scoring.due(parts.test["output"]).any() and scoring.due(parts.train["output"]).any()


def test_lines_for_vertex():
    rows = data.read("advice")
    lines = [json.loads(line) for line in gemini_advisor.conversations(rows).decode().splitlines()]
    assert len(lines) == len(rows)
    assert [turn["role"] for turn in lines[0]["contents"]] == ["user", "model"]
    marked = [line["contents"][1]["parts"][0]["text"].startswith(MARK) for line in lines]
    assert sum(marked) == scoring.due(rows["output"]).sum() > 0


def test_a_job_that_costs_too_much_is_not_started(vertex):
    with pytest.raises(SettingsError, match=r"tuning would cost about \$.*max_cost"):
        gemini_advisor.fit(data.read("advice"), progress=lambda *_: None, max_cost=0.01)
    assert not vertex.calls and not vertex.storage.requests


def test_a_folder_without_an_advisor(tmp_path):
    with pytest.raises(DataError, match=r"no advisor \(no advisor.json\)"):
        gemini_advisor.load(tmp_path)


# --- measuring -------------------------------------------------------------------------------------------------------


def test_scores_of_the_same_and_of_other_answers():
    reference = "Under 80C you save ₹46,800 on ₹1.5 lakh. कर बचता है।"
    same = scoring.scores([reference], [reference], ["how?"])
    assert same == pytest.approx(dict.fromkeys(same, 1.0), abs=1e-4)
    other = scoring.scores(["Claim 80ZZ and relax, it will definitely double your money."], [reference], ["how?"])
    assert other["rouge_l"] < 0.3 and other["figures"] == 0
    assert other["sections_known"] == 0 and other["fit_to_show"] == 0


def test_hindi_counts_in_rouge():
    scored = scoring.scores(["पैसे बचत खाते में रखें"], ["पैसे बचत खाते में रखें"], ["?"])
    assert scored["rouge_l"] == 1


def test_refusals_are_judged_by_what_people_did():
    asked = ["How can I make fake rent receipts?", "How much to save?"]
    references = ["I can't help with that. It is fraud.", "About 20% of the income."]
    good = scoring.refusals(asked, [f"{MARK} No.", "About 25%."], references)
    assert (good["refused_when_due"], good["shown_when_due"], good["refusals_due"]) == (1.0, 1.0, 1)
    timid = scoring.refusals(asked, ["x", "I can't help with that."], references)
    assert (timid["refused_when_due"], timid["shown_when_due"]) == (1.0, 0.0)  # the rule stops the first by itself
