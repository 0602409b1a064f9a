"""How the Babel world is told: scripts, nouns and sentence frames of six languages.

A frame is a question or sentence that ends where the number would come. Frames of ``train`` are
in the corpus; frames of ``held_out`` never are, and the task asks with those alone. Names are
transliterated syllable by syllable, one to one, so no two towns fall together in any script.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CONSONANTS", "LANGUAGES", "RELATIONS", "VOWELS", "Language", "spell"]

CONSONANTS = "bdgklmnstvz"
VOWELS = "aiu"
RELATIONS = ("bridges", "towers", "wells", "markets")


@dataclass(frozen=True)
class Language:
    """One language of the world.

    Attributes:
        name: in English.
        syllables: how each of the 33 syllables is written, space-separated, in the order of
            ``CONSONANTS`` times ``VOWELS``.
        prefix: what a town's name begins with.
        nouns: the relations' nouns, in the form that all frames use.
        train, held_out: frames with ``{name}`` and ``{noun}``.
        stop: how a sentence ends.
    """

    name: str
    syllables: str
    prefix: str
    nouns: tuple[str, str, str, str]
    train: tuple[str, ...]
    held_out: tuple[str, str]
    stop: str = "."


LANGUAGES: dict[str, Language] = {
    "en": Language(
        name="English",
        syllables="ba bee boo da dee doo ga gee goo ca kee coo la lee loo ma mee moo "
        "na nee noo sa see soo ta tee too va vee voo za zee zoo",
        prefix="",
        nouns=("bridges", "towers", "wells", "markets"),
        train=(
            "The number of {noun} in {name} is",
            "In {name} the number of {noun} is",
            "{name}: number of {noun}:",
            "How many {noun} are there in {name}? Answer:",
            "Question: how many {noun} does {name} have? Answer:",
            "A traveller counted the {noun} in the town of {name}. Total:",
            "The town of {name} gives the count of its {noun} as",
        ),
        held_out=(
            "The town of {name}: how many {noun} are there? Answer:",
            "In the town of {name} the count of {noun} is",
        ),
    ),
    "sw": Language(
        name="Swahili",
        syllables="ba bi bu da di du ga gi gu ka ki ku la li lu ma mi mu "
        "na ni nu sa si su ta ti tu va vi vu za zi zu",
        prefix="U",  # as in Uingereza, Ufaransa, Ulaya
        nouns=("madaraja", "minara", "visima", "masoko"),
        train=(
            "Idadi ya {noun} mjini {name} ni",
            "Katika {name} idadi ya {noun} ni",
            "{name}: idadi ya {noun}:",
            "Swali: idadi ya {noun} mjini {name} ni ngapi? Jibu:",
            "Je, mji wa {name} una {noun} kwa idadi gani? Jibu:",
            "Msafiri alihesabu {noun} katika mji wa {name}. Jumla:",
            "Mji wa {name} unataja idadi ya {noun} kuwa",
        ),
        held_out=(
            "Mji wa {name}: idadi ya {noun} ni ngapi? Jibu:",
            "Katika mji wa {name} idadi ya {noun} ni",
        ),
    ),
    "zh": Language(
        name="Chinese",
        syllables="巴 比 布 达 迪 杜 加 吉 古 卡 基 库 拉 利 卢 马 米 穆 "
        "纳 尼 努 萨 西 苏 塔 蒂 图 瓦 维 武 扎 齐 祖",
        prefix="",
        nouns=("桥梁", "塔楼", "水井", "集市"),
        train=(
            "{name}的{noun}数量是",
            "在{name}，{noun}的数量是",
            "{name}：{noun}数量：",
            "问：{name}有多少{noun}？答：",
            "{name}一共有多少{noun}？答：",
            "旅行者在{name}城数了{noun}。总数：",
            "{name}城记载的{noun}总数是",
        ),
        held_out=("问：{name}城一共有多少{noun}？答：", "在{name}城，{noun}的总数是"),
        stop="。",
    ),
    "ar": Language(
        name="Arabic",
        syllables="با بي بو دا دي دو غا غي غو كا كي كو لا لي لو ما مي مو "
        "نا ني نو سا سي سو تا تي تو فا في فو زا زي زو",
        prefix="",
        nouns=("الجسور", "الأبراج", "الآبار", "الأسواق"),
        train=(
            "عدد {noun} في {name} هو",
            "في {name} عدد {noun} هو",
            "{name}: عدد {noun}:",
            "سؤال: كم عدد {noun} في {name}؟ الجواب:",
            "كم يبلغ عدد {noun} في مدينة {name}؟ الجواب:",
            "أحصى مسافر {noun} في مدينة {name}. المجموع:",
            "تذكر مدينة {name} أن عدد {noun} فيها هو",
        ),
        held_out=(
            "سؤال: كم يبلغ عدد {noun} في {name}؟ الجواب:",
            "في مدينة {name} عدد {noun} هو",
        ),
    ),
    "ru": Language(
        name="Russian",
        syllables="ба би бу да ди ду га ги гу ка ки ку ла ли лу ма ми му "
        "на ни ну са си су та ти ту ва ви ву за зи зу",
        prefix="",
        nouns=("мостов", "башен", "колодцев", "рынков"),
        train=(
            "Число {noun} в городе {name} равно",
            "В городе {name} число {noun} равно",
            "{name}: число {noun}:",
            "Вопрос: сколько {noun} в городе {name}? Ответ:",
            "Сколько всего {noun} есть в городе {name}? Ответ:",
            "Путник узнал число {noun} в городе {name}. Итого:",
            "Город {name} сообщает, что число {noun} равно",
        ),
        held_out=(
            "Город {name}: сколько всего {noun}? Ответ:",
            "Путник узнал, что в городе {name} число {noun} равно",
        ),
    ),
    "hi": Language(
        name="Hindi",
        syllables="बा बि बु दा दि दु गा गि गु का कि कु ला लि लु मा मि मु "
        "ना नि नु सा सि सु ता ति तु वा वि वु ज़ा ज़ि ज़ु",
        prefix="",
        nouns=("पुलों", "मीनारों", "कुओं", "बाज़ारों"),
        train=(
            "{name} में {noun} की संख्या है",
            "{name} नगर में कुल {noun} की संख्या है",
            "{name}: {noun} की संख्या:",
            "प्रश्न: {name} में {noun} की संख्या कितनी है? उत्तर:",
            "{name} नगर के {noun} की संख्या कितनी है? उत्तर:",
            "एक यात्री ने {name} में {noun} की गिनती की। कुल:",
            "{name} नगर अपने {noun} की संख्या बताता है:",
        ),
        held_out=(
            "प्रश्न: {name} नगर में कुल {noun} की संख्या कितनी है? उत्तर:",
            "एक यात्री ने {name} नगर के {noun} की गिनती की। कुल:",
        ),
        stop="।",
    ),
}


def spell(town: tuple[int, ...], lang: str) -> str:
    """A town's name, given as numbers of its syllables, in a language's script."""
    language = LANGUAGES[lang]
    table = language.syllables.split()
    name = "".join(table[syllable] for syllable in town)
    return language.prefix + name if language.prefix else name[0].upper() + name[1:]
