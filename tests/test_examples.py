"""Every example runs as a person would run it, and says what it is there to say."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
FOCUSED = {
    "quickstart.py": [
        r"^\d\.\d\d  researcher: HNSW answers in 5 ms",
        r"^\[1\] \(.*, researcher\) The index needs 38 GB",
        r"^the researcher reads 3 memories, the writer 2$",
    ],
    "two_agents.py": [
        r"^billing finds: \['The customer was charged twice for INV-5687.'",
        r"^billing and the hunch: no memory ",
        r"^about cust_42 it reads 1 and about cust_77 1$",
        r"^denied: this handle is bound to one user",
        r"^triage finds: Refunds over EUR 1,000 need a second signature\.$",
        r"^a stranger finds: \[\]$",
    ],
    "async_team.py": [
        r"^which words count more\? ranking: BM25",
        r"^how are neighbours kept\? indexes: HNSW",
        r"^the editor reads 3 of 6 memories$",
    ],
    "lifecycle.py": [
        r"^rated 0\.\d\d; shared: \['We decided on Friday: the export limit is 40 requests a minute\.'\]$",
        r"^one memory, by ana, confirmed by 1 other$",
        r"^now: \['We decided on Monday: the export limit is 60 requests a minute\.'\]$",
        r"^└─ supersedes team/shared 'We decided on Friday",
        r"^   ├─ also said by ben, ",
        r"^   └─ promoted from agents/ana ",
        r"^conflict: number: .* 60 requests .* against .* 80 requests ",
        r"^after one half-life, at a recency weight of 0\.5: ×0\.75$",
        r"^denied: only verified memories may enter 'handbook'",
        r"^in the handbook, verified by dana$",
        r"^forgotten: 4 undone: 4$",
        r"^purged: 4 audit holds: True$",
    ],
    "support_desk.py": [
        r"^known from it: Alice Chen works_at Acme Corp$",
        r"^asked twice, posted once: True$",
        r"^triage can take: None ",
        r"^network learned a month ago: .*; renew the certificate",
        r"^done: certificate of the export-proxy renewed",
        r"^dana decided: Refunds over 1,000 euros are approved by a person$",
        r"^    # Escalation from billing to human:dana$",
        r"^dana answers: refund it$",
        r"^to Alice: certificate .*; 1,240 euros refunded, reference R-77$",
        r"^for another customer there is nothing of it: True$",
        r"^technical and the finances: \[\]$",
        r"^how Alice and the proxy are connected: Alice Chen —works_at→ Acme Corp —depends_on→ export-proxy$",
        r"^3 tasks done, 1 escalated, 1 not done twice, ",
        r"^the audit holds: True$",
        r"^events: post, post, post, claim, complete, claim, hand_over, send, take, resume, resolve, claim, complete,",
    ],
    "beside_the_owner.py": [
        r"^a second owner: True$",
        r"^worker: The nightly import took 41 minutes\. degraded: True$",
        r"^owner: The nightly import took 41 minutes\. degraded: False$",
    ],
}


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The example in a process of its own, its warnings errors, its output piped."""
    paths = [str(ROOT / "core"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.run(
        [sys.executable, "-W", "error", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def test_every_example_is_tested() -> None:
    shown = {path.name for path in EXAMPLES.glob("*.py") if "__main__" in path.read_text(encoding="utf-8")}
    # That of the frameworks runs in their environment: tests/integrations/test_five_frameworks.py.
    assert shown == {*FOCUSED, "demo.py", "five_frameworks.py"}


@pytest.mark.parametrize("name", FOCUSED)
def test_a_focused_example_says_what_it_shows(name: str, tmp_path: Path) -> None:
    done = run(EXAMPLES / name, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for line in FOCUSED[name]:
        assert re.search(line, done.stdout, re.MULTILINE), f"{line!r} is not in:\n{done.stdout}"
    assert list(tmp_path.iterdir()) == []  # it leaves nothing behind


@pytest.mark.parametrize("name", [name for name in FOCUSED if name != "support_desk.py"])  # which is a story
def test_a_focused_example_is_short(name: str) -> None:
    assert len((EXAMPLES / name).read_text(encoding="utf-8").splitlines()) < 60


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> str:
    done = run(EXAMPLES / "demo.py", cwd=tmp_path_factory.mktemp("demo"))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


@pytest.mark.parametrize(
    "line",
    [
        r"^✓ 184 memories in [\d.]+ s: [\d,]+ writes/s, p50 [\d.]+ ms",
        r"^  agent +turns +customer's +shared +private +may read$",
        r"^  triage +59 +31 +4 +3 +177$",
        r"^  billing +40 +18 +5 +3 +177$",
        r"^  technical +59 +29 +7 +4 +178$",
        r"^  \d\. \d\.\d\d .*, customer, recorded by technical: ",
        r"^ +why: terms \d\.\d\d×0\.5, window_terms",
        r"^  version 1: Working diagnosis",
        r"^  version 2: Dropped on 6 May",
        r"^  ✓ a second writer is told: .* is at version 2, not 1",
        r"^  ✓ forgotten: 3; neither counted nor found any more$",
        r"^  ✓ undone: 3 are back$",
        r"^  \[1\] \(\d+ May 2026, \w+\) ",
        r"^  \d+ of 200 tokens, \d+ memories cited, \d+ left out$",
        r"^  support/conversations +158 ",
        r"^  ✓ shared once: by technical, confirmed by 1 other$",
        r"^  ├─ also said by billing, ",
        r"^  └─ promoted from agents/technical ",
        r"^     └─ by technical, ",
        r"^  ✓ triage finds the new one first, the old one not at all$",
        r"^  ✓ the old one is there for who asks for it ",
        r"^  ✓ billing's draft of an answer is held back from recall$",
        r"^  ✓ verified by dana, triage finds it$",
        r"^  ✓ deleted for good: 27 memories about cust_77$",
        r"^  ✓ none of their 27 texts, nor cust_77, is in any of the store's \d+ files$",
        r"^  ✓ the chain of all \d+ entries holds$",
        r"^✓ memories found that must not be: 0 \(in 3 attempts\)$",
        r"^recall p50 [\d.]+ ms",
    ],
)
def test_the_demo_shows(demo: str, line: str) -> None:
    assert re.search(line, demo, re.MULTILINE), f"{line!r} is not in:\n{demo}"


def test_the_demo_answers_at_least_four_questions_of_five(demo: str) -> None:
    found = re.search(r"^✓ questions answered with evidence in the top 5: (\d+) of 22 ", demo, re.MULTILINE)
    assert found is not None
    assert int(found[1]) >= 0.8 * 22


def test_the_demo_finds_what_contains_the_identifier_first(demo: str) -> None:
    shown = demo.split("An exact identifier\n")[1].partition("\n\n")[0]
    assert re.search(r"^  1\. .*ERR-TLS-0x1F", shown, re.MULTILINE)
    assert "contains 1 identifier" in " ".join(shown.split())


def test_the_demo_checks_each_secret(demo: str) -> None:
    shown = demo.split("What they must not find\n")[1].partition("\n\n")[0]
    assert [line[:3] for line in shown.splitlines() if line[2:3] in {"✓", "✗"}] == ["  ✓"] * 3


def test_the_demo_writes_no_escape_codes_into_a_pipe(demo: str) -> None:
    assert "\x1b" not in demo


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_on_a_terminal_there_are_colours() -> None:
    import pty

    control, terminal = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    code = "from examples.show import screen; screen().check(False, 'red')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**environment, "TERM": "xterm"}, stdout=terminal, check=False
    )
    os.close(terminal)
    shown = os.read(control, 1000).decode()
    os.close(control)
    assert done.returncode == 0
    assert "\x1b[1;31m✗ red" in shown


LOCOMO = [
    {
        "sample_id": "conv-1",
        "conversation": {
            "speaker_a": "Ada",
            "speaker_b": "Ben",
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [
                {"speaker": "Ada", "dia_id": "D1:1", "text": "I planted tomatoes.", "query": "tomato seedlings"},
                {"speaker": "Ben", "dia_id": "D1:2", "text": "My sister moved to Oslo.", "blip_caption": "a harbour"},
            ],
        },
        "qa": [
            {"question": "What did Ada plant?", "category": 4, "evidence": ["D1:1"]},
            {"question": "Where does the sister live?", "category": 1, "evidence": ["D:1:2; D9:9"]},
            {"question": "What did Ben plant?", "category": 5, "evidence": ["D1:1"]},
        ],
    },
    {
        "sample_id": "conv-2",
        "conversation": {
            "session_1_date_time": "9:05 am on 1 June, 2023",
            "session_1": [{"speaker": "Cleo", "dia_id": "D1:1", "text": "The bakery opens in July."}],
        },
        "qa": [{"question": "When does the bakery open?", "category": 2, "evidence": ["D1:1"]}],
    },
]


def test_the_demo_plays_a_locomo_file(tmp_path: Path) -> None:
    data = tmp_path / "locomo.json"
    data.write_text(json.dumps(LOCOMO), encoding="utf-8")
    done = run(EXAMPLES / "demo.py", "--data", data, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert re.search(r"^  Ada +1 +0 +0 +1 +3$", done.stdout, re.MULTILINE)  # two turns and her own note
    assert "top 5: 3 of 3 (100%)" in done.stdout
    assert "memories found that must not be: 0 (in 4 attempts)" in done.stdout
    assert "[shares a harbour]" in done.stdout


def test_the_demo_fails_when_somebody_finds_a_secret(tmp_path: Path) -> None:
    """The same week, but who asks reads everything: the check must see it, and the program must say so."""
    script = tmp_path / "leaky.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from examples import demo\n"
        "allow = demo.allow\n"
        "def open_doors(play):\n"
        "    allow(play)\n"
        "    play.team.grant('*', 'agents/**', 'read', clearance='confidential')\n"
        "demo.allow = open_doors\n"
        "demo.Play.asker = lambda play, question: play.team.agent(question.asker)\n"
        "sys.exit(demo.main([]))\n",
        encoding="utf-8",
    )
    done = run(script, cwd=tmp_path)
    assert done.returncode == 1
    assert re.search(r"^✗ memories found that must not be: [1-9]", done.stdout, re.MULTILINE)
    for verb in ("recall finds private:5", "list shows private:5", "get returns private:5"):
        assert verb in " ".join(done.stdout.split())
