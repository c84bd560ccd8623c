"""Whether two texts say the same: what an embedding cannot tell, the words have to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactive.rules.duplicates import alike, differences, marks, same, text_key

SAME = [
    ("The fix works.", "the fix works"),
    ("The fix works.", "The  fix\nworks"),
    ("The deploy failed twice.", "The deploy failed twice!"),
    ("HNSW answers in 5 ms p50 at 10M vectors (ef=200).", "HNSW answers in 5 ms p50 at 10M vectors, ef=200"),
    ("We ship on Friday.", "We ship on friday!"),
    ("The API's limit is 60 requests", "The API’s limit is 60 requests"),
    ("Alice's laptop is broken", "Alice’s laptop is broken."),
    ("Customers want dark mode", "The customers want a dark mode"),
    ("The café is closed", "The cafe\u0301 is closed"),
    ("The limit is 5ms", "The limit is 5 ms"),
    ("We ship v1.2", "We ship v1.2."),
    ("The service is written in C++", "The service is written in C++."),
    ("東京タワーは高い。", "東京タワーは高い。"),
    ("請求書は12件です", "請求書は12件です"),
]

DIFFERENT = [
    # negation
    ("The fix works", "The fix doesn't work"),
    ("The fix works", "The fix doesn’t work"),
    ("The fix works", "The fix does not work"),
    ("The fix works", "The fix never works"),
    ("Ben may deploy", "Ben may not deploy"),
    ("Ship with tests", "Ship without tests"),
    ("The queue is safe", "The queue is unsafe"),
    # numbers and units
    ("HNSW answers in 5 ms", "HNSW answers in 8 ms"),
    ("HNSW answers in 5 ms", "HNSW answers in 5 s"),
    ("HNSW answers in 5 ms", "HNSW answers in 5.5 ms"),
    ("HNSW answers in 5 ms", "HNSW answers in 15 ms"),
    ("We sold 12", "We sold 1.2"),
    ("The offset is 5", "The offset is -5"),
    ("The offset is 5", "The offset is −5"),
    ("The limit is 10 GB", "The limit is 10 MB"),
    ("The budget is 1,000 EUR", "The budget is 1,000 USD"),
    ("The budget is €100", "The budget is $100"),
    ("Latency fell by 5%", "Latency fell by 5"),
    ("Retry 3 times, wait 5 s", "Retry 5 times, wait 3 s"),
    ("Alice has 2 cats, Bob has 3", "Alice has 3 cats, Bob has 2"),
    # dates and times
    ("The meeting is on Friday", "The meeting is on Monday"),
    ("The meeting is on 8 May", "The meeting is on 8 June"),
    ("The meeting is on 2026-05-08", "The meeting is on 2026-05-09"),
    ("The meeting is tomorrow", "The meeting is today"),
    ("We meet at 10:30", "We meet at 10:45"),
    ("The release was approved", "The release will be approved"),
    # who does what to whom
    ("Alice reports to Bob", "Bob reports to Alice"),
    ("Postgres replaced MySQL", "MySQL replaced Postgres"),
    ("The data moved from staging to production", "The data moved from production to staging"),
    ("Alice's manager is Bob", "Alice is Bob's manager"),
    ("Alice approved the refund", "Bob approved the refund"),
    ("Anna goes to Rome with Ben", "Anna goes to Rome from Ben"),
    ("My laptop is broken", "Your laptop is broken"),
    # other words, added words
    ("The index is fast", "The index is slow"),
    ("The job runs before the backup", "The job runs after the backup"),
    ("The feature is on", "The feature is off"),
    ("All customers were refunded", "Some customers were refunded"),
    ("Ana may deploy", "Only Ana may deploy"),
    ("The fix works on Linux", "The fix works only on Linux"),
    ("Refunds are allowed", "Refunds are allowed above 100 EUR"),
    ("The fix is ready", "Is the fix ready?"),
    # identifiers and versions
    ("We ship v1.2", "We ship v1.3"),
    ("We ship v1.2", "We ship v1.2.1"),
    ("Invoice INV-5678 is paid", "Invoice INV-5679 is paid"),
    ("Invoice INV-5678 is paid", "Invoice ORD-5678 is paid"),
    ("The service is written in C++", "The service is written in C#"),
    ("The service is written in C", "The service is written in C++"),
    ("The key is in config_a", "The key is in config_b"),
    ("Run it with --force", "Run it with force"),
    ("Log in at app.example.com", "Log in at api.example.com"),
    ("Mail ana@acme.com", "Mail ana@acme.org"),
    ("Retry while a != b", "Retry while a = b"),
    ("The default is []", "The default is {}"),
    # scripts without spaces, and signs that are no words
    ("東京タワーは高い", "大阪タワーは高い"),
    ("東京から大阪へ行く", "大阪から東京へ行く"),
    ("東京は高い", "東京は高くない"),
    ("会議は5月8日です", "会議は5月9日です"),
    ("The build is 🟢", "The build is 🔴"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_in_other_words(one, other):
    assert same(one, other)
    assert same(other, one)
    assert not differences(one, other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_looks_alike_and_says_something_else(one, other):
    assert not same(one, other)
    assert not same(other, one)
    assert text_key(one) != text_key(other)


# --- the same text ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The fix works.", "  THE fix\tworks "),
        ("The fix works!", "the fix works."),
        ("Straße", "STRASSE"),
        ("\ufb01x", "fix"),  # a ligature
        ("cafe\u0301", "caf\u00e9"),
        ("\uff11\uff12", "12"),  # full width
    ],
)
def test_case_spaces_and_the_final_full_stop_do_not_count(one, other):
    assert text_key(one) == text_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The fix works?", "The fix works."),
        ("The fix works", "The fixes work"),
        ("We resign", "We re-sign"),
        ("5.0", "50"),
        ("5 0", "50"),
        ("-5", "5"),
        ("a/b", "a b"),
        ("a_b", "a b"),
        ("not a", "a not"),
        ("a != b", "a = b"),
        ("x = []", "x = {}"),
        ("🙂", "🙁"),
        (".", "!"),
        ("...", ""),
        ("!", " "),
    ],
)
def test_what_changes_what_is_said_does(one, other):
    assert text_key(one) != text_key(other)


@given(st.text())
def test_a_key_has_sixteen_bytes_and_is_the_same_again(text):
    assert len(text_key(text)) == 16
    assert text_key(text) == text_key(text)
    assert text_key(f"x {text}") == text_key(f" x {text} ") != text_key(f"y {text}")


# --- properties -------------------------------------------------------------------------------------------------------

words = st.sampled_from(
    [
        "the",
        "fix",
        "works",
        "not",
        "never",
        "Friday",
        "May",
        "5",
        "5.5",
        "-3",
        "ms",
        "Bob's",
        "東京",
        "C++",
        "a_b",
        "🙂",
        ".",
    ]
)
sentences = st.lists(words, max_size=8).map(" ".join)


@given(sentences | st.text())
def test_a_text_says_what_it_says(text):
    assert same(text, text)
    assert differences(text, text) == ()


@given(sentences, sentences)
def test_it_does_not_matter_which_came_first(one, other):
    assert same(one, other) == same(other, one)
    assert differences(one, other) == differences(other, one)
    assert alike(one, other) == alike(other, one)


@given(sentences, sentences)
def test_what_differs_is_not_the_same(one, other):
    if differences(one, other):
        assert not same(one, other)


@given(st.text())
def test_any_text_can_be_taken_apart(text):
    found = marks(text)
    assert found.words.total() == len(found.order)


# --- what differs, and about the same thing ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("The price is 5 EUR", "The price is 8 EUR", ("number",)),
        ("We meet on Friday", "We meet on Monday", ("date",)),
        ("We meet on 8 May", "We meet on 9 June", ("number", "date")),
        ("The fix works", "The fix does not work", ("negation",)),
        ("It costs 5 EUR until Friday", "It never costs 8 EUR until May", ("number", "date", "negation")),
        ("It is not unheard of, not at all", "It is unheard of, at all", ()),  # two negations
        ("You may go", "You can go", ()),  # the verb is no month
        ("Deliver in May", "Deliver in June", ("date",)),
        ("The index is fast", "The index is slow", ()),
    ],
)
def test_what_two_texts_say_differently(one, other, expected):
    assert differences(one, other) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("HNSW answers in 5 ms at 10M vectors", "HNSW answers in 8 ms at 10M vectors", True),
        ("The launch is on Friday", "The launch is on Monday", True),
        ("The launch of the new shop is on Friday", "Lunch is on Monday", False),
        ("The budget of the shop is 5", "The budget of the fleet is 8", False),
        ("5", "8", False),
        ("", "", False),
    ],
)
def test_about_the_same_thing(one, other, expected):
    assert alike(one, other) is expected
