"""Abbreviations, and words that begin sentences, by language: they tell whether a dot ends a sentence.

Written from general knowledge of each language, copied from no list. Knows words and codes of languages; no rules.
"""

from dataclasses import dataclass
from functools import cache

from nmt.text.directions import SEVERAL
from nmt.text.languages import base_language


@dataclass(frozen=True)
class Words:
    """What is known of a language; all in lower case, abbreviations without their last dot."""

    never: frozenset[str] = frozenset()  # never end a sentence: a title before a name, "e.g."
    seldom: frozenset[str] = frozenset()  # end one only if one of ``first`` follows: "Inc.", "etc."
    numbers: frozenset[str] = frozenset()  # end none before a number: "No. 5", "Jan. 5"; "-str": "Hauptstr. 5"
    first: frozenset[str] = frozenset()  # words that begin a sentence, and no name
    ordinals: bool = False  # whether a dot after a number makes it an ordinal, or part of a date


def _words(never: str = "", seldom: str = "", numbers: str = "", first: str = "") -> Words:
    sets = [frozenset(each.split()) for each in (never, seldom, numbers, first)]
    return Words(sets[0], sets[1], sets[2], sets[3])


# English ones stand in texts of every language: names of people and companies.
_COMMON = _words(
    "mr mrs ms messrs dr drs prof e.g i.e vs cf mt capt col gen lt sgt cpl adm cmdr maj rev hon gov sen rep pres",
    "st jr sr inc ltd co corp bros dept univ assn ave blvd rd etc al ed eds vol ph.d est approx ext",
    "no nos p pp vol ch chap sec sect fig figs eq art nr op ver v jan feb mar apr jun jul aug sep sept oct nov dec",
)

_BY_LANGUAGE = {
    "en": _words(
        "hr supt insp viz ca",
        "ft tel dist min max misc ref refs mon tue tues wed thu thur thurs fri",
        "eqs ref refs exp ex par tab verse",
        "the this that these those there a an he she it we they i you his her its our their my your in on at if when "
        "but and so then as for after before however what how why where who nobody everyone no yes",
    ),
    "de": _words(
        "hr fr frl dipl ing st hl bzw ca vgl evtl ggf sog z d u i insb bspw einschl inkl exkl max min allg mind geb "
        "verh gest c b h m e o phil med jur nat rer",
        "usw usf etc ff f ff str tel mio mrd std sek jh jhd n chr gmbh abk abb bd kap dgl ä a s v",
        "nr s abb kap bd tab art ziff abs § -str kl bsp jan feb mär apr jun jul aug sept okt nov dez anm",
        "der die das ein eine einen er sie es wir ihr ich du man wenn als aber und so dann danach dort hier da damals "
        "sein seine ihre unser mein dein in im am auf bei nach vor für mit was wer wie wo warum doch auch alle jeder "
        "kein keine nicht nun jetzt heute gestern morgen dies diese dieser dieses",
    ),
    "fr": _words(
        "m mm mgr me st ste p.ex env av apr cf c.-à-d",
        "etc boul bd av tél s.a sté cie j.-c éd",
        "no nos p pp fig chap art vol t n° janv févr avr juil sept oct nov déc",
        "le la les l un une des il elle on nous vous ils elles je tu ce c cette ces cet son sa ses mon ma mais et puis "
        "alors dans en à au si quand comme pour après avant que qui où pourquoi tout rien",
    ),
    "es": _words(
        "sr sra srta sres dr dra dres prof profa d dña fr sto sta lic ing arq gral cnel av avda ee p.ej ej",
        "etc ud uds vd vds uu c cía s.a tel a.c d.c",
        "núm nº no pág págs p pp cap caps fig art vol t ene feb mar abr may jun jul ago sep sept oct nov dic",
        "el la los las un una unos unas él ella ellos ellas yo tú nosotros usted ustedes se es está no sí pero y luego "
        "después entonces en a al si cuando como para por con este esta ese esa eso esto su sus mi tu qué quién dónde "
        "tiene tienen hay todo nada",
    ),
    "it": _words(
        "sig sigg sigra sig.ra dott dott.ssa prof prof.ssa avv ing geom arch rag on mons s ss es ecc.mo",
        "ecc etc s.p.a s.r.l tel v c.d",
        "n nn pag pagg p pp fig cap art vol genn febbr apr giu lug ago sett ott nov dic",
        "il lo la i gli le un uno una è e ma poi in a al se quando come per con questo questa quello quella io tu lui "
        "lei noi voi loro non sì chi che dove",
    ),
    "nl": _words(
        "dhr mevr mw mej drs ir ing mr prof dr bijv bv evt d.w.z o.a m.a.w t.a.v jhr",
        "enz etc tel jl ca",
        "nr nrs blz p art fig hfst jan feb mrt apr jun jul aug sept okt nov dec",
        "de het een dit dat deze die hij zij ze wij we ik jij je u er maar en dan toen in op bij als wanneer hoe wat "
        "wie",
    ),
    "pt": _words(
        "sr sra srs sras dr dra prof profa eng exmo exma d av gen cel cap p.ex ex",
        "etc ltda cia s.a tel",
        "n nº núm pág págs p pp fig cap art vol jan fev mar abr mai jun jul ago set out nov dez",
        "o a os as um uma ele ela eles elas eu nós você vocês não sim mas e depois então em no na se quando como para "
        "por com este esta esse essa isto isso seu sua",
    ),
    "ru": _words(
        "г-н г-жа т.е т.к т.н св акад проф др ул пр д кв стр напр см ср",
        "им т.д т.п др гг г в вв руб коп тыс млн млрд",
        "с стр рис табл гл п ст № д кв",
        "он она оно они мы вы я ты это этот эта эти в на но и а если когда как что кто где там тогда потом затем не",
    ),
    "pl": _words("np tzn tj tzw m.in p ul al prof dr inż mgr ks św", "itd itp r w tel", "nr s str rys rozdz art"),
    "cs": _words("např tj tzv p pí ing mgr mudr judr prof dr sv ul nám", "atd apod č tel", "č str s obr tab čl"),
    "ko": _words("", "", "", "그 그는 그녀는 그들은 나는 저는 우리는 그리고 그러나 하지만 그런데 그래서 이 이것은"),
}
# fmt: off
_ORDINALS = frozenset((
    "de", "lb", "gsw", "bar", "nds", "ksh", "pfl", "frr", "stq", "da", "nb", "nn", "no", "fo", "is", "kl", "fi", "se",
    "smn", "sma", "smj", "krl", "olo", "fkv", "et", "vro", "lv", "ltg", "cs", "sk", "sl", "hr", "sr", "bs", "sh", "hsb",
    "dsb", "csb", "szl", "pl", "hu", "tr", "eu", "ko",
))
# fmt: on


@cache
def words_of(code: str) -> Words:
    """What is known of the language with this code, besides what is common to all; "" for an unknown language."""
    language = base_language(code)
    own = _BY_LANGUAGE.get(language, Words())
    return Words(
        _COMMON.never | own.never,
        _COMMON.seldom | own.seldom,
        _COMMON.numbers | own.numbers,
        own.first,
        language in _ORDINALS or language == SEVERAL,  # in doubt sentences stay together
    )
