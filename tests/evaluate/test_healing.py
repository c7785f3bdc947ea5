from tuner.evaluate.healing import Healer
from tuner.render import Renderer


def test_the_allowed_tokens_are_those_that_a_scan_of_the_whole_vocabulary_finds(renderer: Renderer) -> None:
    healer = Healer(renderer.vocabulary)
    for left in (b"c", b"co", b"get_coun", b" ", b"    ", b"(", "ï".encode(), b"zzz", b"\xff", b"connection and more"):
        slow = [
            i for i, each in enumerate(renderer.vocabulary) if each and (each.startswith(left) or left.startswith(each))
        ]
        assert healer.allowed(left).tolist() == slow
        assert slow


def test_duplicate_spellings_are_all_allowed_and_control_tokens_never_are() -> None:
    healer = Healer([b"", b"a", b"ab", b"a", b"b", b""])
    assert healer.allowed(b"a").tolist() == [1, 2, 3]
    assert healer.allowed(b"ab").tolist() == [1, 2, 3]


def test_the_path_lists_what_is_left_before_each_healed_token() -> None:
    healer = Healer([b"ge", b"t_", b"t_count", b"(", b"x"])
    assert healer.path(b"get_c", [0, 2, 3]) == [b"get_c", b"t_c"]
    assert healer.path(b"", [0, 2, 3]) == []


def test_ids_that_spell_something_else_or_too_little_have_no_path() -> None:
    healer = Healer([b"ge", b"t_", b"x", b""])
    assert healer.path(b"get_c", [0, 2]) is None
    assert healer.path(b"get_c", [0, 1]) is None
    assert healer.path(b"get_c", [0, 3]) is None
    assert healer.path(b"get_c", [0, 99]) is None
