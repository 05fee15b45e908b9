"""The index for searching: what is found, whatever is typed, and a file that may be thrown away."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.errors import StoreError
from aggregator.store import search
from aggregator.store.search import RANKED, Document, Version, find, open_index
from aggregator.store.search_words import MOST_WORDS, SNIPPET, parse_query, snippet

TEXTS = {
    "hengqin": ("全省推进横琴粤澳深度合作区建设动员会在广州召开", "日前,全省推进横琴粤澳深度合作区建设动员会召开。"),
    "banana": ("Crème brûlée", "The naïve café cooks a banana; SQLite's FTS5 indexes it, C++ as well."),
    "arabic": ("مُحَمَّد يقرأ كتابًا", "السلام عليكم ورحمة الله"),
    "hebrew": ("שָׁלוֹם עולם", "ברוך הבא"),
    "persian": ("می‌خواهم", "این یک متن است"),
    "emoji": ("Robots 🤖 and hearts ❤️", "flags 🇨🇳, families 👩‍👩‍👧"),
    "kana": ("カタカナとひらがな", "ﾊﾝｶｸ も ＦＵＬＬ　ＷＩＤＴＨ も"),
    "hangul": ("안녕하세요 세계", "한국어 문장입니다"),
    "hindi": ("हिन्दी समाचार", "भारत की राजधानी"),
    "thai": ("ภาษาไทยไม่มีช่องว่าง", "กรุงเทพมหานคร"),
    "rare": ("An ideograph beyond the first plane", "𠮷野家"),
}


def document(key: str, title: str = "", text: str = "", *, date: int = 1_700_000_000, **other: str) -> Document:
    """Return a post as it is indexed."""
    version = Version(post_hash=key.encode().ljust(16, b"."), category=other.get("category", '["a"]'), date=date)
    return Document(key=key, source_id=other.get("source_id", "s"), version=version, title=title or key, text=text)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "search.sqlite"


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("search") / "search.sqlite"
    with open_index(path) as index:
        index.put([document(key, *pair) for key, pair in TEXTS.items()])
    return path


def keys(path: Path, query: str, **how: object) -> list[str]:
    """Return what is found, best first."""
    question = parse_query(query)
    return [hit.key for hit in find(path, question, **how).hits] if question is not None else []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("横琴", "hengqin"),
        ("合作区 横琴", "hengqin"),
        ("粤", "hengqin"),
        ("creme BRULEE", "banana"),
        ("naive cafe", "banana"),
        ("bana", "banana"),
        ("FTS5", "banana"),
        ("c++", "banana"),
        ("محمد", "arabic"),
        ("السلام عليكم", "arabic"),
        ("שלום", "hebrew"),
        ("میخواهم", "persian"),
        ("🤖", "emoji"),
        ("❤", "emoji"),
        ("🇨🇳", "emoji"),
        ("👧", "emoji"),
        ("カタカナ", "kana"),
        ("ハンカク", "kana"),
        ("full width", "kana"),
        ("세계", "hangul"),
        ("समाचार", "hindi"),
        ("ไทย", "thai"),
        ("𠮷野", "rare"),
    ],
)
def test_every_script_is_found(texts: Path, query: str, key: str) -> None:
    """What is typed is found within words of scripts without spaces, whatever its accents, width, vowel signs or case."""
    assert keys(texts, query) == [key]


@pytest.mark.parametrize(
    "query", ["琴横", '"banana cooks"', "anana", "横琴 banana", "ไทยภา", "🇳🇨", '"ban"', "", "  ", '"', "*", "-", "()"]
)
def test_what_is_not_there_is_not_found(texts: Path, query: str) -> None:
    """Another order within a phrase, the end of a word, words of two posts, and what holds no word find nothing."""
    assert keys(texts, query) == []


@pytest.mark.parametrize(
    "query", ['"a banana"', "“a banana”", 'sqlite "a banana', "banana SQLite's", "title:banana OR banana"[-6:]]
)
def test_quotes_are_phrases(texts: Path, query: str) -> None:
    """What stands in quotes is found as it stands, whoever made the quotes; one that nobody closes goes on to the end."""
    assert keys(texts, query) == ["banana"]


@pytest.mark.parametrize(
    "query", ["title:banana", "banana OR nothing", "banana NOT cafe", "NEAR(banana cafe)", "{title} : banana", "^banana"]
)
def test_operators_are_words(texts: Path, query: str) -> None:
    """FTS5's own language has no meaning in what is typed: its words are looked for like any other."""
    question = parse_query(query)
    assert question is not None
    assert find(texts, question).found == int(query == "^banana")


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(), st.text(alphabet="\"'*^:(){}+-,;\\%_ \x00abNEAROTD横琴", max_size=60)))
def test_nothing_typed_is_an_error(texts: Path, query: str) -> None:
    """Whatever is typed, there is an answer, and none that breaks the index."""
    found = keys(texts, query)
    assert set(found) <= TEXTS.keys()


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.text(alphabet="横琴粤 a", max_size=8), min_size=1, max_size=6),
    st.sets(st.integers(0, 5)),
    st.text(alphabet="横琴粤", min_size=1, max_size=3),
)
def test_what_is_found_is_what_holds_it(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], gone: set[int], query: str
) -> None:
    """Of posts put, put again and removed, those that hold the characters in this order are found, and only those."""
    path = tmp_path_factory.mktemp("model") / "search.sqlite"
    with open_index(path) as index:
        index.put([document(f"k{n}", text="横琴粤") for n in range(len(texts))])
        index.put([document(f"k{n}", text=text) for n, text in enumerate(texts)])
        index.remove([f"k{n}" for n in gone])
    wanted = {f"k{n}" for n, text in enumerate(texts) if n not in gone and query in text.replace(" ", "")}
    assert set(keys(path, query)) == wanted


@settings(deadline=None, max_examples=150)
@given(st.text(), st.text(max_size=30))
def test_snippets_fit(text: str, query: str) -> None:
    """A snippet is never longer than it may be, whatever is looked for."""
    question = parse_query(query)
    assert len(snippet(text, question.words if question else ())) <= SNIPPET


def test_a_snippet_shows_the_hit() -> None:
    """It begins a little before the first word that is there, however the word is written, and says that it is cut."""
    text = "word " * 200 + "then Crème brûlée " + "word " * 200
    shown = snippet(text, ("missing", "brulee"))

    assert "Crème brûlée" in shown
    assert shown[0] == shown[-1] == "…"
    assert "横琴" in snippet("推" * 500 + "横琴" + "进" * 500, ("横琴",))
    assert "横琴" in snippet("推 " * 40_000 + "横琴", ("横琴",))
    assert snippet("short", ("nothing",)) == "short"


def test_what_is_asked_is_bounded() -> None:
    """Beyond 200 characters and 20 words nothing is looked at, and what is said twice counts once."""
    for query in ("a " * 10_000, " ".join(f"w{n}" for n in range(1000)), "横 琴 " * 1000, '"' * 100 + "a", "横" * 1000):
        question = parse_query(query)
        assert question is not None
        assert len(question.match) < 1000
        assert question.match.count('"') <= 2 * MOST_WORDS


def test_a_title_counts_more_than_a_text(path: Path) -> None:
    """Posts with the word in their title come first, then those that say it; of equals the newer one."""
    with open_index(path) as index:
        index.put(
            [
                document("old", text="banana and so on", date=1_500_000_000),
                document("new", text="banana and so on", date=1_600_000_000),
                document("title", title="banana", text="and so on", date=1_400_000_000),
            ]
        )
    assert keys(path, "banana") == ["title", "new", "old"]


def test_what_stands_everywhere_comes_newest_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more hits than are weighed those with the word in the title come first, then the newest, and the number is a least."""
    monkeypatch.setattr(search, "RANKED", 20)
    with open_index(path) as index:
        index.put([document(f"{n:02}", text="banana", date=1_500_000_000 + n * 10_000) for n in range(30)])
        index.put([document("title", title="banana", date=1_400_000_000)])
    question = parse_query("banana")
    assert question is not None

    hits = find(path, question, limit=3)
    assert [hit.key for hit in hits.hits] == ["title", "29", "28"]
    assert hits.found == 20 < RANKED
    assert [hit.key for hit in find(path, question, limit=2, offset=3).hits] == ["27", "26"]


def test_categories_and_sources_narrow(path: Path) -> None:
    """Only posts of the categories and of the source that were named are found."""
    with open_index(path) as index:
        index.put([document("a", text="x1"), document("b", text="x1", category='["a","b"]', source_id="t")])

    assert keys(path, "x1", categories=['["a"]']) == ["a"]
    assert sorted(keys(path, "x1", categories=['["a"]', '["a","b"]'])) == ["a", "b"]
    assert keys(path, "x1", source_id="t") == ["b"]
    assert keys(path, "x1", source_id="' OR 1=1 --") == []


def test_a_post_that_changed_is_found_by_what_it_says_now(path: Path) -> None:
    """Put again, a post has only its new words; removed, it has none."""
    with open_index(path) as index:
        index.put([document("a", text="before"), document("b", text="before")])
        index.put([document("a", text="after")])
        assert keys(path, "before") == ["b"]
        assert keys(path, "after") == ["a"]
        assert index.remove(["a", "nobody"]) == 1
        assert index.versions("", None).keys() == {"b"}
    assert keys(path, "after") == []


def test_nothing_is_left_of_what_was_taken_down(path: Path) -> None:
    """No word of a post that is to leave no trace stands in any of the index's files."""
    with open_index(path) as index:
        index.put([document(f"k{n}", text=f"other text {n}") for n in range(50)])
        index.put([document("a", title="Zyxwvut", text="zyxwvut unutterable")])
        assert any(b"zyxwvut" in file.read_bytes() for file in path.parent.iterdir())
        index.remove(["a"], without_trace=True)
        assert not any(b"xwvut" in file.read_bytes() or b"unutter" in file.read_bytes() for file in path.parent.iterdir())
    assert keys(path, "other") != []


def test_many_posts_of_one_moment_have_room(path: Path) -> None:
    """Posts that all have one date, as those without one do, are indexed all the same."""
    with open_index(path) as index:
        index.put([document(f"k{n}", text="same") for n in range(3000)])
        assert len(index.versions("", None)) == 3000
    question = parse_query("same")
    assert question is not None
    assert find(path, question).found == RANKED


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\x00" + b"\xff" * 5000])
def test_what_is_no_index_is_made_anew(path: Path, content: bytes) -> None:
    """An empty, foreign or broken file in its place is replaced by an empty index."""
    path.parent.mkdir()
    path.write_bytes(content)
    with open_index(path) as index:
        index.put([document("a", text="found")])
    assert keys(path, "found") == ["a"]


def test_another_layout_is_made_anew(path: Path) -> None:
    """An index whose words were made in another way is thrown away, and until then nothing is read from it."""
    with open_index(path) as index:
        index.put([document("a", text="found")])
    with sqlite3.connect(path) as run:
        run.execute("UPDATE meta SET value = '0/1'")
    run.close()
    with pytest.raises(StoreError, match="another version"):
        keys(path, "found")
    with open_index(path) as index:
        assert index.versions("", None) == {}


def test_damage_within_is_met_and_mended(path: Path) -> None:
    """A page that broke while nobody looked makes a search say so, and the next to write begins anew."""
    with open_index(path) as index:
        index.put([document(f"k{n}", text=f"found {n} " * 50) for n in range(200)])
    content = bytearray(path.read_bytes())
    for page in range(4096 * 8, len(content), 4096):
        content[page : page + 4096] = b"\xa5" * len(content[page : page + 4096])
    path.write_bytes(content)
    with pytest.raises(StoreError, match="cannot search"):
        keys(path, "found")
    with suppress(StoreError), open_index(path) as index:
        index.put([document("a", text="found")])
    with open_index(path) as index:
        index.put([document("a", text="found")])
    assert keys(path, "found") == ["a"]


def test_what_breaks_while_it_is_written_to_is_thrown_away(path: Path) -> None:
    """Damage that only shows in the middle of the work is an error, and the next to write begins anew."""
    with open_index(path) as index:
        index.put([document("a", text="found")])
        index._connection.execute("UPDATE texts SET text = x'00'")
        with pytest.raises(StoreError, match="may be deleted"):
            index.remove(["a"])
    with open_index(path) as index:
        assert index.versions("", None) == {}


def test_where_there_is_none_it_says_so(path: Path) -> None:
    """Without an index a search is an error that says why, and makes none."""
    with pytest.raises(StoreError, match="nothing is indexed"):
        keys(path, "found")
    assert not path.exists()


def test_a_folder_that_cannot_be_written_is_read(path: Path) -> None:
    """On a host that is read-only what is indexed is found, and to index is an error with its reason."""
    with open_index(path) as index:
        index.put([document("a", text="found")])
    assert not path.with_name("search.sqlite-wal").exists()
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        assert keys(path, "found") == ["a"]
    finally:
        path.parent.chmod(0o755)


def test_a_full_disk_is_said(path: Path) -> None:
    """Where there is no room the index is as it was, and the error says what is full."""
    with open_index(path) as index:
        index.put([document("a", text="found")])
        [[pages]] = index._connection.execute("PRAGMA page_count")
        index._connection.execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(StoreError, match="full"):
            index.put([document(f"k{n}", text=f"{n} " * 5000) for n in range(50)])
        assert keys(path, "found") == ["a"]


def test_one_writes_while_others_search(path: Path) -> None:
    """Searches go on while posts are indexed: each sees whole batches, and none fails."""
    with open_index(path) as index:
        index.put([document("first", text="found")])
    done, faults, seen = threading.Event(), [], set()

    def ask() -> None:
        question = parse_query("found")
        assert question is not None
        while not done.is_set():
            try:
                seen.add(find(path, question).found)
            except StoreError as error:
                faults.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    with open_index(path) as index:
        for batch in range(20):
            index.put([document(f"{batch}-{n}", text="found") for n in range(10)])
    done.set()
    for thread in threads:
        thread.join()
    assert faults == []
    assert {number % 10 for number in seen} == {1}
    assert len(seen) > 1
