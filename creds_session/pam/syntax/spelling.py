"""Suggest the word that was probably meant."""

from __future__ import annotations

import functools

_LIKENESS = 0.7
_LONGEST = 40  # bytes of a word that are compared


def suggestion(word: bytes, words: tuple[str, ...]) -> str:
    """Return `` (did you mean …?)`` with the most similar of the words, or ""."""
    text = word[:_LONGEST].lower()
    candidates = tuple(candidate for candidate in words if _may_be_like(text, candidate))
    return _closest(text, candidates) if candidates else ""


def _may_be_like(text: bytes, word: str) -> bool:
    """Return whether enough letters are in both words.

    difflib is slow, and most words have too few letters in common.
    """
    common = len(text) - len(text.translate(None, word.encode()))
    return 2 * min(common, len(word)) >= _LIKENESS * (len(text) + len(word))


@functools.lru_cache(maxsize=1024)
def _closest(word: bytes, candidates: tuple[str, ...]) -> str:
    import difflib  # takes long to load, and most files have no misspelt word

    text = word.decode("ascii", "replace")
    close = difflib.get_close_matches(text, candidates, n=1, cutoff=_LIKENESS)
    return f" (did you mean {close[0]}?)" if close else ""
