"""The judge's verdicts: what they stop, and what happens without one."""

import json

import grpc
import pytest

from nivesh.models.gemini_advisor import guardrails, judge

from .conftest import JUDGE
from .test_guardrails import LOCAL, rows


@pytest.mark.parametrize("reason", sorted({row["rule"] for row in rows("adversarial")} - set(LOCAL)))
def test_what_the_judge_refuses_is_refused_for_its_reason(advisor, vertex, reason):
    questions = [row["question"] for row in rows("adversarial") if row["rule"] == reason]
    questions = [question for question in questions if guardrails.check_question(question) is None]
    vertex.judge_refuses = dict.fromkeys(questions, reason)
    answers = [advisor.answer({"question": question}) for question in questions]
    assert {(answer["outcome"], answer["reason"]) for answer in answers} == {("refused", reason)}
    assert {answer["answer"] for answer in answers} == {guardrails.refusal(reason).message}


def test_the_judge_reads_the_question_and_the_answer_that_would_be_shown(advisor, vertex):
    vertex.replies = {"gold": "Keep 10% in gold. My number is 9876543210."}
    advisor.answer({"question": "How much gold? My PAN is ABCPE1234F."})
    (request,) = vertex.judge_requests
    chat = json.loads(request.contents[0].parts[0].text)
    assert chat == {
        "question": "How much gold? My PAN is [PAN].",
        "answer": "Keep 10% in gold. My number is [PHONE].",
    }
    assert request.model == JUDGE
    assert request.system_instruction.parts[0].text == judge.POLICY


def test_an_answer_that_the_judge_refuses_is_not_shown(advisor, vertex):
    vertex.replies = {"How to save": "Put it all on Tata Motors."}
    vertex.judge_refuses = {"Tata Motors": "stock_tip"}
    answer = advisor.answer({"question": "How to save?"})
    assert (answer["outcome"], answer["reason"]) == ("refused", "stock_tip")
    assert "Tata" not in str(answer)


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.PERMISSION_DENIED])
def test_without_the_judge_no_answer_is_shown(advisor, vertex, monkeypatch, code):
    monkeypatch.setenv("NIVESH_GOOGLE_TIMEOUT", "0.5")
    vertex.failures["Judge"] = [(code, "down")] * 100
    assert advisor.answer({"question": "How to save?"})["outcome"] == "unavailable"
    vertex.failures.clear()
    assert advisor.answer({"question": "How to save?"})["outcome"] == "answered", "an outage is not cached"


def test_while_the_judge_is_suspended_no_answer_is_paid(advisor, vertex, monkeypatch):
    monkeypatch.setenv("NIVESH_GOOGLE_TIMEOUT", "0.3")
    vertex.failures["Judge"] = [(grpc.StatusCode.UNAVAILABLE, "down")] * 1000
    for number in range(8):
        assert advisor.answer({"question": f"How to save {number}?"})["outcome"] == "unavailable"
    assert vertex.calls["GenerateContent"] == 5, "then the judge's circuit is open"


@pytest.mark.parametrize(
    "reply", ["", "allowed", "[]", '{"verdict": "allowed"}', '{"verdict": "refuse", "reason": "x"}']
)
def test_an_unreadable_verdict_allows_nothing(advisor, vertex, reply):
    vertex.judge_reply = reply
    answer = advisor.answer({"question": "How to save?"})
    assert (answer["outcome"], answer["reason"]) == ("unavailable", "judge")


def test_a_verdict_that_the_filters_block_is_a_refusal(vertex):
    from google.cloud.aiplatform_v1 import HarmCategory, SafetyRating

    vertex.harms = {"bomb": (HarmCategory.HARM_CATEGORY_DANGEROUS_CONTENT, SafetyRating.HarmProbability.HIGH)}
    assert judge.read(judge.ask(JUDGE, "bomb", "No.", seconds=5)).reason == "vertex_safety"


def test_the_reasons_have_messages():
    messages = guardrails.rules().messages
    assert set(judge.REASONS) <= set(messages)
