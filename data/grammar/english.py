"""English inflection, articles and verb groups. Knows no Korean."""

PAST = """
be=was become=became bring=brought build=built buy=bought catch=caught come=came cut=cut do=did draw=drew
drink=drank eat=ate give=gave go=went know=knew lie=lay lose=lost make=made meet=met read=read run=ran
say=said sell=sold send=sent sing=sang sleep=slept swim=swam take=took teach=taught throw=threw wear=wore write=wrote
"""
IRREGULAR_PAST = dict(pair.split("=") for pair in PAST.split())
DOUBLING = {"cut", "run", "swim"}
IRREGULAR_PLURALS = {"child": "children", "man": "men", "woman": "women", "photo": "photos", "radio": "radios"}
NOT_A_VOWEL_SOUND = ("uni", "use", "euro", "one")  # a university, a uniform

BE = {"present": {"I": "am", "you": "are", "plural": "are", "singular": "is"}}
BE["past"] = {"I": "was", "you": "were", "plural": "were", "singular": "was"}


def third(verb: str) -> str:
    """The third person singular: go -> goes, study -> studies, play -> plays."""
    if verb.endswith(("s", "sh", "ch", "x", "o")):
        return verb + "es"
    if verb.endswith("y") and verb[-2] not in "aeou":
        return verb[:-1] + "ies"
    return verb + "s"


def past(verb: str) -> str:
    """The past tense: go -> went, study -> studied, play -> played."""
    if verb in IRREGULAR_PAST:
        return IRREGULAR_PAST[verb]
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2] not in "aeou":
        return verb[:-1] + "ied"
    return verb + (verb[-1] if verb in DOUBLING else "") + "ed"


def participle(verb: str) -> str:
    """The present participle: go -> going, make -> making, run -> running, lie -> lying."""
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e"):
        return verb[:-1] + "ing"
    return verb + (verb[-1] if verb in DOUBLING else "") + "ing"


def plural(noun: str) -> str:
    """The plural of a noun, whose last word is inflected: police officer -> police officers."""
    head, _, last = noun.rpartition(" ")
    last = IRREGULAR_PLURALS.get(last) or third(last)
    return f"{head} {last}".strip()


def article(phrase: str) -> str:
    """The phrase with 'a' or 'an', by its first sound."""
    vowel = phrase[0].lower() in "aeiou" and not phrase.lower().startswith(NOT_A_VOWEL_SOUND)
    return f"an {phrase}" if vowel else f"a {phrase}"


def inflect(phrase: str, form: str) -> str:
    """Inflect the verb of a phrase, which is its first word: ('listen to', 'past') -> 'listened to'."""
    verb, _, rest = phrase.partition(" ")
    forms = {"third": third, "past": past, "participle": participle}
    return f"{forms[form](verb) if form in forms else verb} {rest}".strip()


def verb_group(phrase: str, tense: str, agreement: str, negative: bool = False) -> list[str]:
    """The auxiliary, which a question moves before the subject, and the rest of the verb group.

    The auxiliary is '' if a statement has none: "he goes", but "does he go?"
    """
    no = "not" if negative else ""
    if tense == "future":
        return ["will", words(no, phrase)]
    if phrase.split()[0] == "be":
        return [BE[tense][agreement], words(no, phrase[2:])]
    if negative:
        return [support(tense, agreement), words(no, phrase)]
    if tense == "past":
        return ["", inflect(phrase, "past")]
    return ["", inflect(phrase, "third" if agreement == "singular" else "base")]


def support(tense: str, agreement: str) -> str:
    """The form of 'do' in questions and negations: do, does or did."""
    if tense == "past":
        return "did"
    return "does" if agreement == "singular" else "do"


def words(*parts: str) -> str:
    """Join the parts that are not empty with single spaces."""
    return " ".join(part.strip() for part in parts if part.strip())
