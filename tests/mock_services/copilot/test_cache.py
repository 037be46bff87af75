from __future__ import annotations

from mock_services.copilot.cache import AnswerCache, cache_key


def test_answers_age_and_the_least_used_goes_first() -> None:
    now = [0.0]
    cache = AnswerCache(entries=2, keep_s=10, clock=lambda: now[0])
    cache.put(b"a", "A", "m")
    cache.put(b"b", "B", "m")
    assert cache.get(b"a") is not None  # used: now b is the least used
    cache.put(b"c", "C", "m")
    assert cache.get(b"b") is None
    kept = cache.get(b"a")
    assert kept is not None and kept.text == "A"
    now[0] = 10.1
    assert cache.get(b"a") is None
    assert len(cache) == 1


def test_only_the_same_conversation_has_the_same_key() -> None:
    key = cache_key(["user", "How are  you?"])
    assert key == cache_key(["user", "how are you? "])
    assert key != cache_key(["user", "How are you? nonce:1234"])
    assert key != cache_key(["system", "How are you?"])
    assert cache_key(["ab", "c"]) != cache_key(["a", "bc"])
