"""A user's own text: any encoding and alphabet, characters or words, and the lyrics of the Chinese edition."""

import gzip
import inspect
import os
import random
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pytest

import d2l_helpers as d2l
from d2l_helpers.data import EXCERPT

TEXTS = {
    "Chinese": "永和九年，岁在癸丑，暮春之初，会于会稽山阴之兰亭，修禊事也。\n"
    "群贤毕至，少长咸集。此地有崇山峻岭，茂林修竹；又有清流激湍，映带左右。\n",
    "German": "Habe nun, ach! Philosophie, Juristerei und Medizin, und leider auch Theologie durchaus studiert, mit "
    "heißem Bemühn. Da steh ich nun, ich armer Tor! Und bin so klug als wie zuvor; heiße Magister, heiße Doktor.\n",
    "French": "Longtemps, je me suis couché de bonne heure. Parfois, à peine ma bougie éteinte, mes yeux se fermaient "
    "si vite que je n'avais pas le temps de me dire que je m'endormais.\n",
    "Spanish": "No ha mucho tiempo que vivía un hidalgo de los de lanza en astillero, adarga antigua, rocín flaco y "
    "galgo corredor. Consumían duelos y quebrantos los sábados, algún palomino de añadidura los domingos.\n",
    "Italian": "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Essi sono dotati di ragione e di "
    "coscienza. Perché così è la libertà.\n",
    "Russian": "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.\n"
    "Все смешалось в доме Облонских. Жена узнала, что муж был в связи с бывшею гувернанткой.\n" * 3,
    "Japanese": "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所で"
    "ニャーニャー泣いていた事だけは記憶している。吾輩はここで始めて人間というものを見た。\n",
    "Korean": "모든 국민은 인간으로서의 존엄과 가치를 가지며, 행복을 추구할 권리를 가진다. 국가는 개인이 가지는 "
    "불가침의 기본적 인권을 확인하고 이를 보장할 의무를 진다.\n",
    "Arabic": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق.\n",
    "Hindi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है।\n",
    "emoji": "good morning 😀😃 tea ☕ at 5?\n",
}
ENCODINGS = [
    *((name, encoding) for name in TEXTS for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")),
    ("Chinese", "gb18030"), ("Chinese", "gbk"), ("German", "latin-1"), ("German", "cp1252"), ("French", "latin-1"),
    ("Spanish", "latin-1"), ("Italian", "latin-1"), ("Russian", "cp1251"), ("Russian", "koi8-r"),
    ("Japanese", "shift_jis"), ("Korean", "euc_kr"), ("emoji", "utf-32"),
]  # fmt: skip


def read(text, separator=""):
    corpus_indices, _, idx_to_char, _ = text
    return separator.join(idx_to_char[i] for i in corpus_indices)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "my.txt"


@pytest.fixture
def assert_rejected(is_one_sentence):
    """Return a function that expects a short, one-sentence error with this fragment."""

    def check(error_type, fragment, *args, load=d2l.load_data_text, **options):
        with pytest.raises(error_type) as error:
            load(*args, **options)
        message = str(error.value)
        assert is_one_sentence(message), message
        assert fragment in message
        assert len(message) < 300

    return check


# Files and encodings


def test_the_excerpt_gives_what_its_own_loader_gives():
    assert d2l.load_data_text(EXCERPT, 10_000) == d2l.load_data_time_machine()
    assert d2l.load_data_text(num_examples=10_000, text=EXCERPT.read_text()) == d2l.load_data_time_machine()
    assert d2l.load_data_text(str(EXCERPT), 500) == d2l.load_data_time_machine(500)


@pytest.mark.parametrize(("name", "encoding"), ENCODINGS)
def test_the_encoding_is_detected(name, encoding, path):
    path.write_bytes(TEXTS[name].encode(encoding))
    expected = unicodedata.normalize("NFC", TEXTS[name])
    assert read(d2l.load_data_text(path, lowercase=False, keep_newlines=True)) == expected


@pytest.mark.parametrize(
    ("text", "encoding"), [("短", "gb18030"), ("über", "cp1253"), (TEXTS["German"], "utf-16"), ("łódź", "iso8859-2")]
)
def test_a_given_encoding_is_used(text, encoding, path):
    path.write_bytes((text + " x").encode(encoding, "ignore"))
    decoded = path.read_bytes().decode(encoding)
    assert read(d2l.load_data_text(path, encoding=encoding, lowercase=False, keep_newlines=True)) == decoded


def test_letters_beyond_ascii_are_found_far_from_the_start(path):
    path.write_bytes(b"plain ascii\n" * 20_000 + TEXTS["French"].encode("latin-1"))
    assert "bougie éteinte" in read(d2l.load_data_text(path))


@pytest.mark.parametrize(
    ("name", "encoding"), [("Chinese", "gb18030"), ("Japanese", "shift_jis"), ("French", "latin-1")]
)
@pytest.mark.parametrize("end", ["\n", ""])
def test_the_encoding_of_a_long_file_is_detected_from_a_part(name, encoding, end, path):
    text = TEXTS[name].rstrip("\n") + end
    path.write_bytes((text * (300_000 // len(text))).encode(encoding))
    assert read(d2l.load_data_text(path, 1000)) == (text * 50).lower().replace("\n", " ")[:1000]


@pytest.mark.parametrize(
    "data",
    [
        "永和九年".encode("gb18030"),
        TEXTS["Chinese"].encode()[:-2],
        (TEXTS["French"] * 5).encode() + b"caf\xe9",
        random.Random(0).randbytes(10_000),
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0",
        gzip.compress(b"text"),
        b"a text with one zero byte \0 and nothing else that is unusual, as a program may write it",
    ],
    ids=["a few characters", "incomplete UTF-8", "mixed encodings", "random", "PNG", "gzip", "a zero byte"],
)
def test_an_uncertain_encoding_and_a_binary_file_ask_for_the_encoding(data, path, assert_rejected):
    path.write_bytes(data)
    assert_rejected(ValueError, 'my.txt\'; pass its encoding, for example encoding="gb18030"', path)


@pytest.mark.parametrize("encoding", ["nonsense", "base64", "ascii", 8, "utf-16"])
def test_a_wrong_encoding_is_rejected(encoding, path, assert_rejected):
    path.write_bytes("naïve".encode("latin-1"))
    assert_rejected(
        ValueError, f"encoding must be the encoding of the file, got {encoding!r} for", path, encoding=encoding
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_one_space_or_one_newline(end, path):
    path.write_bytes(f"One{end}two{end}{end}three".encode())
    assert read(d2l.load_data_text(path)) == "one two  three"
    assert read(d2l.load_data_text(path, keep_newlines=True)) == "one\ntwo\n\nthree"


def test_files_that_are_no_text_are_rejected(path, tmp_path, assert_rejected):
    assert_rejected(FileNotFoundError, "pass a string as text=", path)
    assert_rejected(FileNotFoundError, "pass a string as text=", "the time traveller\n" * 1000)
    assert_rejected(FileNotFoundError, "pass a string as text=", "a\0b")
    assert_rejected(FileNotFoundError, "must be an existing text file, got '/dev/zero'", "/dev/zero")
    assert_rejected(ValueError, "must be a text file, got the directory", tmp_path)
    assert_rejected(TypeError, "path must be a path, got b'my.txt'", b"my.txt")
    assert_rejected(TypeError, "path must be a path, got 3", 3)
    for content in ("", "x", "\ufeff", "\ufeffx"):
        path.write_text(content, encoding="utf-8")
        assert_rejected(ValueError, "path must contain at least two tokens", path)


def test_an_unreadable_file_is_rejected(path, assert_rejected, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    path.write_text("text")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert_rejected(PermissionError, "my.txt' (Permission denied); change its permissions", path)


# Strings


def test_a_string_is_a_text_of_its_own(assert_rejected):
    assert read(d2l.load_data_text(text="Ab\r\nc")) == "ab c"
    assert_rejected(ValueError, "got neither; pass exactly one")
    assert_rejected(ValueError, "got both; pass exactly one", EXCERPT, text="ab")
    assert_rejected(TypeError, "text must be a string, got b'ab'", text=b"ab")
    assert_rejected(ValueError, "text must contain at least two tokens, got 0 in ''", text="")
    assert_rejected(ValueError, "at least two tokens, got 0", text=" \n ", words=True)


def test_a_letter_with_an_accent_is_one_character_in_both_forms():
    assert d2l.load_data_text(text="e\u0301\u00e9")[2] == ["\u00e9"]


@pytest.mark.parametrize("name", TEXTS)
def test_the_vocabulary_is_sorted_and_both_directions_agree(name):
    corpus_indices, char_to_idx, idx_to_char, vocab_size = d2l.load_data_text(text=TEXTS[name])
    assert idx_to_char == sorted(set(idx_to_char))
    assert [char_to_idx[char] for char in idx_to_char] == list(range(vocab_size))
    assert {type(i) for i in corpus_indices} == {int}


@pytest.mark.parametrize("num_examples", [1, 5, np.int64(5), 10**9])
def test_num_examples_is_a_maximum(num_examples):
    assert len(d2l.load_data_text(text="a longer text", num_examples=num_examples)[0]) == min(num_examples, 13)


@pytest.mark.parametrize("name", ["num_examples", "min_count"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "3", True])
def test_a_bad_number_is_named(name, value, assert_rejected):
    fragment = f"{name} must be a positive integer, got {value!r}"
    assert_rejected(ValueError, fragment, text="text", **{name: value})


# Words, rare tokens, and another text's vocabulary


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop, time-traveller!", "don't|stop|,|time|-|traveller|!"),
        ("L\u2019été dernier.", "l\u2019été|dernier|."),
        ("हिन्दी में लिखा है।", "हिन्दी|में|लिखा|है|।"),
        ("مَرْحَبًا بالعالم،", "مَرْحَبًا|بالعالم|،"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("한국어 단어", "한국어|단어"),
        ("永和九年，GDP增长", "永|和|九|年|，|gdp|增|长"),
        ("the <unk> is N", "the|<unk>|is|n"),
        ("if x_1 += 2:", "if|x_1|+|=|2|:"),
    ],
)
def test_words_and_punctuation_marks_are_tokens_in_every_script(text, words):
    corpus_indices, _, idx_to_char, _ = d2l.load_data_text(text=f"{text} {text}", words=True)
    assert "|".join(idx_to_char[i] for i in corpus_indices) == f"{words}|{words}"


def test_a_line_end_may_be_a_word():
    assert d2l.load_data_text(text="a b\nc", words=True, keep_newlines=True)[2] == ["\n", "a", "b", "c"]


def test_rare_tokens_become_unknown_only_on_request():
    assert read(d2l.load_data_text(text="aab", min_count=2)) == "aa<unk>"
    assert d2l.load_data_text(text="aabb", min_count=2)[2] == ["<unk>", "a", "b"]
    assert d2l.load_data_text(text="aab", min_count=1)[2] == ["a", "b"]
    assert read(d2l.load_data_text(text="on and on", words=True, min_count=2), " ") == "on <unk> on"


@pytest.mark.parametrize("form", [list, tuple, lambda tokens: dict(enumerate(tokens)), np.array])
def test_a_text_is_indexed_with_the_vocabulary_of_another(form, assert_rejected):
    vocabulary = ["b", "a", " "]
    corpus_indices, char_to_idx, idx_to_char, vocab_size = d2l.load_data_text(text="ab a", vocabulary=form(vocabulary))
    assert corpus_indices == [1, 0, 2, 1]
    assert (char_to_idx, idx_to_char, vocab_size) == ({"b": 0, "a": 1, " ": 2}, vocabulary, 3)
    assert_rejected(ValueError, "got a text with ['c', 'd']", text="abcd", vocabulary=form(vocabulary))
    assert read(d2l.load_data_text(text="abc", vocabulary=form([*vocabulary, "<unk>"]))) == "ab<unk>"


def test_an_unknown_text_is_quoted_shortly(assert_rejected):
    assert_rejected(ValueError, "vocabulary must contain every token", text=TEXTS["Chinese"], vocabulary="ab")
    assert_rejected(ValueError, "idx_to_char must have the keys 0 to 1", text="ab", vocabulary={"a": 0, "b": 1})
    assert_rejected(TypeError, "idx_to_char must be a list of tokens, got 3", text="ab", vocabulary=3)


def test_the_options_are_keyword_only():
    parameters = inspect.signature(d2l.load_data_text).parameters.values()
    assert [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY] == ["path", "num_examples"]


# The lyrics


def write_lyrics(file, text, member="jaychou_lyrics.txt"):
    file.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(member, text)
    return file


@pytest.mark.parametrize("folder", ["../data", "data"])
def test_the_lyrics_are_read_as_the_published_helpers_read_them(folder, tmp_path, monkeypatch):
    (tmp_path / "chapter").mkdir()
    monkeypatch.chdir(tmp_path / "chapter")
    text = "我的歌\nLa La\r\n" * 2000
    write_lyrics(Path(folder, "jaychou_lyrics.txt.zip"), text)
    lyrics = d2l.load_data_jay_lyrics()
    assert read(lyrics) == text.replace("\n", " ").replace("\r", " ")[:10_000]
    assert lyrics[2] == sorted(set(lyrics[2])) == sorted(lyrics[1], key=lyrics[1].get)
    assert lyrics == d2l.load_data_jay_lyrics(os.path.join(folder, "jaychou_lyrics.txt.zip"))
    if folder == "../data":
        from d2lzh import load_data_jay_lyrics

        corpus_indices, _, idx_to_char, vocab_size = load_data_jay_lyrics()
        assert (read(lyrics), lyrics[3]) == ("".join(idx_to_char[i] for i in corpus_indices), vocab_size)


def test_missing_and_wrong_lyrics_are_rejected(tmp_path, monkeypatch, assert_rejected):
    monkeypatch.chdir(tmp_path)
    load = d2l.load_data_jay_lyrics
    assert_rejected(FileNotFoundError, "put it at '../data/jaychou_lyrics.txt.zip'", load=load)
    assert_rejected(FileNotFoundError, "put it at 'mine.zip'", "mine.zip", load=load)
    Path("mine.zip").write_bytes(b"no zip file")
    assert_rejected(ValueError, "must be a zip file with jaychou_lyrics.txt", "mine.zip", load=load)
    assert_rejected(ValueError, "jaychou_lyrics.txt", write_lyrics(tmp_path / "a.zip", "a", "other.txt"), load=load)
    assert_rejected(ValueError, "in UTF-8", write_lyrics(tmp_path / "b.zip", "歌".encode("gbk")), load=load)
